import Files
import Foundation
import JSON
import RunRecords

/// Why a folder can't take a run.
public enum RunFolderError: Error, Sendable, Equatable, CustomStringConvertible {
  case notEmpty(path: String)
  case unfinished(path: String)
  case notAFolder(path: String)

  public var description: String {
    switch self {
    case .notEmpty(let path):
      "\(path) is not empty, and nothing is overwritten; choose another folder for --output"
    case .unfinished(let path):
      "\(path) holds a run that has not finished; go on with it by \(Tool.name) resume \(path), or choose another folder "
        + "for --output"
    case .notAFolder(let path): "\(path) is a file; choose a folder for --output"
    }
  }
}

/// The folder of one run. It holds everything about the run, in the places that `RunLayout` names.
public struct RunFolder: Sendable {
  /// An absolute path.
  public let path: String
  /// Keeps other processes out.
  private let lock: FolderLock

  /// Locks the folder of an earlier run.
  /// - Parameter command: the name of this command, which other processes are told.
  /// - Throws: `FolderLockError`.
  static func open(_ path: String, command: String) throws -> RunFolder {
    let folder = URL(fileURLWithPath: path).standardizedFileURL.path
    return RunFolder(path: folder, lock: try FolderLock(folder, holder: "\(Tool.name) \(command)"))
  }

  /// Makes the folder if necessary, and keeps other processes out while the result exists. Clears what a killed process
  /// left before its run could be resumed.
  /// - Parameters:
  ///   - command: the name of this command, which other processes are told.
  ///   - isRun: whether the folder is known to be a run's.
  /// - Throws: `RunFolderError` if the folder holds anything else. `FolderLockError`, `FileError`.
  package static func claim(at path: String, command: String, isRun: Bool = false) throws -> RunFolder {
    let folder = URL(fileURLWithPath: path).standardizedFileURL.path
    try requireUsable(folder, isRun: isRun)
    try Folder.make(folder)
    let claimed = try open(folder, command: command)
    // Another process may have been faster.
    try requireFree(folder, isRun: isRun, note: claimed.lock.leftBehind)
    try claimed.clear()
    return claimed
  }

  /// A doubt about the lock that the user should know.
  var doubt: String? { lock.doubt }

  /// Whether there is a run that can be resumed.
  var canBeResumed: Bool { Self.canBeResumed(path) }

  /// Whether the folder holds nothing but the start of a run or comparison, without records.
  var isHalfMade: Bool {
    guard !canBeResumed, let names = try? Self.contents(path) else { return false }
    return Self.isHalfMade(path, names)
  }

  /// Removes the start of a run. After a failure the next run removes it.
  func clearIfHalfMade() { if isHalfMade { try? clear() } }

  private func clear() throws(FileError) {
    for name in try Self.contents(path) { try Folder.remove(path + "/" + name) }
  }

  /// Removes the unfinished files of a killed process from a folder. A failure does no harm.
  static func removeLeftovers(in folder: String) {
    for name in (try? Folder.names(in: folder)) ?? [] where RunLayout.isLeftover(name) {
      try? Folder.remove(folder + "/" + name)
    }
  }

  // MARK: - Checking

  /// Checks what `claim` would refuse, and makes nothing.
  /// - Parameter isRun: whether the folder is known to be a run's.
  /// - Throws: `RunFolderError`, `FolderLockError`, `FileError`.
  public static func requireUsable(_ path: String, isRun: Bool = false) throws {
    guard FileManager.default.fileExists(atPath: path) else { return try requireMakeable(path) }
    guard Folder.exists(path) else { throw RunFolderError.notAFolder(path: path) }
    if let holder = FolderLock.holder(of: path) { throw FolderLockError.held(folder: path, holder: holder) }
    try requireFree(path, isRun: isRun, note: FolderLock.words(in: path))
    try requireWritable(path)
  }

  /// The nearest existing path above must be a folder that can be written to.
  private static func requireMakeable(_ path: String) throws {
    var above = URL(fileURLWithPath: path).standardizedFileURL.path
    repeat {
      above = (above as NSString).deletingLastPathComponent
    } while above != "/" && !above.isEmpty && !FileManager.default.fileExists(atPath: above)
    if above.isEmpty { above = "/" }
    guard above == "/" || Folder.exists(above) else { throw RunFolderError.notAFolder(path: above) }
    try requireWritable(above)
  }

  private static func requireWritable(_ folder: String) throws(FileError) {
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw FileError(operation: "write to", path: folder, reason: "it is not writable")
    }
  }

  /// - Parameter note: the lock file's text about a killed process.
  private static func requireFree(_ path: String, isRun: Bool, note: String?) throws {
    let names = try contents(path)
    let isOurNote = note?.hasPrefix(Tool.name + " ") == true
    // Otherwise the file may belong to somebody else.
    guard isOurNote || (note ?? "").isEmpty else { throw RunFolderError.notEmpty(path: path) }
    if names.isEmpty { return }
    if canBeResumed(path) { throw RunFolderError.unfinished(path: path) }
    let record = json(path, RunLayout.run).flatMap { RunRecord(json: $0, for: .report) }
    let isOurs = isRun || isOurNote || record?.tool?.name == Tool.name
    // A run that has ended had a state, which somebody has removed. So it is not a start.
    let end = record?.state ?? .running
    guard isOurs, isRun ? end != .finished : end == .running, isHalfMade(path, names) else {
      throw RunFolderError.notEmpty(path: path)
    }
  }

  private static func isHalfMade(_ path: String, _ names: [String]) -> Bool {
    guard names.allSatisfy({ RunLayout.begun.contains($0) || RunLayout.isLeftover($0) }) else { return false }
    guard names.contains(RunLayout.stateFolder) else { return true }
    let state = try? Folder.names(in: path + "/" + RunLayout.stateFolder)
    return state?.allSatisfy(RunLayout.isLeftover) ?? false
  }

  private static func contents(_ path: String) throws(FileError) -> [String] {
    try Folder.names(in: path).filter { $0 != FolderLock.fileName }
  }

  private static func canBeResumed(_ folder: String) -> Bool {
    FileManager.default.fileExists(atPath: folder + "/" + RunLayout.state)
  }

  // MARK: - Reading and writing

  /// Returns nil if the file can't be read or is not JSON.
  static func json(_ folder: String, _ name: String) -> JSONValue? {
    (try? ReadableFile.bytes(of: folder + "/" + name)).flatMap { try? JSONValue(parsing: $0) }
  }

  /// Writes JSON to a file within the folder, and makes the folders on the way.
  public func write(_ value: JSONValue, to name: String) throws(FileError) {
    try AtomicFile.write(value.pretty, to: try place(name))
  }

  /// Returns the absolute path of a file within the folder, and makes the folders on the way.
  public func place(_ name: String) throws(FileError) -> String {
    let file = path + "/" + name
    try Folder.make((file as NSString).deletingLastPathComponent)
    return file
  }

  public func write(_ record: RunRecord) throws(FileError) { try write(record.json, to: RunLayout.run) }

  /// Writes all evaluations of the run so far.
  public func write(_ evaluations: [EvaluationRecord]) throws(FileError) {
    try write(MetricsRecord { $0.evaluations = evaluations }.json, to: RunLayout.metrics)
  }

  public func write(_ record: IterationRecord) throws(FileError) {
    try write(record.json, to: RunLayout.iteration(record.number))
  }

  public func openEventLog() throws(FileError) -> EventLog { try EventLog(path: try place(RunLayout.events)) }
}
