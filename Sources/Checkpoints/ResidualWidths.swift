import JSON

/// How wide the residual stream is at each of its places in a model whose stream was sliced (SliceGPT, arXiv 2401.15024),
/// in columns of a basis that each place has for itself. Such a model's norms have no weights, since these are in the
/// matrices behind them, and still divide by `hiddenSize`; between a sublayer's basis and the next a shortcut matrix
/// carries the stream.
public struct ResidualWidths: Sendable, Hashable {
  /// [layers], before each layer's attention; where a layer has none the same as before its MLP.
  public var attention: [Int]
  /// [layers], before each layer's MLP; where a layer has none the same as behind the layer.
  public var mlp: [Int]
  /// Behind the last layer.
  public var head: Int

  public init(attention: [Int], mlp: [Int], head: Int) {
    self.attention = attention
    self.mlp = mlp
    self.head = head
  }

  /// What one layer is between.
  public struct Layer: Sendable, Hashable {
    /// Before its attention.
    public var input: Int
    /// Before its MLP.
    public var middle: Int
    /// Behind it.
    public var output: Int

    public init(input: Int, middle: Int, output: Int) {
      self.input = input
      self.middle = middle
      self.output = output
    }
  }

  /// - Parameter index: of a layer that there is.
  public func layer(_ index: Int) -> Layer {
    Layer(
      input: attention[index], middle: mlp[index],
      output: index + 1 < attention.count ? attention[index + 1] : head)
  }

  /// The widths of the layers with these indices, where the others hand on what they get.
  func keeping(_ layers: [Int]) -> ResidualWidths {
    ResidualWidths(attention: layers.map { attention[$0] }, mlp: layers.map { mlp[$0] }, head: head)
  }
}

// MARK: - config.json

extension ResidualWidths {
  /// Ours: Hugging Face has no key for it.
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
