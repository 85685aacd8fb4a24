import Files
import Foundation
import JSON
import PluginRuntime
import RunRecords
import Synchronization

/// Work on the unpruned model that several runs have in common. The first run does it, and the others read it from a
/// folder. The key of each piece covers everything that the piece depends on.
package final class SharedWork: Sendable {
  /// SHA-256 of a piece's key.
  typealias Key = String

  let folder: String
  /// SHA-256 of the model's files.
  let modelHashes: [String]
  let threads: Int
  /// Hashes of data files, each computed once.
  private let dataHashes = Mutex<[String: String]>([:])

  init(folder: String, modelHashes: [String], threads: Int) {
    self.folder = folder
    self.modelHashes = modelHashes
    self.threads = threads
  }

  // MARK: - Evaluations

  func key(of use: PluginUse, plugin: LoadedPlugin) throws -> Key {
    Self.hash([
      "work": "evaluation", "tool": .string(Tool.version), "model": .array(modelHashes.map { .string($0) }),
      "threads": .integer(threads), "plugin": .string(try FileHash.sha256(plugin.library)), "use": use.json,
      "data": .object(
        JSONObject(
          try use.data.sorted { $0.key < $1.key }.map { ($0.key, .string(try dataHash($0.value.path))) })),
    ])
  }

  /// Returns the measurement of the unpruned model under the name of a stage; nil if there is none yet.
  func evaluation(_ key: Key, seed: UInt64, stage: String) -> EvaluationRecord? {
    var record = read("evaluation", key, seed).flatMap { EvaluationRecord(json: $0, for: .resume) }
    record?.stage = stage
    return record
  }

  /// - Parameter seed: nil if the evaluator drew no random numbers, so that the record holds for every seed.
  func keep(_ record: EvaluationRecord, _ key: Key, seed: UInt64?) throws {
    try write(record.json, "evaluation", key, seed)
  }

  // MARK: - Files

  func read(_ kind: String, _ key: Key, _ seed: UInt64) -> JSONValue? {
    RunFolder.json(folder, Self.name(kind, key, nil)) ?? RunFolder.json(folder, Self.name(kind, key, seed))
  }

  func write(_ json: JSONValue, _ kind: String, _ key: Key, _ seed: UInt64?) throws {
    try AtomicFile.write(json.compact, to: madeFolder() + "/" + Self.name(kind, key, seed))
  }

  /// Returns the folder, and makes it if necessary.
  func madeFolder() throws -> String {
    try Folder.make(folder)
    return folder
  }

  /// Returns the number of pieces of a kind, and the seconds that they took.
  func done(_ kind: String) -> (count: Int, seconds: Double) {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { $0.hasPrefix(kind + "-") && $0.hasSuffix(".json") }
    let seconds = names.compactMap { RunFolder.json(folder, $0)?["seconds"]?.numberValue }
    return (names.count, seconds.reduce(0, +))
  }

  private static func name(_ kind: String, _ key: Key, _ seed: UInt64?) -> String {
    "\(kind)-\(key.prefix(24))\(seed.map { "-seed\($0)" } ?? "").json"
  }

  func dataHash(_ path: String) throws -> String {
    if let known = dataHashes.withLock({ $0[path] }) { return known }
    let hash = try FileHash.sha256(path)
    dataHashes.withLock { $0[path] = hash }
    return hash
  }

  static func hash(_ json: JSONValue) -> Key { FileHash.sha256(of: json.compact) }
}

/// A flag that any thread may raise.
final class Flag: Sendable {
  private let state = Atomic<Bool>(false)
  var isRaised: Bool { state.load(ordering: .acquiring) }
  func raise() { state.store(true, ordering: .releasing) }
}
