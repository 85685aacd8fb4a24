import Files
import Foundation
import JSON
import PluginRuntime
import RunRecords

/// Why a folder can't take a run.
public enum RunFolderError: Error, Sendable, Equatable, CustomStringConvertible {
  case notEmpty(path: String)
  case unfinished(path: String)
  case notAFolder(path: String)
  case lock(FolderLockError)
  case file(FileError)

  public var description: String {
    switch self {
    case .notEmpty(let path):
      "\(path) is not empty, and nothing is overwritten; choose another folder for --output"
    case .unfinished(let path):
      "\(path) holds a run that has not finished; go on with it by \(Tool.name) resume \(path), or choose another folder "
        + "for --output"
    case .notAFolder(let path): "\(path) is a file; choose a folder for --output"
    case .lock(let error): error.description
    case .file(let error): error.description
    }
  }
}

/// The folder of one run, in which everything about it is found. `RunLayout` says what stands where.
public struct RunFolder: Sendable {
  /// Absolute.
  public let path: String
  /// Keeps other processes out; nil for a folder that is only looked at.
  private let lock: FolderLock?

  private init(_ path: String, lock: FolderLock? = nil) {
    self.path = path
    self.lock = lock
  }

  /// Makes the folder, and those above it, if need be.
  /// - Throws: `RunFolderError` if something is in it already.
  public static func create(at path: String) throws(RunFolderError) -> RunFolder {
    let folder = absolute(path)
    try requireUsable(folder)
    try makeFolder(folder)
    return RunFolder(folder)
  }

  /// Makes the folder if need be, and keeps other processes out of it as long as the answer, or a copy of it, is there. What a
  /// process has left that was killed before its run could be resumed is cleared away.
  /// - Parameters:
  ///   - command: ours, which others are told of.
  ///   - isRun: it is known to be a run's, whatever is in it.
  /// - Throws: `RunFolderError` if anything else is in it.
  static func claim(at path: String, command: String, isRun: Bool = false) throws(RunFolderError) -> RunFolder
  {
    let folder = absolute(path)
    try requireUsable(folder, isRun: isRun)
    try makeFolder(folder)
    let lock = try locked(folder, command)
    // Another may have been faster.
    try requireFree(folder, isRun: isRun, note: lock.leftBehind)
    let claimed = RunFolder(folder, lock: lock)
    try claimed.clear()
    return claimed
  }

  /// An earlier run's folder, out of which other processes are kept.
  static func open(_ path: String, command: String) throws(RunFolderError) -> RunFolder {
    let folder = absolute(path)
    return RunFolder(folder, lock: try locked(folder, command))
  }

  /// Checks what `create` would refuse, and makes nothing.
  public static func requireUsable(_ path: String) throws(RunFolderError) {
    try requireUsable(path, isRun: false)
  }

  /// What the user should know of a folder that can't be locked.
  var doubt: String? { lock?.doubt }

  /// Whether there is a run that can be resumed.
  var canBeResumed: Bool { Self.isThere(path, RunLayout.state) }

  /// Whether there is nothing but what a run, or a comparison, begins with, before anything is recorded.
  var isHalfMade: Bool {
    guard !canBeResumed, let names = try? Self.contents(path) else { return false }
    return Self.isHalfMade(path, names)
  }

  /// Removes what was begun, if nothing was recorded.
  func clearIfHalfMade() {
    // Where it stays, the next run clears it away.
    if isHalfMade { try? clear() }
  }

  /// Removes all that is in the folder.
  private func clear() throws(RunFolderError) {
    do throws(FileError) {
      for name in try Self.contents(path) { try Folder.remove(path + "/" + name) }
    } catch {
      throw .file(error)
    }
  }

  /// Removes what a process that was killed had begun to write right in a folder. It is in nobody's way.
  static func removeLeftovers(in folder: String) {
    for name in (try? Folder.names(in: folder)) ?? [] where RunLayout.isLeftover(name) {
      try? Folder.remove(folder + "/" + name)
    }
  }

  // MARK: - What is there

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  private static func makeFolder(_ folder: String) throws(RunFolderError) {
    do throws(FileError) { try Folder.make(folder) } catch { throw .file(error) }
  }

  private static func locked(_ folder: String, _ command: String) throws(RunFolderError) -> FolderLock {
    do throws(FolderLockError) {
      return try FolderLock(folder, holder: "\(Tool.name) \(command)")
    } catch {
      throw .lock(error)
    }
  }

  private static func requireUsable(_ path: String, isRun: Bool) throws(RunFolderError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      return try requireMakeable(path)
    }
    guard isDirectory.boolValue else { throw .notAFolder(path: path) }
    if let holder = FolderLock.holder(of: path) { throw .lock(.held(folder: path, holder: holder)) }
    try requireFree(path, isRun: isRun, note: FolderLock.words(in: path))
    try requireWritable(path)
  }

  /// What is nearest above it and there has to be a folder that can be written to.
  private static func requireMakeable(_ path: String) throws(RunFolderError) {
    var above = URL(fileURLWithPath: path).standardizedFileURL.path
    var isDirectory: ObjCBool = false
    repeat {
      above = (above as NSString).deletingLastPathComponent
    } while above != "/" && !above.isEmpty
      && !FileManager.default.fileExists(atPath: above, isDirectory: &isDirectory)
    guard isDirectory.boolValue || above == "/" || above.isEmpty else { throw .notAFolder(path: above) }
    try requireWritable(above.isEmpty ? "/" : above)
  }

  private static func requireWritable(_ folder: String) throws(RunFolderError) {
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw .file(FileError(operation: "write to", path: folder, reason: "it is not writable"))
    }
  }

  /// - Parameter note: what the lock's file says of a process that was killed there.
  private static func requireFree(_ path: String, isRun: Bool, note: String?) throws(RunFolderError) {
    let names: [String]
    do throws(FileError) { names = try contents(path) } catch { throw .file(error) }
    let isOurNote = note?.hasPrefix(Tool.name + " ") == true
    // A file of that name may be somebody else's.
    guard isOurNote || (note ?? "").isEmpty else { throw .notEmpty(path: path) }
    if names.isEmpty { return }
    if isThere(path, RunLayout.state) { throw .unfinished(path: path) }
    let record = json(path, RunLayout.run).flatMap { RunRecord(json: $0, for: .report) }
    let isOurs = isRun || isOurNote || record?.tool?.name == Tool.name
    // One that has ended had a state, which somebody has removed: it is no beginning.
    let end = record?.state ?? .running
    guard isOurs, isRun ? end != .finished : end == .running, isHalfMade(path, names) else {
      throw .notEmpty(path: path)
    }
  }

  private static func isHalfMade(_ path: String, _ names: [String]) -> Bool {
    guard names.allSatisfy({ RunLayout.begun.contains($0) || RunLayout.isLeftover($0) }) else { return false }
    guard names.contains(RunLayout.stateFolder) else { return true }
    do throws(FileError) {
      return try Folder.names(in: path + "/" + RunLayout.stateFolder).allSatisfy(RunLayout.isLeftover)
    } catch {
      return false
    }
  }

  private static func contents(_ path: String) throws(FileError) -> [String] {
    try Folder.names(in: path).filter { $0 != FolderLock.fileName }
  }

  private static func isThere(_ folder: String, _ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder + "/" + name)
  }

  /// nil if the file can't be read or is not JSON.
  static func json(_ folder: String, _ name: String) -> JSONValue? {
    (try? ReadableFile.bytes(of: folder + "/" + name)).flatMap { try? JSONValue(parsing: $0) }
  }

  // MARK: - Writing

  /// Writes JSON at `name`, a path within the folder; folders on the way are made.
  public func write(_ value: JSONValue, to name: String) throws(FileError) {
    let file = try place(name)
    try AtomicFile.write(value.pretty, to: file)
  }

  /// The absolute path of `name`, whose folder exists when this returns.
  public func place(_ name: String) throws(FileError) -> String {
    let file = path + "/" + name
    let folder = (file as NSString).deletingLastPathComponent
    try Folder.make(folder)
    return file
  }

  public func write(_ manifest: Manifest) throws(FileError) {
    try write(manifest.json, to: RunLayout.manifest)
  }

  public func write(_ record: RunRecord) throws(FileError) { try write(record.json, to: RunLayout.run) }

  /// All evaluations of the run so far.
  public func write(_ evaluations: [EvaluationRecord]) throws(FileError) {
    try write(MetricsRecord { $0.evaluations = evaluations }.json, to: RunLayout.metrics)
  }

  public func write(_ record: IterationRecord) throws(FileError) {
    try write(record.json, to: RunLayout.iteration(record.number))
  }

  /// Opens the run's event log.
  public func openEventLog() throws(FileError) -> EventLog {
    try EventLog(path: try place(RunLayout.events))
  }
}
