/// Reads `tokenizer.json`. It refuses by name what this module does not support.
struct TokenizerDocumentReader {
  /// Sixteen times the largest vocabulary there is: a wrong id must not take gigabytes.
  private static let maximumID = 1 << 22

  static func read(_ root: JSONCursor) throws(TokenizerError) -> TokenizerDocument {
    let model = try model(root.required("model", "the model"))
    var document = TokenizerDocument(model: model)
    for token in try root.optional("added_tokens")?.elements() ?? [] {
      document.addedTokens.append(try addedToken(token))
    }
    if let node = try root.optional("normalizer") { document.normalizers = try normalizers(node) }
    if let node = try root.optional("pre_tokenizer") { document.preTokenizers = try preTokenizers(node) }
    if let node = try root.optional("post_processor") { document.template = try template(node) }
    if let node = try root.optional("decoder") { document.decoders = try decoders(node) }
    return document
  }

  // MARK: Tokens and merges

  private static func model(_ node: JSONCursor) throws(TokenizerError) -> BytePairModel {
    // Files of before 2020 name no type.
    if let type = try node.optional("type"), try type.string() != "BPE" {
      throw type.unsupported("the model type \(quoted(try type.string()))", supported: "BPE")
    }
    if let dropout = try node.optional("dropout") {
      guard dropout.value.numberValue == 0 else {
        throw dropout.unsupported("dropping merges at random", supported: "no dropout")
      }
    }
    for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = try node.optional(name), try !affix.string().isEmpty {
        throw affix.unsupported("the affix \(quoted(try affix.string()))", supported: "no affix")
      }
    }
    let vocabulary = try node.required("vocab", "tokens and their ids")
    let tokens = try vocabulary.members().map { (member) throws(TokenizerError) in
      let id = vocabulary.child(member.value, "[\(quoted(member.key))]")
      return (token: member.key, id: Int32(try id.integer(in: 0...maximumID)))
    }
    return BytePairModel(
      vocabulary: tokens, merges: try merges(node.required("merges", "pairs of tokens")),
      unknownToken: try node.optional("unk_token")?.string(),
      fusesUnknown: try node.bool("fuse_unk", default: false),
      fallsBackToBytes: try node.bool("byte_fallback", default: false),
      ignoresMerges: try node.bool("ignore_merges", default: false))
  }

  /// Reads pairs, or strings with a space between two tokens, which files of `tokenizers` before 0.20 have.
  private static func merges(_ node: JSONCursor) throws(TokenizerError) -> [(left: String, right: String)] {
    guard case .array(let elements) = node.value else { throw node.wrong("an array") }
    var merges: [(left: String, right: String)] = []
    merges.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      switch element {
      case .string(let text):
        if text.utf8.starts(with: "#version".utf8) { continue }
        merges.append(try split(merge: text, index: index, node))
      case .array(let pair):
        guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1] else {
          throw node.child(element, "[\(index)]").wrong("two tokens")
        }
        merges.append((left, right))
      default:
        throw node.child(element, "[\(index)]").wrong("a pair of tokens")
      }
    }
    return merges
  }

  private static func split(
    merge text: String, index: Int, _ node: JSONCursor
  ) throws(TokenizerError) -> (left: String, right: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw .brokenVocabulary(
        file: node.file, path: node.path, fault: .malformedMerge(index: index, text: text))
    }
    return (String(Substring(parts[0])), String(Substring(parts[1])))
  }

  private static func addedToken(_ node: JSONCursor) throws(TokenizerError) -> AddedToken {
    let content = try node.string("content")
    guard !content.isEmpty else { throw try node.required("content", "a string").wrong("some text") }
    return AddedToken(
      id: Int32(try node.required("id", "the token's id").integer(in: 0...maximumID)),
      content: content,
      isSingleWord: try node.bool("single_word", default: false),
      stripsLeft: try node.bool("lstrip", default: false),
      stripsRight: try node.bool("rstrip", default: false),
      isNormalized: try node.bool("normalized", default: false),
      isSpecial: try node.bool("special", default: false))
  }

  // MARK: Nodes

  /// Returns the leaves below a node. `Sequence` lists other nodes, and nests.
  private static func leaves(
    _ node: JSONCursor, under list: String
  ) throws(TokenizerError) -> [(type: String, node: JSONCursor)] {
    let type = try node.string("type")
    guard type == "Sequence" else { return [(type, node)] }
    var result: [(type: String, node: JSONCursor)] = []
    for child in try node.required(list, "an array").elements() {
      result += try leaves(child, under: list)
      guard result.count <= TokenizerLimits.steps else {
        throw node.unsupported(
          "a sequence of more than \(TokenizerLimits.steps) steps",
          supported: "at most \(TokenizerLimits.steps)")
      }
    }
    return result
  }

  private static func normalizers(_ root: JSONCursor) throws(TokenizerError) -> [NormalizerNode] {
    var result: [NormalizerNode] = []
    var replacements: [Replacement] = []
    for (type, node) in try leaves(root, under: "normalizers") {
      switch type {
      case "NFC": result.append(.canonicalComposition)
      case "Prepend": result.append(.prepend(try literal(node.required("prepend", "a string"))))
      case "Replace":
        replacements.append(try replacement(node))
        result += replacements.suffix(1).map { .replace(pattern: $0.pattern, content: $0.content) }
      default:
        throw node.unsupported(
          "the normalizer \(quoted(type))", supported: "NFC, Prepend, Replace, Sequence")
      }
    }
    try checkGrowth(replacements, root)
    return result
  }

  private typealias Replacement = (pattern: String, content: String)

  private static func replacement(_ node: JSONCursor) throws(TokenizerError) -> Replacement {
    (try literalPattern(node), try literal(node.required("content", "a string")))
  }

  private static func checkGrowth(
    _ replacements: [Replacement], _ node: JSONCursor
  ) throws(TokenizerError) {
    guard TokenizerLimits.growth(of: replacements) <= TokenizerLimits.growth else {
      let most = Int(TokenizerLimits.growth)
      throw node.unsupported(
        "making a text more than \(most) times longer by Replace", supported: "at most \(most) times")
    }
  }

  /// Reads a text that a step looks for or puts in. Its length is limited.
  private static func literal(_ node: JSONCursor) throws(TokenizerError) -> String {
    let text = try node.string()
    guard text.utf8.count <= TokenizerLimits.literal else {
      throw node.unsupported(
        "a text of \(text.utf8.count) bytes", supported: "at most \(TokenizerLimits.literal) bytes")
    }
    return text
  }

  private static func literalPattern(_ node: JSONCursor) throws(TokenizerError) -> String {
    let pattern = try node.required("pattern", "a pattern")
    guard let text = try pattern.optional("String") else {
      throw pattern.unsupported("replacing by a regular expression", supported: "{\"String\": …}")
    }
    guard try !text.string().isEmpty else { throw text.wrong("some text to replace") }
    return try literal(text)
  }

  private static func preTokenizers(_ root: JSONCursor) throws(TokenizerError) -> [PreTokenizerNode] {
    var result: [PreTokenizerNode] = []
    for (type, node) in try leaves(root, under: "pretokenizers") {
      switch type {
      case "Digits": result.append(.digits(individually: try node.bool("individual_digits", default: false)))
      case "Split": result.append(try splitNode(node))
      case "Metaspace": result.append(.metaspace(try metaspace(node)))
      case "ByteLevel":
        result.append(
          .byteLevel(
            addsPrefixSpace: try node.bool("add_prefix_space", default: true),
            usesPattern: try node.bool("use_regex", default: true)))
      default:
        throw node.unsupported(
          "the pre-tokenizer \(quoted(type))", supported: "ByteLevel, Digits, Metaspace, Sequence, Split")
      }
    }
    return result
  }

  private static func splitNode(_ node: JSONCursor) throws(TokenizerError) -> PreTokenizerNode {
    let pattern = try node.required("pattern", "a pattern")
    let behavior = try node.string("behavior")
    let inverts = try node.bool("invert", default: false)
    if let literal = try pattern.optional("String") {
      guard behavior == "MergedWithPrevious", !inverts, try !literal.string().isEmpty else {
        throw node.unsupported("this split on a fixed string", supported: "MergedWithPrevious, not inverted")
      }
      return .literal(try self.literal(literal))
    }
    let regex = try pattern.required("Regex", "a regular expression")
    let text = try regex.string()
    guard let known = SplitPattern.allCases.first(where: { $0.regex.utf8.elementsEqual(text.utf8) }) else {
      throw regex.unsupported(
        "the regular expression \(text)", supported: "those of GPT-2, Llama 3 and Qwen2, letter by letter")
    }
    // The patterns match every character, so removing what does not match removes nothing.
    guard (behavior == "Isolated" && !inverts) || (behavior == "Removed" && inverts) else {
      throw node.unsupported(
        "splitting with behavior \(quoted(behavior)), invert \(inverts)", supported: "Isolated, not inverted")
    }
    return .pattern(known)
  }

  private static func metaspace(_ node: JSONCursor) throws(TokenizerError) -> Metaspace {
    var result = Metaspace(splits: try node.bool("split", default: true))
    if let text = try node.optional("replacement") { result.replacement = try scalar(text) }
    if let text = try node.optional("prepend_scheme") {
      guard let scheme = Metaspace.PrependScheme(rawValue: try text.string()) else {
        throw text.wrong("\"first\", \"always\" or \"never\"")
      }
      result.scheme = scheme
    }
    // The older spelling of `never`.
    if try !node.bool("add_prefix_space", default: true) { result.scheme = .never }
    return result
  }

  private static func scalar(_ node: JSONCursor) throws(TokenizerError) -> Unicode.Scalar {
    let text = try node.string()
    guard let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
      throw node.wrong("one character")
    }
    return scalar
  }

  // MARK: Around and back

  private static func template(_ root: JSONCursor) throws(TokenizerError) -> SequenceTemplate {
    var template = SequenceTemplate()
    for (type, node) in try leaves(root, under: "processors") {
      switch type {
      case "ByteLevel": break  // It trims offsets, which are not computed here.
      case "TemplateProcessing":
        let inner = try templateProcessing(node)
        template.before = inner.before + template.before
        template.after += inner.after
      default:
        throw node.unsupported(
          "the post-processor \(quoted(type))", supported: "ByteLevel, Sequence, TemplateProcessing")
      }
    }
    return template
  }

  private static func templateProcessing(_ node: JSONCursor) throws(TokenizerError) -> SequenceTemplate {
    let single = try node.required("single", "the template of one text")
    let specialTokens = try node.optional("special_tokens")
    var template = SequenceTemplate()
    var texts = 0
    for piece in try single.elements() {
      if let special = try piece.optional("SpecialToken") {
        let name = try special.string("id")
        guard let token = try specialTokens?.optional(name) else {
          throw special.wrong("a token that special_tokens lists")
        }
        let ids = try token.required("ids", "the token's ids").elements().map {
          (id) throws(TokenizerError) in Int32(try id.integer(in: 0...maximumID))
        }
        guard template.before.count + template.after.count + ids.count <= TokenizerLimits.steps else {
          throw single.unsupported(
            "more than \(TokenizerLimits.steps) tokens around a text",
            supported: "at most \(TokenizerLimits.steps)")
        }
        if texts == 0 { template.before += ids } else { template.after += ids }
      } else {
        _ = try piece.required("Sequence", "a SpecialToken or a Sequence")
        texts += 1
      }
    }
    guard texts == 1 else {
      throw single.unsupported("a template with \(texts) texts", supported: "one text, once")
    }
    return template
  }

  private static func decoders(_ root: JSONCursor) throws(TokenizerError) -> [DecoderNode] {
    var result: [DecoderNode] = []
    var replacements: [Replacement] = []
    for (type, node) in try leaves(root, under: "decoders") {
      switch type {
      case "ByteLevel": result.append(.byteLevel)
      case "ByteFallback": result.append(.byteFallback)
      case "Fuse": result.append(.fuse)
      case "Metaspace": result.append(.metaspace(try metaspace(node)))
      case "Replace":
        replacements.append(try replacement(node))
        result += replacements.suffix(1).map { .replace(pattern: $0.pattern, content: $0.content) }
      case "Strip":
        let start = try node.required("start", "a count").integer(in: 0...maximumID)
        if try node.required("stop", "a count").integer(in: 0...maximumID) != 0 {
          throw node.unsupported("stripping the end of the text", supported: "\"stop\": 0")
        }
        let content = try scalar(node.required("content", "one character"))
        result.append(.stripStart(content: content, count: start))
      default:
        throw node.unsupported(
          "the decoder \(quoted(type))",
          supported: "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence, Strip")
      }
    }
    try checkGrowth(replacements, root)
    return result
  }
}
