import Files
import Foundation
import JSON
import PluginRuntime

/// Why a folder can't take a run.
public enum RunFolderError: Error, Sendable, Equatable, CustomStringConvertible {
  case notEmpty(path: String)
  case notAFolder(path: String)
  case file(FileError)

  public var description: String {
    switch self {
    case .notEmpty(let path):
      "\(path) is not empty, and nothing is overwritten; choose another folder for --output"
    case .notAFolder(let path): "\(path) is a file; choose a folder for --output"
    case .file(let error): error.description
    }
  }
}

/// The folder of one run, in which everything about it is found. `RunLayout` says what stands where.
public struct RunFolder: Sendable {
  /// Absolute.
  public let path: String

  /// Makes the folder, and those above it, if need be.
  /// - Throws: `RunFolderError` if something is in it already.
  public static func create(at path: String) throws(RunFolderError) -> RunFolder {
    let folder = URL(fileURLWithPath: path).standardizedFileURL.path
    try requireUsable(folder)
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw .file(FileError(operation: "create", path: folder, reason: error.localizedDescription))
    }
    return RunFolder(path: folder)
  }

  /// Checks what `create` would refuse, and makes nothing.
  public static func requireUsable(_ path: String) throws(RunFolderError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return }
    guard isDirectory.boolValue else { throw .notAFolder(path: path) }
    guard let contents = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw .file(FileError(operation: "read", path: path, reason: "permission denied"))
    }
    guard contents.isEmpty else { throw .notEmpty(path: path) }
  }

  /// Writes JSON at `name`, a path within the folder; folders on the way are made.
  public func write(_ value: JSONValue, to name: String) throws(FileError) {
    let file = try place(name)
    try AtomicFile.write(value.pretty, to: file)
  }

  /// The absolute path of `name`, whose folder exists when this returns.
  public func place(_ name: String) throws(FileError) -> String {
    let file = path + "/" + name
    let folder = (file as NSString).deletingLastPathComponent
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw FileError(operation: "create", path: folder, reason: error.localizedDescription)
    }
    return file
  }

  public func write(_ manifest: Manifest) throws(FileError) {
    try write(manifest.json, to: RunLayout.manifest)
  }

  public func write(_ record: RunRecord) throws(FileError) { try write(record.json, to: RunLayout.run) }

  /// All evaluations of the run so far.
  public func write(_ evaluations: [EvaluationRecord]) throws(FileError) {
    try write(["evaluations": .array(evaluations.map(\.json))], to: RunLayout.metrics)
  }

  public func write(_ record: IterationRecord) throws(FileError) {
    try write(record.json, to: RunLayout.iteration(record.number))
  }

  /// Opens the run's event log.
  public func openEventLog() throws(FileError) -> EventLog {
    try EventLog(path: try place(RunLayout.events))
  }
}
