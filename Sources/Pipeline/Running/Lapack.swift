import PluginRuntime
import Tensors

// The arithmetic that the host does for plugins.

extension HostServices {
  /// Offers matrix products and linear algebra to a plugin.
  mutating func offerArithmetic(on workers: Workers) {
    sgemm = { workers.multiply($0) }
    linearAlgebra = Lapack()
  }
}

extension Workers {
  /// Computes a matrix product for a plugin.
  func multiply(_ product: HostServices.MatrixProduct) {
    multiply(
      Rows(UnsafeMutablePointer(mutating: product.a), stride: product.lda),
      product.transposeA ? .transposed : .plain,
      Rows(UnsafeMutablePointer(mutating: product.b), stride: product.ldb),
      product.transposeB ? .transposed : .plain, into: Rows(product.c, stride: product.ldc), m: product.m,
      n: product.n, k: product.k, alpha: product.alpha, beta: product.beta)
  }
}

extension Operations {
  /// Serves a plugin in a process of its own until the host ends.
  public static func serveIsolatedPlugin(threads: Int?) throws {
    try BLASMemory.reserve(threads: threads ?? Workers.processors)
    try WorkerProcess.serve(arithmetic(threads: threads)())
  }

  /// Returns a maker of services that offer arithmetic alone.
  public static func arithmetic(threads: Int?) -> @Sendable () -> HostServices {
    let workers = Workers(count: threads)
    return {
      var services = HostServices()
      services.offerArithmetic(on: workers)
      return services
    }
  }
}

/// Linear algebra for plugins.
struct Lapack: LinearAlgebra {
  func solve(
    _ a: UnsafeBufferPointer<Double>, n: Int, _ b: UnsafeMutableBufferPointer<Double>, rows: Int
  ) throws {
    _ = b.update(from: try SymmetricMatrix(Array(a), n: n).solving(Array(b), rows: rows))
  }

  func invert(_ a: UnsafeMutableBufferPointer<Double>, n: Int) throws {
    _ = a.update(from: try SymmetricMatrix(Array(a), n: n).inverted().elements)
  }

  func eigen(
    _ a: UnsafeMutableBufferPointer<Double>, n: Int, _ values: UnsafeMutableBufferPointer<Double>
  ) throws {
    let (found, vectors) = try SymmetricMatrix(Array(a), n: n).eigen()
    _ = values.update(from: found)
    _ = a.update(from: vectors)
  }
}
