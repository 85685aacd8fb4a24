import Checkpoints
import Foundation
import Kernels
import RandomNumbers
import Tensors

/// The options of low-rank adaptation.
public struct LowRankOptions: Equatable, Sendable {
  /// Rows of A and columns of B.
  public var rank: Int
  /// The product is scaled by alpha / rank.
  public var alpha: Double
  /// Hugging Face's names of projections, such as `q_proj`.
  public var targets: [String]
  /// The seed of A's random start.
  public var seed: UInt64

  public init(rank: Int, alpha: Double, targets: [String], seed: UInt64) {
    self.rank = rank
    self.alpha = alpha
    self.targets = targets
    self.seed = seed
  }

  /// All projections of a layer.
  public static let allTargets = ParameterSpec.list(DecoderDesign(), Biases()).filter(\.isProjection)
    .map(\.shortName)
}

/// The adapter of one projection. The layer computes with W + scale · B A (LoRA, Hu et al., arXiv 2106.09685).
struct LowRankAdapter {
  /// As in `model.layers.<i>.<name>`.
  let name: String
  /// The projection's matrix in `LayerParameters`, and its first row there.
  let slot: ParameterSlot
  let firstRow: Int
  let rows: Int
  let columns: Int
  let rank: Int
  let scale: Float
  /// [rank, columns] and [rows, rank], with their gradients.
  let a, b, dA, dB: Buffer
}

/// Low-rank adapters beside frozen projections in the checkpoint's type.
final class LowRankTrainee: Trainee {
  private let decoder: Decoder
  /// [layers]
  let adapters: [[LowRankAdapter]]
  /// Gradients of norms and biases, which nobody uses.
  private let unused: LayerParameters
  private let storedEnds: StoredEnds
  let tensors: [TrainableTensor]
  let endGradients: Head.Gradients
  let embeddingGradient: Buffer? = nil

  /// A starts uniformly random in ±1/√columns, as in `torch.nn.Linear` and the `peft` library. B starts at 0, so that the model
  /// starts as it was.
  init(_ decoder: Decoder, _ options: LowRankOptions, workers: Workers) throws {
    self.decoder = decoder
    let sizes = decoder.allSizes
    let shape = LayerParameters(roomFor: sizes, matrices: false)
    unused = LayerParameters(roomFor: sizes, matrices: false)
    var random = SplitMix64(state: options.seed)
    adapters = sizes.enumerated().map { layer, sizes in
      shape.sizes = sizes
      return shape.named.filter { parameter in
        parameter.spec.isProjection && options.targets.contains(parameter.spec.shortName)
      }.map { LowRankTrainee.adapter($0, layer: layer, options, &random) }
    }
    storedEnds = try StoredEnds(decoder)
    endGradients = Head.Gradients(norm: Buffer(decoder.hidden), head: nil)
    tensors = adapters.enumerated().flatMap { layer, adapters in
      adapters.flatMap { adapter in
        [
          TrainableTensor(
            name: adapter.name + ".lora_A.weight", rows: adapter.rank, columns: adapter.columns, layer: layer,
            value: adapter.a.base, gradient: adapter.dA.base),
          TrainableTensor(
            name: adapter.name + ".lora_B.weight", rows: adapter.rows, columns: adapter.rank, layer: layer,
            value: adapter.b.base, gradient: adapter.dB.base),
        ]
      }
    }
  }

  private static func adapter(
    _ parameter: NamedParameter, layer: Int, _ options: LowRankOptions, _ random: inout SplitMix64
  ) -> LowRankAdapter {
    let a = Buffer(options.rank * parameter.columns)
    let bound = 1 / Float(parameter.columns).squareRoot()
    for index in 0..<options.rank * parameter.columns {
      a.base[index] = bound * Float.random(in: -1..<1, using: &random)
    }
    return LowRankAdapter(
      name: "model.layers.\(layer)." + parameter.spec.module, slot: parameter.slot,
      firstRow: parameter.firstRow, rows: parameter.rows, columns: parameter.columns, rank: options.rank,
      scale: Float(options.alpha / Double(options.rank)), a: a, b: Buffer(parameter.rows * options.rank),
      dA: Buffer(options.rank * parameter.columns), dB: Buffer(parameter.rows * options.rank))
  }

  var ends: any ModelEnds { storedEnds }

  func weights(_ layer: Int, workspace: LayerParameters, workers: Workers) throws -> LayerParameters {
    try decoder.dequantize(layer: layer, into: workspace, workers: workers)
    for adapter in adapters[layer] {
      workers.multiply(
        adapter.b.rows(adapter.rank), .plain, adapter.a.rows(adapter.columns), .plain,
        into: workspace.weight(adapter.slot).rows(adapter.columns, from: adapter.firstRow * adapter.columns),
        m: adapter.rows, n: adapter.columns, k: adapter.rank, alpha: adapter.scale, beta: 1)
    }
    return workspace
  }

  func target(_ layer: Int) -> GradientTarget {
    GradientTarget(sum: unused, matrices: .lowRank(adapters[layer]))
  }
}
