import Checkpoints
import Tensors

// The weights of a model, layer by layer: for criteria that need nothing else, and for whoever saves it.

extension Decoder {
  /// Calls `visit` with each layer's weights, from the last layer to the first as a calibration pass does. Empty layers are
  /// left out.
  public func forEachLayer(workers: Workers, visit: (CalibratedLayer) throws -> Void) throws {
    let weights = LayerParameters(roomFor: allSizes)
    for layer in (0..<layerCount).reversed() where !selected[layer].isEmpty {
      try dequantize(layer: layer, into: weights, workers: workers)
      try visit(CalibratedLayer(layer: layer, weights: weights))
    }
  }

  /// Calls `body` with every parameter of the model as it is now, in float32, under Hugging Face's names. A large parameter
  /// comes in pieces, from its first row to its last.
  ///
  /// - Parameters:
  ///   - layer: returns a layer's weights, which it may put into the workspace it is given; nil for the checkpoint's.
  ///   - end: returns an embedding, final norm or head; nil for the checkpoint's.
  public func forEachParameter(
    workers: Workers, progress: (Int, Int) throws -> Void = { _, _ in },
    layer layerWeights: (Int, LayerParameters) throws -> LayerParameters? = { _, _ in nil },
    end: (String) -> UnsafeBufferPointer<Float>? = { _ in nil },
    body: (_ name: String, _ values: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    func whole(_ name: String) throws {
      if let values = end(name) { return try body(name, values) }
      let tensor = try checkpoint.tensor(named: name)
      let rows = 4096
      let piece = Buffer(min(rows, tensor.rows) * tensor.columns)
      for start in stride(from: 0, to: tensor.rows, by: rows) {
        let range = start..<min(tensor.rows, start + rows)
        let target = piece.prefix(range.count * tensor.columns)
        try tensor.dequantize(rows: .range(range), into: target)
        try body(name, UnsafeBufferPointer(target))
      }
    }
    try whole("model.embed_tokens.weight")
    let workspace = LayerParameters(roomFor: allSizes)
    for layer in 0..<layerCount {
      let weights = try layerWeights(layer, workspace)
      if weights == nil { try dequantize(layer: layer, into: workspace, workers: workers) }
      for parameter in (weights ?? workspace).named {
        try body("model.layers.\(layer).\(parameter.spec.tensor)", parameter.values)
      }
      try progress(layer + 1, layerCount)
    }
    if !isSliced { try whole("model.norm.weight") }
    if !configuration.tiedEmbeddings { try whole("lm_head.weight") }
  }
}
