import Foundation
import JSON

/// A tokenizer, written as the files of Hugging Face.
extension Tokenizer {
  /// This tokenizer as a `tokenizer.json` that Hugging Face `tokenizers` loads and that behaves alike there.
  ///
  /// For a tokenizer that came from a `tokenizer.json` it says the same as that file, without its truncation
  /// and padding; the file itself is the better copy.
  public func huggingFaceJSON() -> Data { Data(document.json(vocabulary, template).text(.elementALine).utf8) }

  /// The `tokenizer_config.json` that goes with it: the special tokens and their roles.
  ///
  /// Whether BOS is added is left to the template of `tokenizer.json`, and said here only when it was said
  /// where the tokenizer comes from.
  public func huggingFaceConfigJSON() -> Data {
    var members = JSONObject()
    members["add_bos_token"] = config.addsBOS.map { .bool($0) }
    members["add_eos_token"] = config.addsEOS.map { .bool($0) }
    members["bos_token"] = bosID.flatMap(token(of:)).map { .string($0) }
    members["clean_up_tokenization_spaces"] = .bool(false)
    members["eos_token"] = eosIDs.first.flatMap(token(of:)).map { .string($0) }
    members["pad_token"] = paddingID.flatMap(token(of:)).map { .string($0) }
    members["tokenizer_class"] = .string("PreTrainedTokenizerFast")
    members["unk_token"] = unknownID.flatMap(token(of:)).map { .string($0) }
    return Data((JSONValue.object(members).text(.elementALine) + "\n").utf8)
  }
}

extension TokenizerDocument {
  /// The members stand in the order of Hugging Face's own files.
  func json(_ names: Vocabulary, _ template: SequenceTemplate) -> JSONValue {
    .object([
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
    default: .object(["type": .string("Sequence"), list: .array(nodes)])
    }
  }
}

extension AddedToken {
  fileprivate var json: JSONValue {
    .object([
      "id": .integer(Int(id)),
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
    case .canonicalComposition: .object(["type": .string("NFC")])
    case .prepend(let text): .object(["type": .string("Prepend"), "prepend": .string(text)])
    case .replace(let pattern, let content): replaceNode(pattern, content)
    }
  }
}

extension PreTokenizerNode {
  fileprivate var json: JSONValue {
    switch self {
    case .digits(let individually):
      .object(["type": .string("Digits"), "individual_digits": .bool(individually)])
    case .pattern(let pattern):
      .object([
        "type": .string("Split"), "pattern": .object(["Regex": .string(pattern.regex)]),
        "behavior": .string("Isolated"), "invert": .bool(false),
      ])
    case .literal(let text):
      .object([
        "type": .string("Split"), "pattern": .object(["String": .string(text)]),
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
    case .byteFallback: .object(["type": .string("ByteFallback")])
    case .fuse: .object(["type": .string("Fuse")])
    case .stripStart(let content, let count):
      .object([
        "type": .string("Strip"), "content": .string(String(content)), "start": .integer(count),
        "stop": .integer(0),
      ])
    case .metaspace(let metaspace): metaspace.json
    }
  }
}

extension Metaspace {
  fileprivate var json: JSONValue {
    .object([
      "type": .string("Metaspace"), "replacement": .string(String(replacement)),
      "prepend_scheme": .string(scheme.rawValue), "split": .bool(splits),
    ])
  }
}

extension SequenceTemplate {
  fileprivate func json(_ names: Vocabulary) -> JSONValue {
    func special(_ id: Int32, _ type: Int) -> JSONValue {
      .object([
        "SpecialToken": .object(["id": .string(names.token(id) ?? ""), "type_id": .integer(type)])
      ])
    }
    func text(_ name: String, _ type: Int) -> JSONValue {
      let around = (before.map { special($0, type) }, after.map { special($0, type) })
      let sequence = JSONValue.object(["id": .string(name), "type_id": .integer(type)])
      return .array(around.0 + [.object(["Sequence": sequence])] + around.1)
    }
    let first = text("A", 0)
    var pair: [JSONValue] = []
    for case .array(let pieces) in [first, text("B", 1)] { pair += pieces }
    let tokens = Set(before + after).sorted().map { id in
      let token = names.token(id) ?? ""
      let about: JSONValue = .object([
        "id": .string(token), "ids": .array([.integer(Int(id))]), "tokens": .array([.string(token)]),
      ])
      return (token, about)
    }
    return .object([
      "type": .string("TemplateProcessing"), "single": first, "pair": .array(pair),
      "special_tokens": .object(JSONObject(tokens)),
    ])
  }
}

extension BytePairModel {
  fileprivate var json: JSONValue {
    let tokens = vocabulary.sorted { $0.id < $1.id }
    return .object([
      "type": .string("BPE"),
      "dropout": .null,
      "unk_token": unknownToken.map { .string($0) } ?? .null,
      "continuing_subword_prefix": .string(""),
      "end_of_word_suffix": .string(""),
      "fuse_unk": .bool(fusesUnknown),
      "byte_fallback": .bool(fallsBackToBytes),
      "ignore_merges": .bool(ignoresMerges),
      "vocab": .object(JSONObject(tokens.map { ($0.token, .integer(Int($0.id))) })),
      "merges": .array(merges.map { .array([.string($0.left), .string($0.right)]) }),
    ])
  }
}

private func replaceNode(_ pattern: String, _ content: String) -> JSONValue {
  .object([
    "type": .string("Replace"), "pattern": .object(["String": .string(pattern)]),
    "content": .string(content),
  ])
}

private func byteLevelNode(addsPrefixSpace: Bool, usesPattern: Bool) -> JSONValue {
  .object([
    "type": .string("ByteLevel"), "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": .bool(true),
    "use_regex": .bool(usesPattern),
  ])
}
