import COpenBLAS
import Kernels

/// The threads that do the arithmetic.
///
/// Every loop is cut into parts whose results do not depend on who computes them. So the bytes of a run depend on how
/// a loop is cut, and never on timing. OpenBLAS itself is told to use one thread: concurrent calls into its threaded
/// mode serialise, while single-threaded calls from several threads do not.
public final class Workers: @unchecked Sendable {
  /// How many threads compute, the caller's included.
  public let count: Int
  private let pool: OpaquePointer?

  /// - Parameter count: at least 1; the number of processors when nil.
  public init(count: Int? = nil) {
    self.count = max(1, min(count ?? Workers.processors, 1024))
    openblas_set_num_threads(1)
    pool = ap_pool_create(Int32(self.count))
  }

  deinit { ap_pool_destroy(pool) }

  /// Whose kernels OpenBLAS uses here, such as `Haswell`: its own choice by processor, or that of the environment
  /// variable OPENBLAS_CORETYPE.
  public static var matrixKernels: String { String(cString: openblas_get_corename()) }

  /// Processors that this process may use.
  public static var processors: Int { max(1, Int(ap_available_processors())) }

  /// Runs `body(part, worker)` for each part in `0 ..< parts`; `worker` is in `0 ..< count` and tells which
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
}
