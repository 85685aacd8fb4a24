import JSON

/// The widths of the residual stream in a sliced model (SliceGPT, arXiv 2401.15024). Each place has a basis of its own.
///
/// A sliced model's norms have no weights: these are in the matrices behind them. The norms still divide by `hiddenSize`.
/// A shortcut matrix carries the stream from a sublayer's basis to the next.
public struct ResidualWidths: Sendable, Hashable {
  /// [layers]: before each layer's attention. A layer without attention has its MLP's width here.
  public var attention: [Int]
  /// [layers]: before each layer's MLP. A layer without an MLP has the width behind it here.
  public var mlp: [Int]
  /// Behind the last layer.
  public var head: Int

  public init(attention: [Int], mlp: [Int], head: Int) {
    self.attention = attention
    self.mlp = mlp
    self.head = head
  }

  /// The widths around one layer's sublayers.
  public struct Layer: Sendable, Hashable {
    /// Before its attention.
    public var input: Int
    /// Before its MLP.
    public var middle: Int
    /// Behind it.
    public var output: Int
  }

  /// - Parameter index: of a layer that there is.
  public func layer(_ index: Int) -> Layer {
    Layer(
      input: attention[index], middle: mlp[index],
      output: index + 1 < attention.count ? attention[index + 1] : head)
  }

  /// The widths of the layers with these indices. The other layers are empty.
  func keeping(_ layers: [Int]) -> ResidualWidths {
    ResidualWidths(attention: layers.map { attention[$0] }, mlp: layers.map { mlp[$0] }, head: head)
  }
}

// MARK: - config.json

extension ResidualWidths {
  /// Our own key: Hugging Face has none for it.
  static let key = "residual_widths"

  var json: JSONValue {
    [
      "attention": .array(attention.map { .integer($0) }), "mlp": .array(mlp.map { .integer($0) }),
      "head": .integer(head),
    ]
  }

  /// nil if the model is not sliced.
  static func read(
    _ keys: ConfigurationKeys, layers: [LayerShape], hiddenSize: Int
  ) throws(CheckpointError) -> ResidualWidths? {
    guard let object = try keys.object(key) else { return nil }
    let widths = ResidualWidths(
      attention: try object.sizes("attention", layers: layers.count),
      mlp: try object.sizes("mlp", layers: layers.count), head: try object.size("head"))
    for (name, values) in [("attention", widths.attention), ("mlp", widths.mlp), ("head", [widths.head])] {
      guard values.allSatisfy((1...hiddenSize).contains) else {
        throw object.malformed(name, "widths from 1 to hidden_size, \(hiddenSize)")
      }
    }
    for (index, shape) in layers.enumerated() {
      let layer = widths.layer(index)
      if shape.keyValueHeads == 0, layer.input != layer.middle {
        throw .malformed(
          file: keys.file, place: "\(key).mlp[\(index)]",
          expected: "\(layer.input), as before, since the layer has no attention", found: "\(layer.middle)")
      }
      if shape.intermediateSize == 0, layer.middle != layer.output {
        throw .malformed(
          file: keys.file, place: "\(key), behind layer \(index)",
          expected: "\(layer.middle), as before, since the layer has no MLP", found: "\(layer.output)")
      }
    }
    return widths
  }
}
