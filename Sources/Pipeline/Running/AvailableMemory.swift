import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What can still be allocated.
enum AvailableMemory {
  /// Of the machine, as the kernel estimates it, and of the process where `ulimit -v` bounds it.
  static var bytes: Int {
    min(ofMachine, ofProcess ?? .max)
  }

  private static var ofMachine: Int {
    line("MemAvailable:", in: "/proc/meminfo") ?? Int(clamping: ProcessInfo.processInfo.physicalMemory)
  }

  private static var ofProcess: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < 1 << 62
    else {
      return nil
    }
    let used = line("VmSize:", in: "/proc/self/status") ?? 0
    return max(0, Int(clamping: limit.rlim_cur) - used)
  }

  /// A number of kilobytes, in bytes.
  private static func line(_ name: String, in file: String) -> Int? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return kilobytes << 10
  }
}
