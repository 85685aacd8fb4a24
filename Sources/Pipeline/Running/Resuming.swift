import Files
import Foundation
import JSON
import PluginRuntime
import RunRecords
import Tensors

/// Why a run can't be resumed.
public enum ResumeError: Error, Equatable, CustomStringConvertible {
  case notARun(folder: String, missing: String)
  case notBegun(folder: String)
  case finished(folder: String)
  case broken(file: String)
  case differs(what: String, recorded: String, found: String)

  public var description: String {
    switch self {
    case .notARun(let folder, let missing):
      "\(folder) holds no run that can be resumed: \(missing) is missing; give the folder that was --output"
    case .notBegun(let folder):
      "\(folder) holds no run that can be resumed: it was stopped before anything was recorded; give the command that began it "
        + "once more, which clears the folder"
    case .finished(let folder): "the run in \(folder) has finished; there is nothing to resume"
    case .broken(let file): "\(file) is not what a run writes; without it the run can't be resumed"
    case .differs(let what, let recorded, let found):
      "\(what) is not what the run was made with (recorded: \(recorded), found: \(found)); "
        + "put it back, or start a new run"
    }
  }
}

/// An unfinished run, read from its folder.
struct ResumedRun {
  let folder: RunFolder
  let manifest: Manifest
  let modelPath: String
  let threads: Int
  let state: RunState
  /// The names of damaged checkpoints, which are skipped.
  let damaged: [String]
  /// Plugins that have changed since the run began. Perhaps they were repaired.
  let replaced: [PluginLock.Difference]
  let evaluations: [EvaluationRecord]

  /// Reads a run's folder. Checks that the manifest, the model and the run's own files have not changed.
  /// - Parameter isLocked: plugins must not have changed either.
  /// - Throws: `ResumeError`, `ManifestError`, `FileError`, `PluginLock.Difference`.
  init(folder path: String, registry: PluginRegistry, isLocked: Bool) throws {
    guard FileManager.default.fileExists(atPath: path + "/" + RunLayout.run) else {
      if let holder = FolderLock.holder(of: path) { throw FolderLockError.held(folder: path, holder: holder) }
      throw FolderLock.words(in: path) == nil
        ? ResumeError.notARun(folder: path, missing: RunLayout.run) : ResumeError.notBegun(folder: path)
    }
    let folder = try RunFolder.open(path, command: "resume")
    self.folder = folder
    func read(_ name: String) throws -> JSONValue {
      let file = folder.path + "/" + name
      guard let bytes = try? ReadableFile.bytes(of: file) else {
        throw ResumeError.notARun(folder: path, missing: name)
      }
      guard let json = try? JSONValue(parsing: bytes) else { throw ResumeError.broken(file: file) }
      return json
    }
    let run = RunRecord(json: try read(RunLayout.run), for: .resume)
    if !folder.canBeResumed {
      if run?.state == .finished { throw ResumeError.finished(folder: path) }
      throw folder.isHalfMade
        ? ResumeError.notBegun(folder: path) : ResumeError.notARun(folder: path, missing: RunLayout.state)
    }
    guard var state = RunState(json: try read(RunLayout.state), for: .resume) else {
      throw ResumeError.broken(file: folder.path + "/" + RunLayout.state)
    }
    let damaged = state.checkpoints.map(\.file).filter {
      (try? FileHash.sha256(folder.path + "/" + $0.name)) != $0.sha256
    }.map(\.name)
    state.checkpoints.removeAll { damaged.contains($0.file.name) }
    self.damaged = damaged
    self.state = state
    let manifestFile = folder.path + "/" + RunLayout.manifest
    try Self.require("the manifest \(manifestFile)", state.manifest, try FileHash.sha256(manifestFile))
    for file in state.files {
      let place = folder.path + "/" + file.name
      try Self.require(place, file.sha256, try FileHash.sha256(place))
    }
    guard let modelPath = run?.model?.path, let files = run?.model?.files, let plugins = run?.plugins,
      let threads = run?.threads
    else { throw ResumeError.broken(file: folder.path + "/" + RunLayout.run) }
    self.modelPath = modelPath
    self.threads = threads
    try Self.check(modelFiles: files, of: modelPath)
    replaced = try PluginLock(file: folder.path + "/" + RunLayout.run, plugins: plugins).differences(registry)
    if isLocked, let first = replaced.first { throw first }
    manifest = try ManifestResolver(catalog: PluginCatalog(registry)).resolve(file: manifestFile)
    evaluations = try Self.evaluations(folder, count: state.evaluations)
  }

  private static func check(modelFiles: [RunRecord.File], of path: String) throws {
    for file in modelFiles {
      guard let name = file.name, let hash = file.sha256 else { continue }
      let place = Folder.exists(path) ? path + "/" + name : path
      try require("the model's file \(place)", hash, try FileHash.sha256(place))
    }
  }

  private static func evaluations(_ folder: RunFolder, count: Int) throws -> [EvaluationRecord] {
    guard count > 0 else { return [] }
    let metrics = RunFolder.json(folder.path, RunLayout.metrics)
      .flatMap { MetricsRecord(json: $0, for: .resume) }
    guard let metrics, metrics.evaluations.count >= count else {
      throw ResumeError.broken(file: folder.path + "/" + RunLayout.metrics)
    }
    return Array(metrics.evaluations.prefix(count))
  }

  private static func require(_ what: String, _ recorded: String, _ found: String) throws {
    guard recorded == found else {
      throw ResumeError.differs(
        what: what, recorded: "SHA-256 " + recorded.prefix(12), found: String(found.prefix(12)))
    }
  }
}

extension Operations {
  /// Resumes an unfinished run from its last checkpoint. The result equals that of an uninterrupted run.
  /// - Parameters:
  ///   - isLocked: refuses changed plugins instead of reporting them.
  ///   - shared: the work that the runs of a comparison have in common.
  package static func resume(
    folder path: String, registry: PluginRegistry, isLocked: Bool, sharing shared: SharedWork? = nil,
    progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> RunSummary {
    let run = try ResumedRun(folder: path, registry: registry, isLocked: isLocked)
    if let doubt = run.folder.doubt { progress.note(doubt) }
    try BLASMemory.reserve(threads: run.threads)
    for name in run.damaged {
      progress.note(
        "\(name) is damaged and passed over; the steps since the checkpoint before it are done again")
    }
    for plugin in run.replaced {
      progress.note(
        "the plugin \(plugin.id) is another one than the run began with; what that one did stays as it is")
    }
    let context = try StageContext(
      modelPath: run.modelPath, registry: registry, seed: run.manifest.seed, threads: run.threads,
      reporter: progress, cancellation: cancellation)
    let session = try RunSession(run.manifest, in: run.folder, context, sharing: shared, resuming: run)
    return try explainingResume(of: run.folder, progress) { try session.run() }
  }
}
