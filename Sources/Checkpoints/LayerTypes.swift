import JSON

/// Reads and writes the windows of layers: the keys `layer_types` and `sliding_window` of config.json.
enum LayerTypes {
  /// The window that `use_sliding_window` switches on; nil if it is off.
  static func usedWindow(
    _ keys: ConfigurationKeys, default standard: Int?
  ) throws(CheckpointError) -> Int? {
    guard try keys.flag("use_sliding_window", default: false),
      standard == nil ? keys["sliding_window"] != nil : keys.members["sliding_window"] != .null
    else { return nil }
    return try keys.size("sliding_window", default: standard)
  }

  /// [layers]; nil if there is no `layer_types`.
  ///
  /// - Parameters:
  ///   - window: the window of layers that slide; nil if config.json gives none.
  ///   - missing: the reason why it gives none.
  static func windows(
    _ keys: ConfigurationKeys, layers: Int, used window: Int?,
    missing: String = "use_sliding_window is not true, or sliding_window is null"
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

  /// The value of `sliding_window`: null if no layer slides.
  static func window(of layers: [LayerShape]) -> JSONValue {
    layers.lazy.compactMap(\.slidingWindow).first.map { .integer($0) } ?? .null
  }
}
