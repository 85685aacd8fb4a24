import Foundation

extension Tokenizer {
  /// This tokenizer as a `tokenizer.json` that Hugging Face `tokenizers` loads and that behaves alike there.
  ///
  /// For a tokenizer that came from a `tokenizer.json` it says the same as that file, without its truncation
  /// and padding; the file itself is the better copy.
  public func huggingFaceJSON() -> Data { Data(JSONWriter.write(document.json(vocabulary, template))) }

  /// The `tokenizer_config.json` that goes with it: the special tokens and their roles.
  ///
  /// Whether BOS is added is left to the template of `tokenizer.json`, and said here only when it was said
  /// where the tokenizer comes from.
  public func huggingFaceConfigJSON() -> Data {
    var members: [JSONMember] = []
    func add(_ key: String, _ value: JSONValue?) {
      if let value { members.append(JSONMember(key: key, value: value)) }
    }
    add("add_bos_token", config.addsBOS.map { .bool($0) })
    add("add_eos_token", config.addsEOS.map { .bool($0) })
    add("bos_token", bosID.flatMap(token(of:)).map { .string($0) })
    add("clean_up_tokenization_spaces", .bool(false))
    add("eos_token", eosIDs.first.flatMap(token(of:)).map { .string($0) })
    add("pad_token", paddingID.flatMap(token(of:)).map { .string($0) })
    add("tokenizer_class", .string("PreTrainedTokenizerFast"))
    add("unk_token", unknownID.flatMap(token(of:)).map { .string($0) })
    return Data(JSONWriter.write(.object(members)) + [0x0a])
  }
}

extension TokenizerDocument {
  /// The members stand in the order of Hugging Face's own files.
  func json(_ names: Vocabulary, _ template: SequenceTemplate) -> JSONValue {
    .members([
      "version": .string("1.0"),
      "truncation": .null,
      "padding": .null,
      "added_tokens": .array(addedTokens.map(\.json)),
      "normalizer": Self.node(normalizers.map(\.json), under: "normalizers"),
      "pre_tokenizer": Self.node(preTokenizers.map(\.json), under: "pretokenizers"),
      "post_processor": template.json(names),
      "decoder": Self.node(decoders.map(\.json), under: "decoders"),
      "model": model.json,
    ])
  }

  private static func node(_ nodes: [JSONValue], under list: String) -> JSONValue {
    switch nodes.count {
    case 0: .null
    case 1: nodes[0]
    default: .members(["type": .string("Sequence"), list: .array(nodes)])
    }
  }
}

extension AddedToken {
  fileprivate var json: JSONValue {
    .members([
      "id": .integer(id),
      "content": .string(content),
      "single_word": .bool(isSingleWord),
      "lstrip": .bool(stripsLeft),
      "rstrip": .bool(stripsRight),
      "normalized": .bool(isNormalized),
      "special": .bool(isSpecial),
    ])
  }
}

extension NormalizerNode {
  fileprivate var json: JSONValue {
    switch self {
    case .canonicalComposition: .members(["type": .string("NFC")])
    case .prepend(let text): .members(["type": .string("Prepend"), "prepend": .string(text)])
    case .replace(let pattern, let content): replaceNode(pattern, content)
    }
  }
}

extension PreTokenizerNode {
  fileprivate var json: JSONValue {
    switch self {
    case .digits(let individually):
      .members(["type": .string("Digits"), "individual_digits": .bool(individually)])
    case .pattern(let pattern):
      .members([
        "type": .string("Split"), "pattern": .members(["Regex": .string(pattern.regex)]),
        "behavior": .string("Isolated"), "invert": .bool(false),
      ])
    case .literal(let text):
      .members([
        "type": .string("Split"), "pattern": .members(["String": .string(text)]),
        "behavior": .string("MergedWithPrevious"), "invert": .bool(false),
      ])
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      byteLevelNode(addsPrefixSpace: addsPrefixSpace, usesPattern: usesPattern)
    case .metaspace(let metaspace): metaspace.json
    }
  }
}

extension DecoderNode {
  fileprivate var json: JSONValue {
    switch self {
    case .byteLevel: byteLevelNode(addsPrefixSpace: true, usesPattern: true)
    case .replace(let pattern, let content): replaceNode(pattern, content)
    case .byteFallback: .members(["type": .string("ByteFallback")])
    case .fuse: .members(["type": .string("Fuse")])
    case .stripStart(let content, let count):
      .members([
        "type": .string("Strip"), "content": .string(String(content)), "start": .integer(count),
        "stop": .integer(0),
      ])
    case .metaspace(let metaspace): metaspace.json
    }
  }
}

extension Metaspace {
  fileprivate var json: JSONValue {
    .members([
      "type": .string("Metaspace"), "replacement": .string(String(replacement)),
      "prepend_scheme": .string(scheme.rawValue), "split": .bool(splits),
    ])
  }
}

extension SequenceTemplate {
  fileprivate func json(_ names: Vocabulary) -> JSONValue {
    func special(_ id: Int32, _ type: Int) -> JSONValue {
      .members([
        "SpecialToken": .members(["id": .string(names.token(id) ?? ""), "type_id": .integer(type)])
      ])
    }
    func text(_ name: String, _ type: Int) -> JSONValue {
      let around = (before.map { special($0, type) }, after.map { special($0, type) })
      let sequence = JSONValue.members(["id": .string(name), "type_id": .integer(type)])
      return .array(around.0 + [.members(["Sequence": sequence])] + around.1)
    }
    let first = text("A", 0)
    var pair: [JSONValue] = []
    for case .array(let pieces) in [first, text("B", 1)] { pair += pieces }
    let tokens = Set(before + after).sorted().map { id in
      let token = names.token(id) ?? ""
      return JSONMember(
        key: token,
        value: .members([
          "id": .string(token), "ids": .array([.integer(id)]), "tokens": .array([.string(token)]),
        ]))
    }
    return .members([
      "type": .string("TemplateProcessing"), "single": first, "pair": .array(pair),
      "special_tokens": .object(tokens),
    ])
  }
}

extension BytePairModel {
  fileprivate var json: JSONValue {
    let tokens = vocabulary.sorted { $0.id < $1.id }
    return .members([
      "type": .string("BPE"),
      "dropout": .null,
      "unk_token": .optional(unknownToken),
      "continuing_subword_prefix": .string(""),
      "end_of_word_suffix": .string(""),
      "fuse_unk": .bool(fusesUnknown),
      "byte_fallback": .bool(fallsBackToBytes),
      "ignore_merges": .bool(ignoresMerges),
      "vocab": .object(tokens.map { JSONMember(key: $0.token, value: .integer($0.id)) }),
      "merges": .array(merges.map { .array([.string($0.left), .string($0.right)]) }),
    ])
  }
}

private func replaceNode(_ pattern: String, _ content: String) -> JSONValue {
  .members([
    "type": .string("Replace"), "pattern": .members(["String": .string(pattern)]),
    "content": .string(content),
  ])
}

private func byteLevelNode(addsPrefixSpace: Bool, usesPattern: Bool) -> JSONValue {
  .members([
    "type": .string("ByteLevel"), "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": .bool(true),
    "use_regex": .bool(usesPattern),
  ])
}
