import COpenBLAS
import Kernels

/// The threads that do the arithmetic.
///
/// The result of a loop's part does not depend on the thread that computes it. So the bytes of a run depend on how loops are
/// cut, and never on timing. OpenBLAS runs with one thread: concurrent calls into its threaded mode serialise.
public final class Workers: @unchecked Sendable {
  /// Threads, the caller's included.
  public let count: Int
  private let pool: OpaquePointer?

  /// - Parameter count: at least 1; the number of processors when nil.
  public init(count: Int? = nil) {
    self.count = max(1, min(count ?? Workers.processors, 1024))
    openblas_set_num_threads(1)
    pool = ap_pool_create(Int32(self.count))
  }

  deinit { ap_pool_destroy(pool) }

  /// Processors that this process may use.
  public static var processors: Int { max(1, Int(ap_available_processors())) }

  /// Runs `body(part, worker)` for each part in `0 ..< parts`. `worker`, in `0 ..< count`, is the number of the thread, whose
  /// scratch memory is free. Not reentrant.
  public func run(_ parts: Int, _ body: (_ part: Int, _ worker: Int) -> Void) {
    guard let pool else {
      for part in 0..<max(0, parts) { body(part, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      var call = body
      withUnsafeMutablePointer(to: &call) { call in
        ap_pool_run(
          pool, Int64(parts),
          { context, part, worker in
            let body = context?.assumingMemoryBound(to: ((Int, Int) -> Void).self)
            body?.pointee(Int(part), Int(worker))
          }, UnsafeMutableRawPointer(call))
      }
    }
  }

  /// Runs `body` over `0 ..< length` cut into ranges of about `grain` elements.
  public func ranges(_ length: Int, grain: Int, _ body: (_ range: Range<Int>, _ worker: Int) -> Void) {
    let grain = max(1, grain)
    run((length + grain - 1) / grain) { part, worker in
      body(part * grain..<min(length, (part + 1) * grain), worker)
    }
  }

  /// Runs `body` over ranges of `values`, each with the address of its first element.
  public func ranges<Element>(
    of values: inout [Element], grain: Int,
    _ body: (_ range: Range<Int>, _ first: UnsafeMutablePointer<Element>) -> Void
  ) {
    values.withUnsafeMutableBufferPointer { values in
      guard let base = values.baseAddress else { return }
      ranges(values.count, grain: grain) { range, _ in body(range, base + range.lowerBound) }
    }
  }

  /// The sum of `body` over ranges of `0 ..< length`, added in their order.
  public func sum(_ length: Int, grain: Int, _ body: (_ range: Range<Int>) -> Double) -> Double {
    var parts = [Double](repeating: 0, count: (length + grain - 1) / grain)
    ranges(of: &parts, grain: 1) { part, sum in
      sum.pointee = body(part.lowerBound * grain..<min(length, part.upperBound * grain))
    }
    return parts.reduce(0, +)
  }
}
