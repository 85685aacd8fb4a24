import Kernels
import Tensors

/// AdamW's constants, named and with the meaning that `torch.optim.AdamW` gives them.
public struct AdamWOptions: Equatable, Sendable {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// Decoupled; of matrices alone. Norms and biases do not decay.
  public var weightDecay: Double

  public init(beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8, weightDecay: Double = 0.1) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }
}

/// The optimizer's memory: both moments of every tensor, in float32, and how many steps they have seen.
final class AdamW {
  let options: AdamWOptions
  /// As the trainee's tensors: Σ of gradients and of their squares, both decaying.
  let firstMoments: [Buffer]
  let secondMoments: [Buffer]
  var steps = 0

  /// Elements that one thread takes at a time.
  private static let grain = 1 << 16

  init(_ tensors: [TrainableTensor], _ options: AdamWOptions) {
    self.options = options
    firstMoments = tensors.map { Buffer($0.count) }
    secondMoments = tensors.map { Buffer($0.count) }
  }

  /// The Euclidean norm of all gradients together.
  static func gradientNorm(_ tensors: [TrainableTensor], _ workers: Workers) -> Double {
    tensors.reduce(0) { sum, tensor in
      var parts = [Double](repeating: 0, count: (tensor.count + grain - 1) / grain)
      parts.withUnsafeMutableBufferPointer { parts in
        guard let parts = parts.baseAddress else { return }
        workers.ranges(tensor.count, grain: grain) { range, _ in
          let gradient = tensor.gradient + range.lowerBound
          parts[range.lowerBound / grain] = ap_dot(gradient, gradient, Int64(range.count))
        }
      }
      return sum + parts.reduce(0, +)
    }.squareRoot()
  }

  /// - Parameter gradientScale: what gradients are multiplied with first.
  func step(_ tensors: [TrainableTensor], learningRate: Double, gradientScale: Double, _ workers: Workers) {
    steps += 1
    func power(_ beta: Double) -> Double { (0..<steps).reduce(1) { result, _ in result * beta } }
    let corrections = (1 - power(options.beta1), (1 - power(options.beta2)).squareRoot())
    for (index, tensor) in tensors.enumerated() {
      var step = ap_adamw_step(
        learning_rate: Float(learningRate), beta1: Float(options.beta1), beta2: Float(options.beta2),
        epsilon: Float(options.epsilon), weight_decay: tensor.isVector ? 0 : Float(options.weightDecay),
        correction1: Float(corrections.0),
        correction2_root: Float(corrections.1), gradient_scale: Float(gradientScale)
      )
      let (m, v) = (firstMoments[index], secondMoments[index])
      withUnsafePointer(to: &step) { step in
        workers.ranges(tensor.count, grain: AdamW.grain) { range, _ in
          let first = range.lowerBound
          ap_adamw(
            tensor.value + first, tensor.gradient + first, m.base + first, v.base + first, Int64(range.count),
            step)
        }
      }
    }
  }
}
