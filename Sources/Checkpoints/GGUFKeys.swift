/// A GGUF file's metadata under its architecture's prefix, with the words to say what is wrong with a value.
package struct GGUFKeys {
  let gguf: GGUFFile
  let architecture: String

  init(_ gguf: GGUFFile) {
    self.gguf = gguf
    if case .string(let name)? = gguf.metadata["general.architecture"] {
      architecture = name
    } else {
      architecture = "nothing under general.architecture"
    }
  }

  func full(_ key: String) -> String { "\(architecture).\(key)" }

  func has(_ key: String) -> Bool { gguf.metadata[full(key)] != nil }

  func isZero(_ key: String) -> Bool {
    switch gguf.metadata[full(key)] {
    case .integer(let value)?: value == 0
    case .real(let value)?: value == 0
    default: false
    }
  }

  /// - Throws: `.unsupportedSetting` for a key under `prefix` that is none of `known`.
  func refuseOthers(under prefix: String, than known: Set<String>) throws(CheckpointError) {
    let known = Set(known.map(full))
    for (key, value) in gguf.metadata where key.hasPrefix(full(prefix)) && !known.contains(key) {
      throw .unsupportedSetting(
        file: gguf.path, key: key, found: value.summary, advice: "what it says of the model is not known here"
      )
    }
  }

  func malformed(_ key: String, _ expected: String) -> CheckpointError {
    .malformed(
      file: gguf.path, place: full(key), expected: expected,
      found: gguf.metadata[full(key)]?.summary ?? "nothing")
  }

  func size(_ key: String, default standard: Int? = nil, atLeast least: Int = 1) throws(CheckpointError)
    -> Int
  {
    switch gguf.metadata[full(key)] {
    case .integer(let value)? where value >= least && value <= Int(Int32.max): return value
    case nil: if let standard { return standard }
    default: break
    }
    throw malformed(key, "a whole number from \(least) to \(Int32.max)")
  }

  /// One size a layer, from a number for all or from a list. In a list 0 stands for a removed sublayer.
  func sizes(_ key: String, layers: Int) throws(CheckpointError) -> [Int] {
    switch gguf.metadata[full(key)] {
    case .integers(let values)?:
      guard values.count == layers, values.allSatisfy({ 0...Int(Int32.max) ~= $0 }) else {
        throw malformed(key, "a whole number, or one for each of \(layers) layers")
      }
      return values
    default: return Array(repeating: try size(key), count: layers)
    }
  }

  func number(_ key: String, default standard: Double? = nil) throws(CheckpointError) -> Double {
    switch gguf.metadata[full(key)] {
    case .real(let value)? where value > 0 && value.isFinite: return value
    case .integer(let value)? where value > 0: return Double(value)
    case nil: if let standard { return standard }
    default: break
    }
    throw malformed(key, "a number above 0")
  }

  /// [layers]: which slide. Every `period`-th does not, unless the file says another period, or it layer by layer.
  func slidingLayers(_ layers: Int, period: Int) throws(CheckpointError) -> [Bool] {
    let key = "attention.sliding_window_pattern"
    switch gguf.metadata[full(key)] {
    case .bools(let slides)? where slides.count == layers: return slides
    case .integer(let period)? where period > 0: return (0..<layers).map { ($0 + 1) % period != 0 }
    case nil: return (0..<layers).map { ($0 + 1) % period != 0 }
    default: throw malformed(key, "a period, or a truth value for each of \(layers) layers")
    }
  }

  func word(_ key: String) throws(CheckpointError) -> String? {
    switch gguf.metadata[full(key)] {
    case .string(let value)?: return value
    case nil: return nil
    default: throw malformed(key, "a string")
    }
  }

  /// How many files the model was split into; nil for a whole one.
  var splits: Int? {
    guard case .integer(let count)? = gguf.metadata["split.count"] else { return nil }
    return count
  }

  /// A token's id, from a key without the architecture's prefix.
  func token(_ key: String) -> Int? {
    guard case .integer(let value)? = gguf.metadata[key], 0...Int(Int32.max) ~= value else { return nil }
    return value
  }
}
