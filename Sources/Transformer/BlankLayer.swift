import Tensors

extension Decoder {
  /// A layer as a calibration pass would show it, with zeros for everything computed. It tells before a pass whether a plugin
  /// takes layers of this shape with these statistics.
  package func blankLayer(_ layer: Int, for request: CalibrationRequest) -> CalibratedLayer {
    let sizes = sizes(layer)
    func parameters() -> LayerParameters { LayerParameters(roomFor: [sizes]) }
    let inputs = InputAccumulator(request.inputs, roomFor: [sizes], workers: Workers(count: 1))
    inputs.begin(sizes)
    var blank = CalibratedLayer(
      layer: layer, weights: parameters(), gradients: request.gradients == .none ? nil : parameters(),
      squares: request.gradients == .sumAndSquares ? parameters() : nil,
      inputs: request.inputs.isEmpty ? nil : inputs.finish(),
      cosines: request.blockCosines ? BlockCosines(attention: 0, mlp: 0, layer: 0) : nil,
      gatherers: request.gatherers)
    for labels in request.outputGradients {
      blank.outputGradients[labels] = OutputGradients(
        attention: Buffer(hidden * hidden), mlp: Buffer(hidden * hidden))
    }
    for family in request.removals { blank.removals[family] = OutputChange(angle: 0, norm: 0) }
    return blank
  }

  /// Checks that a pass takes these sequences: ids and lengths.
  /// - Throws: `DecoderError.tokenOutOfRange`, `DecoderError.sequenceTooShort`.
  package func requireReadable(_ sequences: [[Int32]]) throws { try check(sequences) }
}
