import JSON

/// The keys of config.json, or of a GGUF file's metadata, with errors that name file and key.
package struct ConfigurationKeys {
  let file: String
  let members: JSONObject
  /// Stands before a key in messages: `rope_parameters.`
  var prefix = ""
  var layerNames = LayerNames.huggingFace

  /// The keys of the sizes of layers.
  struct LayerNames {
    let count, queryHeads, keyValueHeads, headDimension, intermediateSize: String

    static let huggingFace = LayerNames(
      count: "num_hidden_layers", queryHeads: "num_attention_heads", keyValueHeads: "num_key_value_heads",
      headDimension: "head_dim", intermediateSize: "intermediate_size")
    static let gguf = LayerNames(
      count: "block_count", queryHeads: "attention.head_count", keyValueHeads: "attention.head_count_kv",
      headDimension: "attention.key_length", intermediateSize: "feed_forward_length")
  }

  /// nil if the key is absent or null.
  subscript(key: String) -> JSONValue? {
    guard let value = members[key], value != .null else { return nil }
    return value
  }

  func malformed(_ key: String, _ expected: String) -> CheckpointError {
    .malformed(
      file: file, place: prefix + key, expected: expected, found: members[key]?.summary ?? "nothing")
  }

  /// - Parameter found: nil for the key's value.
  func unsupported(_ key: String, found: String? = nil, _ advice: String) -> CheckpointError {
    .unsupportedSetting(
      file: file, key: prefix + key, found: found ?? members[key]?.summary ?? "nothing", advice: advice)
  }

  /// - Throws: `.unsupportedSetting` for a key under `start` that is not among `known`.
  func refuseOthers(under start: String, than known: Set<String>) throws(CheckpointError) {
    for member in members.members where member.key.hasPrefix(start) && !known.contains(member.key) {
      throw unsupported(member.key, "what it says of the model is not known here")
    }
  }

  /// A size is below 2^31, so the product of two fits in an Int.
  func size(_ key: String, default standard: Int? = nil, atLeast least: Int = 1) throws(CheckpointError)
    -> Int
  {
    if self[key] == nil, let standard { return standard }
    guard let number = self[key].flatMap({ Self.size($0, atLeast: least) }) else {
      throw malformed(key, "a whole number from \(least) to \(Int32.max)")
    }
    return number
  }

  private static func size(_ value: JSONValue, atLeast least: Int) -> Int? {
    guard case .integer(let number) = value, number >= least, number <= Int(Int32.max) else { return nil }
    return number
  }

  /// [layers]: from a number for all layers, or from a list. In a list 0 stands for a removed sublayer.
  func sizes(_ key: String, layers: Int, default standard: Int? = nil) throws(CheckpointError) -> [Int] {
    guard case .array(let values)? = self[key] else {
      return Array(repeating: try size(key, default: standard), count: layers)
    }
    let sizes = values.compactMap { Self.size($0, atLeast: 0) }
    guard sizes.count == values.count, sizes.count == layers else {
      throw malformed(key, "a whole number, or a list of \(layerNames.count) = \(layers) of them")
    }
    return sizes
  }

  func number(_ key: String, default standard: Double? = nil) throws(CheckpointError) -> Double {
    if self[key] == nil, let standard { return standard }
    guard let number = self[key].flatMap(Self.number) else { throw malformed(key, "a number above 0") }
    return number
  }

  private static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let number) where number > 0: Double(number)
    case .number(let number) where number > 0 && number.isFinite: number
    default: nil
    }
  }

  /// - Parameter expected: describes the numbers above 0 in errors.
  func numbers(_ key: String, _ expected: String) throws(CheckpointError) -> [Double] {
    guard case .array(let values)? = self[key] else { throw malformed(key, "a list") }
    let numbers = values.compactMap(Self.number)
    guard numbers.count == values.count else { throw malformed(key, expected) }
    return numbers
  }

  func flag(_ key: String, default standard: Bool) throws(CheckpointError) -> Bool {
    switch self[key] {
    case .bool(let value)?: return value
    case nil: return standard
    default: throw malformed(key, "true or false")
    }
  }

  func word(_ key: String) throws(CheckpointError) -> String? {
    switch self[key] {
    case .string(let value)?: return value
    case nil: return nil
    default: throw malformed(key, "a string")
    }
  }

  /// Reads one token id or several. null means none.
  /// - Parameter standard: where there is no such key.
  func tokens(_ key: String, default standard: Int?) throws(CheckpointError) -> [Int] {
    if members[key] == nil { return standard.map { [$0] } ?? [] }
    switch self[key] {
    case .integer(let value)?: return value >= 0 ? [value] : []  // some configs say −1 for “none”
    case nil: return []
    case .array(let values)?:
      let tokens = values.compactMap { Self.size($0, atLeast: 0) }
      if tokens.count == values.count { return tokens }
    default: break
    }
    throw malformed(key, "a token id or a list of them")
  }

  /// The object at `key`; nil if it is absent or null.
  func object(_ key: String) throws(CheckpointError) -> ConfigurationKeys? {
    switch self[key] {
    case .object(let members)?:
      return ConfigurationKeys(file: file, members: members, prefix: prefix + key + ".")
    case nil: return nil
    default: throw malformed(key, "an object")
    }
  }

  /// Reads how many heads and channels each layer has. Windows and head sizes are not read here.
  func heads(_ defaults: ArchitectureDefaults?) throws(CheckpointError) -> [LayerShape] {
    let count = try size(layerNames.count, default: defaults?.layers)
    // No real model has more layers, and a wrong number must not take memory.
    guard count <= 4096 else { throw malformed(layerNames.count, "at most 4096") }
    let queryHeads = try sizes(layerNames.queryHeads, layers: count, default: defaults?.queryHeads)
    let key = layerNames.keyValueHeads
    let areAll = self[key] == nil && (members[key] == .null || defaults?.keyValueHeads == nil)
    let keyValueHeads =
      areAll ? queryHeads : try sizes(key, layers: count, default: defaults?.keyValueHeads)
    let channels = try sizes(
      layerNames.intermediateSize, layers: count, default: defaults?.intermediateSize)
    for (index, (queries, keyValues)) in zip(queryHeads, keyValueHeads).enumerated()
    where !LayerShape.areGroups(queryHeads: queries, keyValueHeads: keyValues) {
      throw .malformed(
        file: file, place: "layer \(index)", expected: "\(layerNames.queryHeads) to be a multiple of \(key)",
        found: "\(queries) and \(keyValues)")
    }
    return (0..<count).map {
      LayerShape(
        queryHeads: queryHeads[$0], keyValueHeads: keyValueHeads[$0], headDimension: 0,
        intermediateSize: channels[$0])
    }
  }

  /// - Throws: `.malformed` if the rotary embedding can't turn heads of a layer's size.
  func checkHeadDimensions(_ layers: [LayerShape]) throws(CheckpointError) {
    for (index, layer) in layers.enumerated()
    where !LayerShape.canTurn(headDimension: layer.headDimension) {
      throw malformed(
        layerNames.headDimension,
        "even numbers up to \(LayerShape.largestHead), since the rotary embedding turns pairs; "
          + "layer \(index) has \(layer.headDimension)")
    }
  }
}

extension ConfigurationKeys {
  /// The metadata under the name of the file's architecture.
  init(_ gguf: GGUFFile) {
    var name = "nothing under general.architecture"
    if case .string(let found)? = gguf.metadata["general.architecture"] { name = found }
    var members = JSONObject()
    for (key, value) in gguf.metadata where key.hasPrefix(name + ".") {
      members[String(key.dropFirst(name.count + 1))] = value.json
    }
    self.init(file: gguf.path, members: members, prefix: name + ".", layerNames: .gguf)
  }
}
