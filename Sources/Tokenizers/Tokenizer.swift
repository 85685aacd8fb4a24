import Files
import Foundation
import JSON

/// Turns text into token ids and back. The ids are those of Hugging Face `tokenizers`.
///
/// A tokenizer comes from a `tokenizer.json` or from the vocabulary of a GGUF file. It never changes and may be used on
/// any thread.
public struct Tokenizer: Sendable {
  /// The number of ids: `0 ..< vocabularySize`. A model may have more rows.
  public var vocabularySize: Int { vocabulary.tokens.count }
  /// The token that begins a text, if there is one.
  public let bosID: Int32?
  /// The tokens that end a text.
  public let eosIDs: [Int32]
  public let unknownID: Int32?
  public let paddingID: Int32?

  let document: TokenizerDocument
  let vocabulary: Vocabulary
  let config: TokenizerConfig
  let decoder: TokenDecoder
  private let normalizer: Normalizer
  private let preTokenizer: PreTokenizer
  private let encoding: BytePairEncoding
  /// Added tokens that are looked for in the text as it comes, and in the normalized text.
  private let plainTokens: AddedTokenMatcher
  private let normalizedTokens: AddedTokenMatcher
  let template: SequenceTemplate
  private let specialIDs: Set<Int32>
  /// Added tokens decode to their normalized form. (`tokenizers` 0.23 then does not skip them with special tokens; here
  /// they are skipped.)
  private let normalizedSpellings: [Int32: String]

  /// Reads a `tokenizer.json` and the files beside it that name tokens, if they exist: `tokenizer_config.json`,
  /// `special_tokens_map.json` and `added_tokens.json`.
  ///
  /// Without them no token has a role: `bosID` is nil and `eosIDs` is empty.
  /// - Throws: `TokenizerError`.
  public init(
    huggingFaceJSON: URL, config: URL?, specialTokensMap: URL? = nil, addedTokens: URL? = nil
  ) throws(TokenizerError) {
    var document = try TokenizerDocumentReader.read(Self.parse(huggingFaceJSON))
    let parse = { (url: URL) throws(TokenizerError) in try Self.parse(url) }
    let configuration = try config.map(parse)
    let named = try NamedTokens(
      config: configuration, specialTokensMap: try specialTokensMap.map(parse),
      addedTokens: try addedTokens.map(parse))
    try named.add(to: &document)
    try self.init(
      document, config: try TokenizerConfig(configuration, named), file: huggingFaceJSON.path,
      configFile: config?.path)
  }

  /// Makes the tokenizer that a GGUF file describes.
  /// - Throws: `TokenizerError`, whose paths are the metadata keys.
  public init(gguf: GGUFVocabulary) throws(TokenizerError) {
    let (document, config) = try gguf.document()
    try self.init(document, config: config, file: gguf.file, configFile: nil)
  }

  init(
    _ document: TokenizerDocument, config: TokenizerConfig, file: String, configFile: String?
  ) throws(TokenizerError) {
    let vocabulary = try Vocabulary(document, file: file)
    let normalizer = Normalizer(steps: document.normalizers)
    func role(
      _ name: String, _ token: String?, _ path: String, in file: String
    ) throws(TokenizerError) -> Int32? {
      guard let token else { return nil }
      if let id = vocabulary.id(of: token) { return id }
      throw .brokenVocabulary(
        file: file, path: path, fault: .unknownSpecialToken(role: name, token: token))
    }
    let configFile = configFile ?? file
    bosID = try role("beginning-of-text", config["bos_token"], "$.bos_token", in: configFile)
    eosIDs = try role("end-of-text", config["eos_token"], "$.eos_token", in: configFile).map { [$0] } ?? []
    paddingID = try role("padding", config["pad_token"], "$.pad_token", in: configFile)
    let unknown = try role(
      "unknown", document.model.unknownToken, document.paths.unknownToken, in: file)
    unknownID = try role("unknown", config["unk_token"], "$.unk_token", in: configFile) ?? unknown

    preTokenizer = try PreTokenizer(document.preTokenizers, file: file)
    decoder = try TokenDecoder(document.decoders, file: file)
    encoding = try BytePairEncoding(
      document, vocabulary: vocabulary, isByteLevel: preTokenizer.isByteLevel, unknown: unknown, file: file)
    template = try Self.template(document, config, bosID: bosID, eosID: eosIDs.first, vocabulary, file)

    let plain = document.addedTokens.filter { !$0.isNormalized }
    let normalized = document.addedTokens.filter(\.isNormalized)
    let patterns = normalized.map { normalizer.normalize($0.content) }
    let passesOverSpecial = config.splitsSpecialTokens
    plainTokens = AddedTokenMatcher(
      plain, patterns: plain.map(\.content), passesOverSpecial: passesOverSpecial)
    normalizedTokens = AddedTokenMatcher(
      normalized, patterns: patterns, passesOverSpecial: passesOverSpecial)
    normalizedSpellings = Dictionary(zip(normalized.map(\.id), patterns)) { first, _ in first }
    specialIDs = Set(document.addedTokens.filter(\.isSpecial).map(\.id))

    self.document = document
    self.vocabulary = vocabulary
    self.config = config
    self.normalizer = normalizer
  }

  /// Returns the ids of a text. Special tokens in the text are recognised.
  /// - Parameter addSpecialTokens: whether to add what the tokenizer's template puts around a text, such as BOS.
  public func encode(_ text: String, addSpecialTokens: Bool = false) -> [Int32] {
    var ids: [Int32] = addSpecialTokens ? template.before : []
    var cache = WordCache()
    let bytes = Array(text.utf8)
    for piece in plainTokens.pieces(of: bytes) {
      if let token = piece.token {
        ids.append(token)
        continue
      }
      let normalized = normalizer.normalize(Array(bytes[piece.range]))
      for inner in normalizedTokens.pieces(of: normalized) {
        if let token = inner.token {
          ids.append(token)
          continue
        }
        let isFirst = piece.range.lowerBound == 0 && inner.range.lowerBound == 0
        let words = preTokenizer.prepare(Array(normalized[inner.range]), isFirst: isFirst)
        preTokenizer.forEachWord(in: words) { range in
          cache.encode(words, range, with: encoding, into: &ids)
        }
      }
    }
    if addSpecialTokens { ids += template.after }
    return ids
  }

  /// Returns the text of these ids. Unknown ids are skipped. Bytes that are not UTF-8 become U+FFFD.
  public func decode(_ ids: [Int32], skipSpecialTokens: Bool = false) -> String {
    decoder.text(of: ids.compactMap { decodedToken($0, skipsSpecialTokens: skipSpecialTokens) })
  }

  /// Returns a decoder for a text that comes token by token.
  public func streamingDecoder(skipSpecialTokens: Bool = false) -> StreamingDecoder {
    StreamingDecoder(self, skipsSpecialTokens: skipSpecialTokens)
  }

  /// The tokens that have a role: `bos_token`, `pad_token`, and others that the tokenizer's files name.
  public var tokensByRole: [(role: String, token: String)] { config.roles.map { ($0.name, $0.token) } }

  /// The vocabulary's spelling of a token; nil if there is no such id.
  public func token(of id: Int32) -> String? { vocabulary.token(id) }

  /// The id of a token by its spelling in the vocabulary.
  public func id(of token: String) -> Int32? { vocabulary.id(of: token) }

  func decodedToken(_ id: Int32, skipsSpecialTokens: Bool) -> String? {
    if skipsSpecialTokens && specialIDs.contains(id) { return nil }
    return normalizedSpellings[id] ?? vocabulary.token(id)
  }

  /// If the config says whether to add BOS or EOS, the template follows from that, as in `transformers`
  /// (`tokenization_utils_tokenizers.py`, `update_post_processor`). Otherwise that of `tokenizer.json` holds.
  private static func template(
    _ document: TokenizerDocument, _ config: TokenizerConfig, bosID: Int32?, eosID: Int32?,
    _ vocabulary: Vocabulary, _ file: String
  ) throws(TokenizerError) -> SequenceTemplate {
    if config.addsBOS != nil || config.addsEOS != nil {
      return SequenceTemplate(
        before: config.addsBOS == true ? [bosID].compactMap { $0 } : [],
        after: config.addsEOS == true ? [eosID].compactMap { $0 } : [])
    }
    for id in document.template.before + document.template.after where vocabulary.token(id) == nil {
      throw .unexpectedValue(
        file: file, path: "$.post_processor", expected: "ids of tokens", found: "the id \(id)")
    }
    return document.template
  }

  private static func parse(_ url: URL) throws(TokenizerError) -> JSONCursor {
    let bytes: [UInt8]
    do { bytes = try ReadableFile.bytes(of: url.path) } catch {
      throw .unreadable(file: url.path, reason: error.reason)
    }
    do {
      return JSONCursor(try JSONValue(parsing: bytes), file: url.path)
    } catch {
      throw .malformedJSON(file: url.path, line: error.line, column: error.column, problem: error.reason)
    }
  }
}

extension BytePairEncoding {
  init(
    _ document: TokenizerDocument, vocabulary: Vocabulary, isByteLevel: Bool, unknown: Int32?, file: String
  ) throws(TokenizerError) {
    let model = document.model
    // A word is only ever made of the model's own tokens, not of added ones.
    var own = ByteStringTable(minimumCapacity: model.vocabulary.count)
    for (token, id) in model.vocabulary { own.insert(token, value: id) }
    if isByteLevel {
      let isComplete = ByteAlphabet.scalars.allSatisfy { own.value(of: String($0)) != nil }
      if model.fallsBackToBytes && !isComplete {
        throw .unsupported(
          file: file, path: "$.model.byte_fallback", feature: "falling back to bytes from bytes",
          supported: "byte_fallback without ByteLevel, or a token for each of the 256 bytes")
      }
      symbols = .bytes(ByteAlphabet.scalars.map { own.value(of: String($0)) })
    } else {
      let names = (0...UInt8.max).map { Self.byteToken($0) }
      symbols = .characters(fallback: names.map { model.fallsBackToBytes ? own.value(of: $0) : nil })
    }
    var words = ByteStringTable(minimumCapacity: model.ignoresMerges ? model.vocabulary.count : 0)
    for (token, id) in model.vocabulary where model.ignoresMerges {
      guard let bytes = isByteLevel ? ByteAlphabet.bytes(of: token) : Array(token.utf8) else { continue }
      words.insert(bytes, in: 0..<bytes.count, value: id)
    }
    wholeWords = model.ignoresMerges ? words : nil
    merges = try MergeTable(document, own: own, file: file)
    self.own = own
    self.unknown = unknown
    fusesUnknown = model.fusesUnknown
  }

  /// `<0x0A>`, as SentencePiece spells the tokens of single bytes.
  static func byteToken(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
  }
}
