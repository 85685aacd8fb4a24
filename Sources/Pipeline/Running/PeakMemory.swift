import Foundation

/// The most memory that this process has had resident at once.
public enum PeakMemory {
  /// Bytes; 0 where the system does not tell.
  public static var bytes: Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
      return (kilobytes ?? 0) * 1024
    }
    return 0
  }
}
