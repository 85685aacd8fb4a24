import Foundation
import PluginRuntime
import Testing

/// The program as its users call it, in a process of its own.
enum Program {
  struct Answer {
    let code: Int32
    let output: String
    let error: String
  }

  static let path = Support.binaries.appendingPathComponent("adapt-pruner").path
  static let isBuilt = FileManager.default.isExecutableFile(atPath: path) && Support.pluginsAreBuilt
  static let missing: Comment = "the program or its plugins are not built; run swift build first"

  /// - Parameter shell: what a shell does before it becomes the program: `ulimit -f 64`.
  static func start(
    _ arguments: [String], in scratch: Scratch, plugins: [String] = [], shell: String = ":"
  ) throws -> Running {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", "\(shell); exec \"$0\" \"$@\"", path] + arguments
    process.currentDirectoryURL = scratch.url
    process.environment = [
      "HOME": scratch.url.path, "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
      "ADAPT_PRUNER_PLUGIN_PATH": (plugins + [Support.pluginFolder]).joined(separator: ":"),
    ]
    // Files, since a full pipe would stop the program while the test reads the other one.
    let name = UUID().uuidString
    let output = try scratch.write("", to: "\(name).stdout")
    let error = try scratch.write("", to: "\(name).stderr")
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: error))
    try process.run()
    return Running(process: process, output: output, error: error)
  }

  static func call(
    _ arguments: [String], in scratch: Scratch, plugins: [String] = [], shell: String = ":"
  ) throws -> Answer {
    try start(arguments, in: scratch, plugins: plugins, shell: shell).wait()
  }

  struct Running {
    let process: Process
    let output: String
    let error: String

    func wait() throws -> Answer {
      process.waitUntilExit()
      return Answer(
        code: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
        output: try String(contentsOfFile: output, encoding: .utf8),
        error: try String(contentsOfFile: error, encoding: .utf8))
    }
  }
}
