import Foundation
import JSON
import PluginRuntime
import Processes

/// The process in which a plugin is examined. A bad plugin may end it.
///
/// The process makes its checks one after another. It reports each on its own descriptor: `begin`, then the result. If
/// the plugin ends the process, the last `begin` names the check that did it.
public enum CheckProcess {
  /// The subcommand. It is not for users.
  public static let command = "plugin-check-worker"
  /// The parent process reads reports from this descriptor.
  static let descriptor: Int32 = 3
  /// This descriptor closes when the parent process ends.
  static let lifeline: Int32 = 4

  /// - Parameters:
  ///   - manifest: the path of a plugin.json.
  ///   - first: the check to begin with. Those before it are done.
  ///   - services: the host's services, with arithmetic.
  ///   - data: reads the author's data, given the value of an option and the path of the plugin.json.
  public static func examine(
    _ id: String, in manifest: String, strictness: Int, from first: String,
    services: @escaping @Sendable () -> HostServices,
    data: (_ option: String, _ value: JSONValue, _ manifest: String) throws -> HostServices.Corpus
  ) {
    ap_report_faults(descriptor)
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(lifeline, &byte, 1) < 0, errno == EINTR {}
      // This includes every process that the plugin has started.
      kill(0, SIGKILL)
    }
    let output = StandardOutput()
    let before = ProcessMarks.now
    let checks = Checks.all.filter { $0.strictness <= strictness }.drop { $0.name != first }
    var checked: CheckedPlugin?
    for check in checks {
      tell("begin \(check.name)")
      do {
        // A process that starts later than the first check loads the plugin too, without a report.
        let now: CheckedPlugin
        if let checked {
          now = checked
        } else {
          guard let description = try PluginRegistry.plugins(at: manifest).first(where: { $0.id == id })
          else { throw PluginError.badManifest(path: manifest, reason: "no longer names \(id)") }
          let plugin = try LoadedPlugin(loading: description)
          now = CheckedPlugin(
            plugin: plugin, own: OwnTestData(of: plugin, description, reading: data), services: services,
            processBefore: before, isFunction: description.function != nil)
          checked = now
        }
        var reason: String?
        do { try check.body(now) } catch let skipped as Skipped { reason = skipped.reason }
        if let text = output.taken() {
          tell("failed it wrote to standard output, which belongs to the host: \"\(text)\"")
        } else {
          tell(reason.map { "skipped \($0)" } ?? "passed")
        }
      } catch {
        _ = output.taken()
        tell("failed \(error)")
        if checked == nil { return }
      }
    }
  }

  private static func tell(_ line: String) {
    let text = line.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
    text.utf8.withContiguousStorageIfAvailable { bytes in
      _ = write(descriptor, bytes.baseAddress, bytes.count)
    }
  }
}

/// Replaces the standard output by a file in memory. A plugin must not write to it.
private final class StandardOutput {
  private var seen = 0

  init() {
    let file = ap_memory_file("standard output")
    guard file >= 0 else { return }
    dup2(file, STDOUT_FILENO)
    close(file)
  }

  /// The text that was written since the last call. nil if there is none.
  func taken() -> String? {
    fflush(nil)
    var room = [UInt8](repeating: 0, count: 60)
    let count = pread(STDOUT_FILENO, &room, room.count, seen)
    guard count > 0 else { return nil }
    seen = Int(lseek(STDOUT_FILENO, 0, SEEK_END))
    return String(decoding: room[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
