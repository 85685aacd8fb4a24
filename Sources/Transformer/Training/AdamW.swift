import Kernels
import Tensors

/// AdamW's constants, with the names and meanings of `torch.optim.AdamW`.
public struct AdamWOptions: Equatable, Sendable {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// Decoupled weight decay of matrices. Norms and biases do not decay.
  public var weightDecay: Double

  public init(beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8, weightDecay: Double = 0.1) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }
}

/// The optimizer with its state: both moments of every tensor, in float32, and their steps.
final class AdamW {
  let options: AdamWOptions
  /// [tensors]: decaying sums of gradients, and of their squares.
  let firstMoments: [Buffer]
  let secondMoments: [Buffer]
  /// Steps of the oldest tensor.
  var steps = 0
  /// [tensors]: steps made before the tensor existed. Each tensor counts its own steps, as in PyTorch (`state["step"]`). So a
  /// new bias starts with the corrections of a first step.
  var stepsMissed: [Int]

  /// Elements that one thread takes at a time.
  private static let grain = 1 << 16

  init(_ tensors: [TrainableTensor], _ options: AdamWOptions) {
    self.options = options
    firstMoments = tensors.map { Buffer($0.count) }
    secondMoments = tensors.map { Buffer($0.count) }
    stepsMissed = [Int](repeating: 0, count: tensors.count)
  }

  /// The Euclidean norm of all gradients together.
  static func gradientNorm(_ tensors: [TrainableTensor], _ workers: Workers) -> Double {
    tensors.reduce(0) { sum, tensor in
      let gradient = tensor.gradient
      return sum
        + workers.sum(tensor.count, grain: grain) {
          ap_dot(gradient + $0.lowerBound, gradient + $0.lowerBound, Int64($0.count))
        }
    }.squareRoot()
  }

  /// - Parameter gradientScale: multiplies the gradients first.
  func step(_ tensors: [TrainableTensor], learningRate: Double, gradientScale: Double, _ workers: Workers) {
    steps += 1
    var known: [Int: (first: Double, secondRoot: Double)] = [:]
    for (index, tensor) in tensors.enumerated() {
      let missed = stepsMissed[index]
      let corrections = known[missed] ?? corrections(steps: steps - missed)
      known[missed] = corrections
      var step = ap_adamw_step(
        learning_rate: Float(learningRate), beta1: Float(options.beta1), beta2: Float(options.beta2),
        epsilon: Float(options.epsilon), weight_decay: tensor.isVector ? 0 : Float(options.weightDecay),
        correction1: Float(corrections.first), correction2_root: Float(corrections.secondRoot),
        gradient_scale: Float(gradientScale)
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

  /// The divisors of the moments, which started at 0: 1 − β₁ᵗ and √(1 − β₂ᵗ).
  private func corrections(steps: Int) -> (first: Double, secondRoot: Double) {
    func power(_ beta: Double) -> Double { (0..<max(0, steps)).reduce(1) { result, _ in result * beta } }
    return (1 - power(options.beta1), (1 - power(options.beta2)).squareRoot())
  }
}
