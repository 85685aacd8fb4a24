import JSON

/// The keys `layer_types` and `sliding_window` of config.json, which say which layers slide.
enum LayerTypes {
  /// [layers]; nil if there is no `layer_types`.
  ///
  /// - Parameters:
  ///   - window: of layers that slide; nil if config.json gives none.
  ///   - missing: why it gives none.
  static func windows(
    _ keys: ConfigurationKeys, layers: Int, window: Int?, missing: String
  ) throws(CheckpointError) -> [Int?]? {
    guard let types = keys["layer_types"] else { return nil }
    guard case .array(let names) = types, names.count == layers else {
      throw keys.malformed("layer_types", "a list of \(layers) names")
    }
    var windows = [Int?](repeating: nil, count: layers)
    for (index, name) in names.enumerated() {
      switch name {
      case .string("full_attention"): break
      case .string("sliding_attention"):
        guard let window else {
          throw keys.unsupported(
            "layer_types[\(index)]", found: name.summary, "the width of the window is missing: \(missing)")
        }
        windows[index] = window
      default:
        throw keys.unsupported(
          "layer_types[\(index)]", found: name.summary, "expected full_attention or sliding_attention")
      }
    }
    return windows
  }

  static func json(of layers: [LayerShape]) -> JSONValue {
    .array(layers.map { .string($0.slidingWindow == nil ? "full_attention" : "sliding_attention") })
  }

  /// What `sliding_window` is; null if no layer slides.
  static func window(of layers: [LayerShape]) -> JSONValue {
    layers.lazy.compactMap(\.slidingWindow).first.map { .integer($0) } ?? .null
  }
}
