import Checkpoints
import JSON
import PluginRuntime
import Tensors
import Transformer

/// The rate at which this machine multiplies float32 matrices with the passes' own call. It is the upper bound of the
/// passes' rates.
struct SgemmRate {
  private let layer: LayerSizes
  private let workers: Workers

  init(_ layer: LayerSizes, _ workers: Workers) {
    self.layer = layer
    self.workers = workers
  }

  /// `gflops` at the best shape, the rate at each shape, and the name of the kernels.
  var answer: JSONObject {
    let rates = shapes.map { (shape: $0, gflops: rate($0)) }
    return [
      "gflops": .number(rates.map(\.gflops).max() ?? 0),
      "kernels": .string(BLASKernels.chosen),
      "shapes": .object(JSONObject(rates.map { ("\($0.shape)", .number($0.gflops)) })),
    ]
  }

  /// C [m, n] = A [m, k] · B [n, k]ᵀ, the product of an activation and a weight.
  private struct Shape: CustomStringConvertible {
    let m: Int
    let n: Int
    let k: Int
    var description: String { "\(m)×\(n)×\(k)" }
  }

  /// A layer's products for 2048 tokens, and the square product that the PyTorch side measures.
  private var shapes: [Shape] {
    let tokens = 2048
    return [
      Shape(m: tokens, n: 2 * layer.intermediate, k: layer.hidden),
      Shape(m: tokens, n: layer.intermediate, k: layer.hidden),
      Shape(m: tokens, n: layer.hidden, k: layer.intermediate),
      Shape(m: tokens, n: layer.queryHeads * layer.headDimension, k: layer.hidden),
      Shape(m: tokens, n: tokens, k: tokens),
    ]
  }

  /// Returns 10⁹ floating-point operations a second, the best of five.
  private func rate(_ shape: Shape) -> Double {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let random = RandomStream(seed: 0, plugin: "adapt-pruner.bench", stream: 0)
    let a = Buffer((0..<m * k).map(random.uniform))
    let b = Buffer((0..<n * k).map(random.uniform))
    let c = Buffer(m * n)
    let best = (0..<5).map { _ in
      ContinuousClock().measure {
        workers.multiply(
          Rows(a.base, stride: k), .plain, Rows(b.base, stride: k), .transposed,
          into: Rows(c.base, stride: n),
          m: m, n: n, k: k)
      } / .seconds(1)
    }.min()
    return best.map { 2 * Double(m * n * k) / $0 / 1e9 } ?? 0
  }
}
