import Foundation

/// What this process has resident.
enum ProcessMemory {
  /// Bytes, now; 0 where the system does not tell.
  static var resident: Int { bytes("VmRSS") }

  fileprivate static func bytes(_ field: String) -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
    for line in status.split(separator: "\n") where line.hasPrefix(field + ":") {
      let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
      return (kilobytes ?? 0) * 1024
    }
    return 0
  }
}

/// The most memory that this process has had resident at once.
public enum PeakMemory {
  /// Bytes; 0 where the system does not tell.
  public static var bytes: Int { ProcessMemory.bytes("VmHWM") }

  /// Starts anew from what is resident now, so that each of several runs in one process has a peak of its own. Where the
  /// system can't, the peak stays that of the whole process.
  static func reset() {
    // Linux, Documentation/filesystems/proc.rst: writing 5 resets the peak resident set size.
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
    try? file.write(contentsOf: Data("5".utf8))
    try? file.close()
  }
}
