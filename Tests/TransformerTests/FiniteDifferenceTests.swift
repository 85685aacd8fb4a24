import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// Gradients against differences of losses: needs no reference, only a model of the repository's own.
@Suite struct FiniteDifferenceTests {
  /// Writes a small random model in float32 with weights moved by `shift`, and answers its loss's sum over mini-batches.
  private func loss(_ model: SmallModel, _ sequences: [[Int32]], batchSize: Int) throws -> (
    sum: Double, gradients: [String: [Float]]
  ) {
    let folder = try model.write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let decoder = try Decoder(Checkpoint.open(folder.path))
    var gradients: [String: [Float]] = [:]
    let result = try decoder.calibrate(
      CalibrationRequest(sequences: sequences, batchSize: batchSize, gradients: .sum),
      workers: Workers(count: 2)
    ) { layer in
      for parameter in try #require(layer.gradients).named {
        gradients["model.layers.\(layer.layer).\(parameter.name)"] = Array(
          UnsafeBufferPointer(start: parameter.base, count: parameter.rows * parameter.columns))
      }
    }
    gradients.merge(try decoder.endGradients(sequences, batchSize: batchSize)) { $1 }
    return (result.losses.reduce(0, +), gradients)
  }

  @Test(arguments: SmallModel.Kind.allCases)
  func alongARandomDirectionTheLossChangesAsTheGradientSays(_ kind: SmallModel.Kind) throws {
    try check(SmallModel(kind, seed: 5), "\(kind)")
  }

  /// Layer 0 has no attention, layer 1 nothing, layer 2 no MLP: in the files already, with zeros in config.json.
  @Test(arguments: SmallModel.Kind.allCases)
  func theSameHoldsWhereSublayersAreGone(_ kind: SmallModel.Kind) throws {
    var model = SmallModel(kind, seed: 5, layers: 3)
    for layer in [0, 1] {
      model.configuration.layers[layer].queryHeads = 0
      model.configuration.layers[layer].keyValueHeads = 0
    }
    for layer in [1, 2] { model.configuration.layers[layer].intermediateSize = 0 }
    model.weights = model.weights.filter { model.configuration.parameters[$0.key] != nil }
    #expect(!model.weights.keys.contains { $0.hasPrefix("model.layers.1.") })
    try check(model, "\(kind)")
  }

  private func check(_ model: SmallModel, _ kind: String) throws {
    var model = model
    let sequences: [[Int32]] = [
      [3, 17, 9, 30, 2, 11, 8], [1, 5, 5, 29, 21], [12, 0, 31, 4, 4, 4, 19, 23, 6],
    ]
    let (_, gradients) = try loss(model, sequences, batchSize: 2)
    for (name, values) in model.weights.sorted(by: { $0.key < $1.key }) {
      let gradient = try #require(gradients[name], "no gradient of \(name)")
      #expect(gradient.count == values.count)
      // Along the gradient itself the derivative is its squared length: the best conditioned direction.
      let length = Double(gradient.reduce(0) { $0 + $1 * $1 }).squareRoot()
      try #require(length > 0, "\(name) has no gradient")
      let step = 2e-2 / max(length, 1)
      func moved(_ sign: Double) throws -> Double {
        model.weights[name] = zip(values, gradient).map { $0 + Float(sign * step / length) * $1 }
        defer { model.weights[name] = values }
        return try loss(model, sequences, batchSize: 2).sum
      }
      let slope = (try moved(1) - moved(-1)) / (2 * step)
      #expect(abs(slope - length) < 0.02 * length + 2e-4, "\(kind) \(name): \(slope) and \(length)")
    }
  }
}
