import Foundation

/// The resident memory of this process, in bytes; 0 if the system does not tell.
public enum ProcessMemory {
  static var resident: Int { bytes("VmRSS") }
  /// The most memory that the process has held at once.
  public static var peak: Int { bytes("VmHWM") }

  private static func bytes(_ field: String) -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") }
    return 1024 * (line?.split { !$0.isNumber }.first.flatMap { Int($0) } ?? 0)
  }

  /// Starts a new peak, so that each of several runs in one process has its own. If the system can't reset it, the peak
  /// stays that of the whole process.
  public static func resetPeak() {
    // Linux, Documentation/filesystems/proc.rst: writing 5 resets the peak resident set size.
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
    try? file.write(contentsOf: Data("5".utf8))
    try? file.close()
  }
}
