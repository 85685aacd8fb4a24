import COpenBLAS
import Foundation
import Kernels

/// Which kernels OpenBLAS works with.
///
/// It chooses by the processor's model when it is loaded. For a model that is newer than itself it takes those of a
/// processor of 2004 (Prescott, SSE3), which are several times slower. OPENBLAS_CORETYPE names others, if it is set
/// by then: so a program that finds itself so slow begins again with the variable set.
public enum BLASKernels {
  /// Kernels that have vectors of 256 bits or more (`OPENBLAS_CORETYPE`, driver/others/dynamic.c of OpenBLAS).
  private static let wide = [
    "haswell", "zen", "excavator", "skylakex", "cooperlake", "sapphirerapids",
  ]

  /// As OpenBLAS calls them.
  public static var chosen: String { String(cString: openblas_get_corename()) }

  /// Better ones than those chosen; nil if there are none, or the user has chosen.
  /// - Parameters:
  ///   - chosen: by OpenBLAS.
  ///   - vectorBits: what the processor has.
  public static func better(
    than chosen: String = chosen, vectorBits: Int = Int(ap_vector_bits()),
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    guard environment["OPENBLAS_CORETYPE"] == nil, !wide.contains(chosen.lowercased()) else { return nil }
    return vectorBits >= 512 ? "SkylakeX" : vectorBits >= 256 ? "Haswell" : nil
  }

  /// Begins this program again, with the same arguments in the same process, if there are better kernels. Call it before
  /// anything else.
  public static func takeBest() {
    guard String(cString: openblas_get_config()).contains("DYNAMIC_ARCH"), let better = better() else {
      return
    }
    setenv("OPENBLAS_CORETYPE", better, 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
    // Not there: it goes on as it is, more slowly.
    for argument in arguments { free(argument) }
  }
}
