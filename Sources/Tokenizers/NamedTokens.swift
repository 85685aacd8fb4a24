import JSON

/// The tokens that the files beside `tokenizer.json` name.
///
/// The rules are those of transformers 5 (`tokenization_utils_base.py`, `_from_pretrained` and `__init__`;
/// `tokenization_utils_tokenizers.py`, `__init__`). The order is:
/// - `added_tokens_decoder` of `tokenizer_config.json`, by id, or else `added_tokens.json`;
/// - the roles, from `bos_token` to `mask_token`, then other members whose name ends in `_token`;
/// - `extra_special_tokens`, which was called `additional_special_tokens`.
///
/// `special_tokens_map.json` wins over `tokenizer_config.json`. Like `added_tokens.json`, it is read only if there is no
/// `added_tokens_decoder`. A token that `tokenizer.json` lacks is added behind its last one.
struct NamedTokens {
  private var listed: [NamedToken] = []
  /// In transformers' order; `bos_token` and the other usual ones come first.
  private(set) var roles: [(role: String, token: NamedToken)] = []
  private var extra: [NamedToken] = []

  static let usualRoles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]
  /// Without these a text can't be read: a broken one is refused instead of being added.
  private static let neededRoles = [
    "bos_token": "beginning-of-text", "eos_token": "end-of-text", "unk_token": "unknown",
  ]

  init() {}

  init(config: JSONCursor?, specialTokensMap: JSONCursor?, addedTokens: JSONCursor?) throws(TokenizerError) {
    let decoder = try config?.optional("added_tokens_decoder")
    let map = decoder == nil ? specialTokensMap : nil
    try readRoles(config, map)
    let extraOfConfig = try Self.extra(config)
    try readExtra(extraOfConfig, map)
    if let decoder {
      for (id, node) in try Self.byID(decoder) {
        guard case .object = node.value else { throw node.wrong("an object with \"content\"") }
        listed.append(try NamedToken(node, isSpecial: try node.bool("special", default: false), id: id))
      }
    } else if let addedTokens {
      var special = roles.filter { Self.usualRoles.contains($0.role) }.map(\.token.content)
      if let extraOfConfig, extraOfConfig.value.arrayValue != nil {
        for token in try extraOfConfig.elements() { special.append(try NamedToken(token).content) }
      }
      for member in try addedTokens.members() {
        let node = addedTokens.member(member)
        let isSpecial = special.contains { $0.utf8.elementsEqual(member.key.utf8) }
        let id = try node.integer(in: 0...Int(Int32.max))
        listed.append(try NamedToken(node, key: member.key, isSpecial: isSpecial, id: id))
      }
      listed.sort { ($0.id ?? 0) < ($1.id ?? 0) }
    }
  }

  // MARK: Reading

  private mutating func readRoles(_ config: JSONCursor?, _ map: JSONCursor?) throws(TokenizerError) {
    var usual: [String: NamedToken] = [:]
    var others: [(role: String, token: NamedToken)] = []
    var plain: [(role: String, token: NamedToken)] = []
    for (file, isMap) in [(map, true), (config, false)] {
      guard let file else { continue }
      for member in try file.members() where member.key.hasSuffix("_token") {
        let node = file.member(member)
        let isUsual = Self.usualRoles.contains(member.key)
        guard member.value.stringValue != nil || member.value.objectValue != nil else {
          if isUsual, member.value != .null { throw node.wrong("a token") }
          continue
        }
        let isTyped = isMap || member.value["__type"]?.stringValue == "AddedToken"
        if isUsual {
          if usual[member.key] != nil { continue }
          usual[member.key] = try NamedToken(node, isTyped: isTyped)
        } else if member.value.stringValue != nil, !isMap {
          plain.append((member.key, try NamedToken(node)))
        } else if isTyped {
          others.append((member.key, try NamedToken(node)))
        }
      }
    }
    for role in Self.usualRoles { if let token = usual[role] { roles.append((role, token)) } }
    roles += others + plain
  }

  /// The list of tokens, or the object of roles, that a file has under either name.
  private static func extra(_ file: JSONCursor?) throws(TokenizerError) -> JSONCursor? {
    for name in ["extra_special_tokens", "additional_special_tokens"] {
      guard let node = try file?.optional(name) else { continue }
      guard let isEmpty = node.value.arrayValue?.isEmpty ?? node.value.objectValue?.isEmpty else {
        throw node.wrong("a list of tokens")
      }
      if !isEmpty { return node }
    }
    return nil
  }

  private mutating func readExtra(_ ofConfig: JSONCursor?, _ map: JSONCursor?) throws(TokenizerError) {
    var lists = [ofConfig]
    if let more = try map?.optional("extra_special_tokens") {
      lists.append(more)
    } else if ofConfig == nil {
      lists.append(try map?.optional("additional_special_tokens"))
    }
    for case let list? in lists {
      if case .object = list.value {
        for member in try list.members() {
          roles.append((member.key, try NamedToken(list.member(member))))
        }
      } else {
        for node in try list.elements() { extra.append(try NamedToken(node)) }
      }
    }
  }

  private static func byID(_ decoder: JSONCursor) throws(TokenizerError) -> [(id: Int, node: JSONCursor)] {
    try decoder.members().map { (member) throws(TokenizerError) in
      let node = decoder.member(member)
      guard let id = Int(member.key), id >= 0 else { throw node.wrong("an id as the token's key") }
      return (id, node)
    }.sorted { $0.id < $1.id }
  }

  // MARK: Adding

  /// Adds the tokens that the document lacks. Tokens that it has get the flags of `added_tokens_decoder`.
  /// - Throws: `.brokenVocabulary` where the files contradict each other.
  func add(to document: inout TokenizerDocument) throws(TokenizerError) {
    var places = ByteStringTable(minimumCapacity: document.addedTokens.count)
    for (index, token) in document.addedTokens.enumerated() {
      places.insert(token.content, value: Int32(index))
    }
    var seen = places
    var waiting = listed
    for token in listed { seen.insert(token.content, value: 0) }
    for (role, token) in roles where seen.insert(token.content, value: 0) == nil {
      if let name = Self.neededRoles[role], !token.isTyped,
        !document.model.vocabulary.contains(where: { $0.token.utf8.elementsEqual(token.content.utf8) })
      {
        throw token.broken(.unknownSpecialToken(role: name, token: token.content))
      }
      waiting.append(token)
    }
    for token in extra where seen.insert(token.content, value: 0) == nil { waiting.append(token) }
    waiting.removeAll { $0.content.isEmpty }
    guard !waiting.isEmpty else { return }

    var own = ByteStringTable(minimumCapacity: document.model.vocabulary.count)
    for (token, id) in document.model.vocabulary { own.insert(token, value: id) }
    let named = roles.map(\.token.content)
    // As `add_tokens` of `tokenizers` counts (`tokenizer/added_vocabulary.rs`).
    var next = Int32(document.model.vocabulary.count)
    if let last = document.addedTokens.map(\.id).max(), last >= next { next = last + 1 }
    for token in waiting {
      let place = places.value(of: token.content)
      let known = place.map { document.addedTokens[Int($0)].id } ?? own.value(of: token.content)
      let id = known ?? next
      if let stated = token.id, stated != Int(id) {
        throw token.broken(
          .otherID(token: token.content, stated: stated, actual: Int(id), isKnown: known != nil))
      }
      if known == nil { next += 1 }
      let isNamed = named.contains { $0.utf8.elementsEqual(token.content.utf8) }
      let added = token.added(id: id, isSpecial: token.isSpecial || isNamed)
      guard let place else {
        places.insert(token.content, value: Int32(document.addedTokens.count))
        document.addedTokens.append(added)
        continue
      }
      if token.changes(document.addedTokens[Int(place)]) { document.addedTokens[Int(place)] = added }
    }
  }
}

/// A token in a file beside `tokenizer.json`: its text, or an object with its flags.
struct NamedToken {
  let content: String
  private var isSingleWord = false
  private var stripsLeft = false
  private var stripsRight = false
  /// nil for what goes with `isSpecial`: special tokens are looked for in the text as it comes.
  private var isNormalized: Bool?
  let isSpecial: Bool
  /// The id that the file gives it.
  let id: Int?
  /// Whether transformers makes a token of it: of an object without a type it does not.
  let isTyped: Bool
  /// Whether its flags count for less than those of `tokenizer.json`.
  let staysAsItIs: Bool
  private let place: JSONCursor

  /// - Parameter key: the token's text where the file has it as a key, and an id as its value.
  init(
    _ node: JSONCursor, key: String? = nil, isSpecial: Bool = true, id: Int? = nil, isTyped: Bool = true
  ) throws(TokenizerError) {
    place = node
    self.isSpecial = isSpecial
    self.id = id
    staysAsItIs = key != nil
    guard case .object = node.value, key == nil else {
      content = if let key { key } else { try node.string() }
      self.isTyped = true
      return
    }
    content = try node.string("content")
    self.isTyped = isTyped
    isSingleWord = try node.bool("single_word", default: false)
    stripsLeft = try node.bool("lstrip", default: false)
    stripsRight = try node.bool("rstrip", default: false)
    isNormalized = try node.optional("normalized")?.bool()
  }

  func added(id: Int32, isSpecial: Bool) -> AddedToken {
    AddedToken(
      id: id, content: content, isSingleWord: isSingleWord, stripsLeft: stripsLeft, stripsRight: stripsRight,
      isNormalized: isNormalized ?? !isSpecial, isSpecial: isSpecial)
  }

  /// Whether the token's flags are others than those of a token with its text.
  func changes(_ token: AddedToken) -> Bool {
    !staysAsItIs && added(id: token.id, isSpecial: isSpecial) != token
  }

  func broken(_ fault: VocabularyFault) -> TokenizerError {
    .brokenVocabulary(file: place.file, path: place.path, fault: fault)
  }
}

extension JSONCursor {
  fileprivate func member(_ member: JSONObject.Member) -> JSONCursor {
    let isPlain = member.key.utf8.allSatisfy {
      $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
    }
    return child(member.value, isPlain ? ".\(member.key)" : "[\(quoted(member.key))]")
  }
}
