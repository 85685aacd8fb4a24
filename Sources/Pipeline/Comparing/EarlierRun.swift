import Files
import Foundation
import JSON
import PluginRuntime
import RunRecords

/// Whether an earlier comparison has already made a planned run.
package enum EarlierRun {
  enum State: Equatable {
    /// There is nothing, or a run that stopped before it could be resumed.
    case absent
    case unfinished
    case finished
  }

  /// What the earlier run must have used.
  struct Expected {
    let manifest: JSONValue
    /// SHA-256 of the model's files by name.
    let modelFiles: [String: String]
    /// SHA-256 of the plugins' libraries by id.
    let plugins: [String: String]
    let threads: Int
  }

  /// - Parameter name: the run's name in messages.
  /// - Throws: `CompareError` if the folder holds anything but the planned run.
  static func state(of folder: String, name: String, expected: Expected) throws(CompareError) -> State {
    guard FileManager.default.fileExists(atPath: folder) else { return .absent }
    guard let contents = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw .notARun(path: folder, reason: "is no folder")
    }
    let canResume = FileManager.default.fileExists(atPath: folder + "/" + RunLayout.state)
    let run = RunFolder.json(folder, RunLayout.run).flatMap { RunRecord(json: $0, for: .report) }
    // A run removes its state last.
    let isFinished = run?.state == .finished && !canResume
    guard isFinished || canResume else {
      let begun = RunLayout.begun + [FolderLock.fileName]
      if let other = contents.first(where: { !begun.contains($0) && !RunLayout.isLeftover($0) }) {
        throw .notARun(path: folder, reason: "has \"\(other)\" but no run that can be resumed")
      }
      return .absent
    }
    guard let run, let manifest = RunFolder.json(folder, RunLayout.manifest) else {
      throw .notARun(
        path: folder, reason: "has no \(RunLayout.run) or \(RunLayout.manifest) that can be read")
    }
    if let difference = difference(manifest, expected.manifest, at: .root) {
      throw .differs(
        run: name, what: difference.path, recorded: difference.recorded, found: difference.found)
    }
    if let threads = run.threads, threads != expected.threads {
      throw .differs(
        run: name, what: "the number of threads", recorded: "\(threads)", found: "\(expected.threads)")
    }
    let files = hashes(run.model?.files?.map { ($0.name, $0.sha256) })
    try compare(files, expected.modelFiles, called: "the model's file", run: name)
    try compare(
      hashes(run.plugins?.map { ($0.id, $0.sha256) }), expected.plugins, called: "the plugin", run: name)
    return isFinished ? .finished : .unfinished
  }

  /// Returns hashes by name. Ignores those that lack either.
  static func hashes(_ files: [(name: String?, sha256: String?)]?) -> [String: String] {
    (files ?? []).reversed().reduce(into: [:]) {
      if let name = $1.name, let hash = $1.sha256 { $0[name] = hash }
    }
  }

  private static func compare(
    _ recorded: [String: String], _ found: [String: String], called what: String, run: String
  ) throws(CompareError) {
    for name in Set(recorded.keys).union(found.keys).sorted() where recorded[name] != found[name] {
      func words(_ hash: String?) -> String { hash.map { "SHA-256 " + $0.prefix(12) } ?? "missing" }
      throw .differs(
        run: run, what: "\(what) \(name)", recorded: words(recorded[name]), found: words(found[name]))
    }
  }

  /// Returns the first place where two documents differ.
  package static func difference(
    _ recorded: JSONValue, _ found: JSONValue, at path: JSONPath
  ) -> (path: String, recorded: String, found: String)? {
    switch (recorded, found) {
    case (.object(let left), .object(let right)):
      for key in left.keys + right.keys.filter({ left[$0] == nil }) {
        let place = path.key(key)
        guard let before = left[key], let now = right[key] else {
          return (
            place.description, left[key]?.summary ?? "missing", right[key]?.summary ?? "missing"
          )
        }
        if let difference = difference(before, now, at: place) { return difference }
      }
      return nil
    case (.array(let left), .array(let right)) where left.count == right.count:
      for (index, pair) in zip(left, right).enumerated() {
        if let difference = difference(pair.0, pair.1, at: path.index(index)) { return difference }
      }
      return nil
    default:
      // 1 and 1.0 are the same number.
      if recorded == found || (recorded.numberValue != nil && recorded.numberValue == found.numberValue) {
        return nil
      }
      return (path.description, recorded.summary, found.summary)
    }
  }
}
