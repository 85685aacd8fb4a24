import COpenBLAS
import Foundation
import Kernels

/// The kernels that OpenBLAS uses.
///
/// OpenBLAS chooses them by the processor's model when it is loaded. For a model newer than itself it takes those of a
/// processor of 2004 (Prescott, SSE3), which are several times slower. The environment variable OPENBLAS_CORETYPE names
/// others. So the program starts again with that variable set.
public enum BLASKernels {
  /// Kernels with vectors of 256 bits or more (`OPENBLAS_CORETYPE`, driver/others/dynamic.c of OpenBLAS).
  private static let wide = ["haswell", "zen", "excavator", "skylakex", "cooperlake", "sapphirerapids"]

  /// OpenBLAS's name for the kernels in use, such as `Haswell`.
  public static var chosen: String { String(cString: openblas_get_corename()) }

  /// Better kernels than OpenBLAS chose; nil if there are none, or if the user chose.
  public static func better(
    than chosen: String = chosen, vectorBits: Int = Int(ap_vector_bits()),
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    guard environment["OPENBLAS_CORETYPE"] == nil, !wide.contains(chosen.lowercased()) else { return nil }
    return vectorBits >= 512 ? "SkylakeX" : vectorBits >= 256 ? "Haswell" : nil
  }

  /// Starts the program again in the same process, with the same arguments, if there are better kernels. Call this first.
  public static func takeBest() {
    guard String(cString: openblas_get_config()).contains("DYNAMIC_ARCH"), let better = better() else {
      return
    }
    setenv("OPENBLAS_CORETYPE", better, 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
    // Without /proc the program goes on, more slowly.
    for argument in arguments { free(argument) }
  }
}
