import Foundation
import JSON
import PluginRuntime
import Processes

/// The process in which a plugin is examined: what it does wrong may end it.
///
/// It makes its checks one after another and tells of each on a descriptor of its own: `begin`, then how it ended. A plugin
/// that ends the process in the middle leaves the last `begin` behind as the culprit.
public enum CheckProcess {
  /// The subcommand. People have no use for it.
  public static let command = "plugin-check-worker"
  /// Where the one that started it listens.
  static let descriptor: Int32 = 3
  /// Ends with the one that started it.
  static let lifeline: Int32 = 4

  /// - Parameters:
  ///   - manifest: the path of a plugin.json.
  ///   - first: the check to begin with: those before it have been made.
  ///   - services: what the host offers to plugins, arithmetic included.
  ///   - data: reads data of a plugin's own: the value of an option, and the folder that paths are relative to.
  public static func examine(
    _ id: String, in manifest: String, strictness: Int, from first: String,
    services: @escaping @Sendable () -> HostServices,
    data: (_ option: String, _ value: JSONValue, _ manifest: String) throws -> HostServices.Corpus
  ) {
    ap_report_faults(descriptor)
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(lifeline, &byte, 1) < 0, errno == EINTR {}
      // With all that the plugin has started.
      kill(0, SIGKILL)
    }
    let output = StandardOutput()
    let before = ProcessMarks.now
    let checks = Checks.all.filter { $0.strictness <= strictness }.drop { $0.name != first }
    var checked: CheckedPlugin?
    for check in checks {
      tell("begin \(check.name)")
      do {
        // A process that goes on after the first check loads the plugin too, and says nothing of it.
        let now: CheckedPlugin
        if let checked {
          now = checked
        } else {
          let description = try description(of: id, in: manifest)
          let plugin = try LoadedPlugin(loading: description)
          now = CheckedPlugin(
            plugin: plugin, own: OwnTestData(of: plugin, description, reading: data), services: services,
            processBefore: before, isFunction: description.function != nil)
          checked = now
        }
        let reason = try check.body(now)
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

  private static func description(of id: String, in manifest: String) throws -> PluginDescription {
    guard let plugin = try PluginRegistry.plugins(at: manifest).first(where: { $0.id == id }) else {
      throw PluginError.badManifest(path: manifest, reason: "no longer names \(id)")
    }
    return plugin
  }

  private static func tell(_ line: String) {
    let text = line.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
    text.utf8.withContiguousStorageIfAvailable { bytes in
      _ = write(descriptor, bytes.baseAddress, bytes.count)
    }
  }
}

/// A file in memory instead of this process's standard output, which a plugin must leave alone.
private final class StandardOutput {
  private var seen = 0

  init() {
    let file = ap_memory_file("standard output")
    guard file >= 0 else { return }
    dup2(file, STDOUT_FILENO)
    close(file)
  }

  /// What has been written since the last time; nil if nothing was.
  func taken() -> String? {
    fflush(nil)
    var room = [UInt8](repeating: 0, count: 60)
    let count = pread(STDOUT_FILENO, &room, room.count, seen)
    guard count > 0 else { return nil }
    seen = Int(lseek(STDOUT_FILENO, 0, SEEK_END))
    return String(decoding: room[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
