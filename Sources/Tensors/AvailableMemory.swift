import Foundation

/// The memory that this process can still get.
public struct AvailableMemory: Equatable, Sendable {
  public let bytes: Int
  /// What sets the bound, as the beginning of a sentence: `this machine has left`.
  public let limit: String

  /// nil where the system does not say.
  public static var now: AvailableMemory? {
    [machine, group, addresses].compactMap(\.self).min { $0.bytes < $1.bytes }
  }

  /// Memory that nobody else uses, and swap.
  private static var machine: AvailableMemory? {
    guard let kilobytes = fields("/proc/meminfo"), let free = kilobytes["MemAvailable"] else { return nil }
    return AvailableMemory(bytes: (free + (kilobytes["SwapFree"] ?? 0)) << 10, limit: "this machine has left")
  }

  /// The control group's (Linux, Documentation/admin-guide/cgroup-v2.rst). The cache of files is given up first.
  private static var group: AvailableMemory? {
    let folder = "/sys/fs/cgroup/"
    guard let most = number(folder + "memory.max"), let used = number(folder + "memory.current")
    else { return nil }
    let files = fields(folder + "memory.stat")?["inactive_file"] ?? 0
    return AvailableMemory(
      bytes: max(0, most - max(0, used - files)), limit: "this process's control group has left")
  }

  /// `ulimit -v`.
  private static var addresses: AvailableMemory? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max,
      let most = Int(exactly: limit.rlim_cur), most < 1 << 60,
      let used = fields("/proc/self/status")?["VmSize"]
    else { return nil }
    return AvailableMemory(bytes: max(0, most - used << 10), limit: "ulimit -v leaves this process")
  }

  private static func number(_ path: String) -> Int? {
    (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
      Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  /// The lines of a file that have a name and a number.
  private static func fields(_ path: String) -> [String: Int]? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    let pairs = text.split(separator: "\n").compactMap { line -> (String, Int)? in
      let words = line.split { $0 == " " || $0 == "\t" || $0 == ":" }
      guard words.count > 1, let value = Int(words[1]) else { return nil }
      return (String(words[0]), value)
    }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }
}
