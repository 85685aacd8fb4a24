/// Turns the vocabulary of a GGUF file into the parts of a `tokenizer.json`.
extension GGUFVocabulary {
  private enum TokenType {
    static let normal: Int32 = 1
    static let unknown: Int32 = 2
    static let control: Int32 = 3
    static let userDefined: Int32 = 4
  }

  func document() throws(TokenizerError) -> (TokenizerDocument, TokenizerConfig) {
    try checkCounts()
    let config = try config()
    var document: TokenizerDocument
    switch model {
    case "gpt2": document = try byteLevelDocument()
    case "llama": document = try sentencePieceDocument()
    default:
      throw .unsupported(
        file: file, path: "tokenizer.ggml.model", feature: "the model \(quoted(model))",
        supported: "gpt2, llama")
    }
    for (id, type) in tokenTypes.enumerated() {
      let isControl = type == TokenType.control || type == TokenType.unknown
      guard isControl || type == TokenType.userDefined else { continue }
      guard !tokens[id].isEmpty else {
        throw wrong("tokenizer.ggml.tokens[\(id)]", "some text for a special token", "an empty token")
      }
      document.addedTokens.append(AddedToken(id: Int32(id), content: tokens[id], isSpecial: isControl))
    }
    document.paths = TokenizerDocument.Paths(
      vocabulary: "tokenizer.ggml.tokens", merges: "tokenizer.ggml.merges",
      unknownToken: "tokenizer.ggml.unknown_token_id")
    return (document, config)
  }

  private func checkCounts() throws(TokenizerError) {
    let lists = [("scores", scores.count, model == "llama"), ("token_type", tokenTypes.count, false)]
    for (list, count, isNeeded) in lists where count != tokens.count && (isNeeded || count != 0) {
      throw .brokenVocabulary(
        file: file, path: "tokenizer.ggml.\(list)",
        fault: .countMismatch(list: list, count: count, tokens: tokens.count))
    }
    // Before the merges are made of them.
    if let id = tokens.firstIndex(where: { $0.utf8.count > TokenizerLimits.token }) {
      throw .unsupported(
        file: file, path: "tokenizer.ggml.tokens[\(id)]",
        feature: "a token of \(tokens[id].utf8.count) bytes",
        supported: "at most \(TokenizerLimits.token) bytes")
    }
    if let id = scores.firstIndex(where: { !$0.isFinite }) {
      throw wrong("tokenizer.ggml.scores[\(id)]", "a finite number", "\(scores[id])")
    }
  }

  private func config() throws(TokenizerError) -> TokenizerConfig {
    var config = TokenizerConfig()
    for (name, id, key) in [
      ("bos_token", bosID, "bos_token_id"), ("eos_token", eosID, "eos_token_id"),
      ("unk_token", unknownID, "unknown_token_id"), ("pad_token", paddingID, "padding_token_id"),
    ] {
      guard let id else { continue }
      if tokens.indices.contains(id) {
        config.roles.append(TokenizerConfig.Role(name: name, token: tokens[id]))
      } else if name != "pad_token" {  // No text needs it, and llama.cpp works without it, too.
        throw wrong("tokenizer.ggml.\(key)", "an id below \(tokens.count)", "\(id)")
      }
    }
    // llama.cpp's defaults, in `llama_vocab::impl::load`.
    config.addsBOS = (addBOS ?? (model == "llama" || Self.llama3.contains(pre))) && bosID != nil
    config.addsEOS = (addEOS ?? false) && eosID != nil
    return config
  }

  // MARK: Byte-level

  // Names of llama.cpp (`llama-vocab.cpp`) for the same regular expressions.
  private static let llama3 = ["llama-bpe", "llama3", "llama-v3"]

  private func byteLevelDocument() throws(TokenizerError) -> TokenizerDocument {
    var document = TokenizerDocument(
      model: BytePairModel(vocabulary: vocabulary, merges: try listedMerges()))
    document.decoders = [.byteLevel]
    switch pre {
    // Converters write `default` if they don't recognise the model. GPT-2's is then the likeliest.
    case "default", "gpt-2", "gpt2":
      document.preTokenizers = [.byteLevel(addsPrefixSpace: addSpacePrefix ?? false, usesPattern: true)]
    case "smollm", "starcoder", "refact", "command-r":
      document.preTokenizers = [
        .digits(individually: true), .byteLevel(addsPrefixSpace: false, usesPattern: true),
      ]
    case _ where Self.llama3.contains(pre):
      document.preTokenizers = [.pattern(.llama3), .byteLevel(addsPrefixSpace: false, usesPattern: false)]
      document.model.ignoresMerges = true
    case "qwen2", "deepseek-r1-qwen":
      document.normalizers = [.canonicalComposition]
      document.preTokenizers = [.pattern(.qwen2), .byteLevel(addsPrefixSpace: false, usesPattern: false)]
    default:
      throw .unsupported(
        file: file, path: "tokenizer.ggml.pre", feature: "the pre-tokenizer \(quoted(pre))",
        supported: "default, gpt-2, llama-bpe, qwen2, smollm")
    }
    return document
  }

  private var vocabulary: [(token: String, id: Int32)] {
    tokens.enumerated().map { (token: $1, id: Int32($0)) }
  }

  private func listedMerges() throws(TokenizerError) -> [(left: String, right: String)] {
    try merges.enumerated().map { (index, merge) throws(TokenizerError) in
      let bytes = merge.utf8
      // The first byte may be a token that is a space, as in llama.cpp.
      guard let middle = bytes.dropFirst().firstIndex(of: UInt8(ascii: " ")) else {
        throw .brokenVocabulary(
          file: file, path: "tokenizer.ggml.merges",
          fault: .malformedMerge(index: index, text: merge))
      }
      return (String(merge[..<middle]), String(merge[bytes.index(after: middle)...]))
    }
  }

  // MARK: SentencePiece

  private func sentencePieceDocument() throws(TokenizerError) -> TokenizerDocument {
    let mark = "\u{2581}"
    let addsPrefix = addSpacePrefix ?? true
    var document = TokenizerDocument(model: BytePairModel(vocabulary: vocabulary, merges: scoredMerges()))
    // `<unk>` is id 0 unless the file says otherwise.
    let unknown = unknownID ?? 0
    document.model.unknownToken = tokens.indices.contains(unknown) ? tokens[unknown] : nil
    document.model.fusesUnknown = true
    document.model.fallsBackToBytes = true
    document.normalizers =
      (addsPrefix ? [.prepend(mark)] : []) + [.replace(pattern: " ", content: mark)]
    document.decoders =
      [.replace(pattern: mark, content: " "), .byteFallback, .fuse]
      + (addsPrefix ? [.stripStart(content: " ", count: 1)] : [])
    return document
  }

  /// Lists all merges of two tokens into a third, by the third's score, the best first. Of equal scores the longer left
  /// part comes first, then the longer right part. transformers makes the `tokenizer.json` of SentencePiece models so
  /// (`generate_merges` in `convert_slow_tokenizer.py`). llama.cpp compares scores directly. The results differ only in
  /// words where two ways to make the same token overlap.
  private func scoredMerges() -> [(left: String, right: String)] {
    struct Candidate {
      var left: [UInt8]
      var right: [UInt8]
      var score: Float
      var leftLength: Int
      var rightLength: Int
      var leftID: Int32
      var rightID: Int32
    }
    var parts = ByteStringTable(minimumCapacity: tokens.count)
    for (id, token) in tokens.enumerated() where isMergeable(id) { parts.insert(token, value: Int32(id)) }
    var candidates: [Candidate] = []
    for (id, token) in tokens.enumerated() where isMergeable(id) {
      let bytes = Array(token.utf8)
      let length = token.unicodeScalars.count
      var local: [Candidate] = []
      var middle = 0
      for leftLength in 1..<max(1, length) {
        middle = character(at: middle, of: bytes, before: bytes.count).next
        guard let left = parts.value(of: bytes, in: 0..<middle),
          let right = parts.value(of: bytes, in: middle..<bytes.count)
        else { continue }
        local.append(
          Candidate(
            left: Array(bytes[..<middle]), right: Array(bytes[middle...]), score: scores[id],
            leftLength: leftLength, rightLength: length - leftLength, leftID: left, rightID: right))
      }
      candidates += local.sorted { ($0.leftID, $0.rightID) < ($1.leftID, $1.rightID) }
    }
    // Swift's sort is stable, as Python's is.
    candidates.sort {
      ($0.score, $0.leftLength, $0.rightLength) > ($1.score, $1.leftLength, $1.rightLength)
    }
    return candidates.map {
      (String(decoding: $0.left, as: UTF8.self), String(decoding: $0.right, as: UTF8.self))
    }
  }

  /// Control, byte and unused tokens never come out of a merge.
  private func isMergeable(_ id: Int) -> Bool {
    tokenTypes.isEmpty || tokenTypes[id] == TokenType.normal || tokenTypes[id] == TokenType.userDefined
  }

  private func wrong(_ path: String, _ expected: String, _ found: String) -> TokenizerError {
    .unexpectedValue(file: file, path: path, expected: expected, found: found)
  }
}
