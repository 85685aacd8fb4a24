import Crypto
import Files
import Foundation
import JSON
import PluginRuntime
import RunRecords
import Synchronization

/// Work on the unpruned model that several runs have in common: done by the first, kept in a folder, read by the others.
/// Each piece is kept under a key that names all that it depends on, so that one which doesn't fit is never found.
final class SharedWork: Sendable {
  /// SHA-256 of a piece's key.
  typealias Key = String

  let folder: String
  /// SHA-256 of the model's files.
  let modelHashes: [String]
  let threads: Int
  /// Data are read for their hash once, however many runs ask.
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

  /// What was measured of the unpruned model, as of a stage of its own; nil if nobody has yet.
  func evaluation(_ key: Key, seed: UInt64, stage: String) -> EvaluationRecord? {
    read("evaluation", key, seed).flatMap { EvaluationRecord(json: $0, for: .resume) }.map { record in
      var record = record
      record.stage = stage
      return record
    }
  }

  /// - Parameter seed: nil where the evaluator drew no random numbers, so that it would answer the same with any.
  func keep(_ record: EvaluationRecord, _ key: Key, seed: UInt64?) throws {
    try write(record.json, "evaluation", key, seed)
  }

  // MARK: - Files

  func read(_ kind: String, _ key: Key, _ seed: UInt64) -> JSONValue? {
    for name in [Self.name(kind, key, nil), Self.name(kind, key, seed)] {
      guard let bytes = try? ReadableFile.bytes(of: folder + "/" + name) else { continue }
      if let json = try? JSONValue(parsing: bytes) { return json }
    }
    return nil
  }

  func write(_ json: JSONValue, _ kind: String, _ key: Key, _ seed: UInt64?) throws {
    try AtomicFile.write(json.compact, to: madeFolder() + "/" + Self.name(kind, key, seed))
  }

  /// The folder, made if it is not there.
  func madeFolder() throws -> String {
    try Folder.make(folder)
    return folder
  }

  /// How many pieces of a kind have been done, and what they took.
  func done(_ kind: String) -> (count: Int, seconds: Double) {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { $0.hasPrefix(kind + "-") && $0.hasSuffix(".json") }
    let seconds = names.compactMap { name in
      (try? ReadableFile.bytes(of: folder + "/" + name))
        .flatMap { try? JSONValue(parsing: $0) }?["seconds"]?.numberValue
    }
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

  static func hash(_ json: JSONValue) -> Key {
    SHA256.hash(data: Data(json.compact.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// Raised once, by any thread.
final class Flag: Sendable {
  private let state = Atomic<Bool>(false)
  var isRaised: Bool { state.load(ordering: .acquiring) }
  func raise() { state.store(true, ordering: .releasing) }
}
