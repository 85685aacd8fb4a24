import Foundation
import PluginRuntime

/// A plugin compiled from one C file by plain `cc`, as a stranger would, into a folder of its own.
enum CompiledPlugin {
  struct CompilerError: Error, CustomStringConvertible {
    let description: String
  }

  static let header = packageRoot + "/Sources/PluginABI/include"
  static let fixtures = packageRoot + "/Tests/Fixtures/plugins"

  /// A fixture by name, found through its plugin.json.
  static func fixture(
    _ name: String, kind: PluginKind = .criterion, abi: ABIVersion = .host, version: String = "1.0.0"
  ) throws -> PluginDescription {
    let isC = FileManager.default.fileExists(atPath: fixtures + "/\(name).c")
    let folder = try compile(fixtures + "/\(name)." + (isC ? "c" : "cpp"), as: "libfixture.so")
    try #"""
    { "library": "libfixture.so", "abi": { "major": \#(abi.major), "minor": \#(abi.minor) },
      "plugins": [ { "id": "fixture.plugin", "kind": "\#(kind.rawValue)", "version": "\#(version)",
                     "summary": "A fixture." } ] }
    """#.write(toFile: folder + "/plugin.json", atomically: true, encoding: .utf8)
    return try PluginRegistry(searching: [folder]).find("fixture.plugin")
  }

  /// - Returns: the folder in which the library is.
  static func compile(_ source: String, as library: String) throws -> String {
    let folder = try temporaryFolder()
    let isC = source.hasSuffix(".c")
    try run(
      [
        isC ? "-std=c11" : "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC",
        "-fvisibility=hidden",
        "-I" + header, source, "-o", folder + "/" + library, "-lm",
      ], compiler: isC ? "cc" : "c++")
    return folder
  }

  static func run(_ arguments: [String], compiler: String = "cc") throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [compiler] + arguments
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let words = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus != 0 {
      throw CompilerError(description: String(decoding: words, as: UTF8.self))
    }
  }

  static func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/adapt-pruner-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }
}

/// The error that `body` throws, in words; "" if it throws none.
func sentence(of body: () throws -> Void) -> String {
  do { try body() } catch { return "\(error)" }
  return ""
}

/// `count` units of one matrix with one row each and one column, all 1.
func scoreOnes(_ criterion: CriterionInstance, count: Int) throws -> [Float] {
  try [Float](repeating: 1, count: count).withUnsafeBufferPointer { weight in
    try criterion.score(
      model: toyModel,
      units: UnitsRequest(
        family: "mlp", layer: 1, original: Array(0..<count),
        matrices: [
          MatrixRequest(
            name: "gate_proj", axis: .rows,
            weight: MatrixMemory(weight.baseAddress!, rows: count, columns: 1))
        ]))
  }
}
