import Foundation
import JSON

/// Writes a tokenizer as the files of Hugging Face.
extension Tokenizer {
  /// Returns a `tokenizer.json` that Hugging Face `tokenizers` loads and that gives the same ids there.
  ///
  /// If the tokenizer came from a `tokenizer.json`, the result says the same without truncation and padding. That file is
  /// the better copy.
  public func huggingFaceJSON() -> Data { Data(document.json(vocabulary, template).text(.elementALine).utf8) }

  /// Returns the `tokenizer_config.json` that goes with it: the special tokens and their roles.
  ///
  /// The template of `tokenizer.json` says whether BOS is added. This file says it only if the source did.
  public func huggingFaceConfigJSON() -> Data {
    var members = JSONObject()
    members["add_bos_token"] = config.addsBOS.map { .bool($0) }
    members["add_eos_token"] = config.addsEOS.map { .bool($0) }
    members["bos_token"] = bosID.flatMap(token(of:)).map { .string($0) }
    members["clean_up_tokenization_spaces"] = false
    members["eos_token"] = eosIDs.first.flatMap(token(of:)).map { .string($0) }
    members["pad_token"] = paddingID.flatMap(token(of:)).map { .string($0) }
    members["tokenizer_class"] = "PreTrainedTokenizerFast"
    members["unk_token"] = unknownID.flatMap(token(of:)).map { .string($0) }
    return Data((JSONValue.object(members).text(.elementALine) + "\n").utf8)
  }
}

extension TokenizerDocument {
  /// The members stand in the order of Hugging Face's files.
  func json(_ names: Vocabulary, _ template: SequenceTemplate) -> JSONValue {
    [
      "version": "1.0", "truncation": .null, "padding": .null,
      "added_tokens": .array(addedTokens.map(\.json)),
      "normalizer": Self.node(normalizers.map(\.json), under: "normalizers"),
      "pre_tokenizer": Self.node(preTokenizers.map(\.json), under: "pretokenizers"),
      "post_processor": template.json(names),
      "decoder": Self.node(decoders.map(\.json), under: "decoders"), "model": model.json,
    ]
  }

  private static func node(_ nodes: [JSONValue], under list: String) -> JSONValue {
    switch nodes.count {
    case 0: .null
    case 1: nodes[0]
    default: ["type": "Sequence", list: .array(nodes)]
    }
  }
}

extension AddedToken {
  fileprivate var json: JSONValue {
    [
      "id": .integer(Int(id)), "content": .string(content), "single_word": .bool(isSingleWord),
      "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight), "normalized": .bool(isNormalized),
      "special": .bool(isSpecial),
    ]
  }
}

extension NormalizerNode {
  fileprivate var json: JSONValue {
    switch self {
    case .canonicalComposition: ["type": "NFC"]
    case .prepend(let text): ["type": "Prepend", "prepend": .string(text)]
    case .replace(let pattern, let content): replaceNode(pattern, content)
    }
  }
}

extension PreTokenizerNode {
  fileprivate var json: JSONValue {
    switch self {
    case .digits(let individually): ["type": "Digits", "individual_digits": .bool(individually)]
    case .pattern(let pattern): splitNode(["Regex": .string(pattern.regex)], "Isolated")
    case .literal(let text): splitNode(["String": .string(text)], "MergedWithPrevious")
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
    case .byteFallback: ["type": "ByteFallback"]
    case .fuse: ["type": "Fuse"]
    case .stripStart(let content, let count):
      ["type": "Strip", "content": .string(String(content)), "start": .integer(count), "stop": 0]
    case .metaspace(let metaspace): metaspace.json
    }
  }
}

extension Metaspace {
  fileprivate var json: JSONValue {
    [
      "type": "Metaspace", "replacement": .string(String(replacement)),
      "prepend_scheme": .string(scheme.rawValue), "split": .bool(splits),
    ]
  }
}

extension SequenceTemplate {
  fileprivate func json(_ names: Vocabulary) -> JSONValue {
    func text(_ name: String, _ type: Int) -> [JSONValue] {
      func piece(_ kind: String, _ name: String) -> JSONValue {
        [kind: ["id": .string(name), "type_id": .integer(type)]]
      }
      func special(_ ids: [Int32]) -> [JSONValue] { ids.map { piece("SpecialToken", names.token($0) ?? "") } }
      return special(before) + [piece("Sequence", name)] + special(after)
    }
    let tokens = Set(before + after).sorted().map { id -> (String, JSONValue) in
      let token = names.token(id) ?? ""
      return (token, ["id": .string(token), "ids": [.integer(Int(id))], "tokens": [.string(token)]])
    }
    return [
      "type": "TemplateProcessing", "single": .array(text("A", 0)),
      "pair": .array(text("A", 0) + text("B", 1)), "special_tokens": .object(JSONObject(tokens)),
    ]
  }
}

extension BytePairModel {
  fileprivate var json: JSONValue {
    let tokens = vocabulary.sorted { $0.id < $1.id }
    return [
      "type": "BPE", "dropout": .null, "unk_token": unknownToken.map { .string($0) } ?? .null,
      "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": .bool(fusesUnknown),
      "byte_fallback": .bool(fallsBackToBytes), "ignore_merges": .bool(ignoresMerges),
      "vocab": .object(JSONObject(tokens.map { ($0.token, .integer(Int($0.id))) })),
      "merges": .array(merges.map { [.string($0.left), .string($0.right)] }),
    ]
  }
}

private func replaceNode(_ pattern: String, _ content: String) -> JSONValue {
  ["type": "Replace", "pattern": ["String": .string(pattern)], "content": .string(content)]
}

private func splitNode(_ pattern: JSONValue, _ behavior: JSONValue) -> JSONValue {
  ["type": "Split", "pattern": pattern, "behavior": behavior, "invert": false]
}

private func byteLevelNode(addsPrefixSpace: Bool, usesPattern: Bool) -> JSONValue {
  [
    "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
    "use_regex": .bool(usesPattern),
  ]
}
