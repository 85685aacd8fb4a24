import Checkpoints
import Tensors

/// Norms and biases, with frozen matrices in the checkpoint's type. PERP finds that this fraction of a percent of the
/// parameters recovers most of what pruning took (Zimmer et al., arXiv 2312.15230).
final class VectorTrainee: Trainee {
  private let decoder: Decoder
  private let values: [LayerParameters]
  private let gradients: [LayerParameters]
  private let storedEnds: StoredEnds
  let tensors: [TrainableTensor]
  let endGradients: Head.Gradients
  let embeddingGradient: Buffer? = nil

  init(_ decoder: Decoder, workers: Workers) throws {
    self.decoder = decoder
    let sizes = decoder.allSizes
    values = sizes.map { LayerParameters(roomFor: [$0], matrices: false) }
    gradients = sizes.map { LayerParameters(roomFor: [$0], matrices: false) }
    let workspace = LayerParameters(roomFor: sizes)
    for (layer, values) in values.enumerated() {
      try decoder.dequantize(layer: layer, into: workspace, workers: workers)
      VectorTrainee.copyVectors(from: workspace, to: values)
    }
    storedEnds = try StoredEnds(decoder)
    endGradients = Head.Gradients(norm: Buffer(decoder.hidden), head: nil)
    tensors =
      zip(values, gradients).enumerated().flatMap { layer, pair in
        TrainableTensor.list(layer: layer, pair.0.named.filter(\.isVector), pair.1.named.filter(\.isVector))
      } + [.finalNorm(storedEnds.norm, endGradients.norm)]
  }

  var ends: any ModelEnds { storedEnds }

  func weights(_ layer: Int, workspace: LayerParameters, workers: Workers) throws -> LayerParameters {
    try decoder.dequantize(layer: layer, into: workspace, workers: workers)
    VectorTrainee.copyVectors(from: values[layer], to: workspace)
    return workspace
  }

  func target(_ layer: Int) -> GradientTarget { GradientTarget(sum: gradients[layer], matrices: .none) }

  private static func copyVectors(from source: LayerParameters, to target: LayerParameters) {
    for (from, to) in zip(source.named, target.named) where from.isVector {
      to.base.update(from: from.base, count: from.rows)
    }
  }
}
