import Files
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing

@Suite struct RunFolderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func aFolderIsMadeOnlyWhereNothingIsOverwritten() throws {
    let made = try RunFolder.create(at: folder.path + "/runs/first")
    #expect(try folder.names(in: "runs") == ["first"])
    // Empty: it may be used again.
    _ = try RunFolder.create(at: made.path)
    try made.write(["a": 1], to: "a.json")
    #expect(throws: RunFolderError.notEmpty(path: made.path)) { try RunFolder.create(at: made.path) }
    #expect(throws: RunFolderError.notAFolder(path: made.path + "/a.json")) {
      try RunFolder.create(at: made.path + "/a.json")
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func anEventOnAFullDiskIsAnError() throws {
    let log = try EventLog(path: "/dev/full")
    #expect(throws: FileError(operation: "write", path: "/dev/full", reason: "No space left on device")) {
      try log.log("anything")
    }
  }

  @Test func eventsAreLinesOfJSONInOrder() async throws {
    let run = try RunFolder.create(at: folder.path + "/run")
    let log = try run.openEventLog()
    try log.log("stage_started", ["stage": "prune"])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 { group.addTask { try log.log("note", ["number": .integer(number)]) } }
      try await group.waitForAll()
    }
    let lines = try String(contentsOfFile: run.path + "/events.jsonl", encoding: .utf8).split(separator: "\n")
    let events = try lines.map { try JSONValue(parsing: String($0)) }
    #expect(events.count == 21)
    #expect(events[0]["event"] == "stage_started")
    #expect(events[0]["stage"] == "prune")
    #expect(events[0]["seconds"]?.numberValue.map { $0 < 60 } == true)
    let time = try #require(events[0]["time"]?.stringValue)
    #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
    #expect(Set(events.dropFirst().compactMap { $0["number"]?.integerValue }) == Set(0..<20))
  }

  @Test func recordsStandWhereTheLayoutSays() throws {
    let run = try RunFolder.create(at: folder.path + "/run")
    try run.write(
      IterationRecord(
        number: 7, stage: "prune.2", iteration: 3,
        layers: [
          .init(
            statistics: [("layer_cosine", -0.25)],
            families: [.init(family: .mlp, targetSparsity: 0.5, originalCount: 4, kept: [0, 3])])
        ], parameters: 100, macs: 50, miniBatches: 4))
    let iteration = try JSONValue(
      parsing: String(contentsOfFile: run.path + "/iterations/007.json", encoding: .utf8))
    #expect(iteration["mini_batches"] == 4)
    #expect(iteration["layers"]?.arrayValue?.first?["statistics"]?["layer_cosine"] == -0.25)
    #expect(iteration["layers"]?.arrayValue?.first?["families"]?["mlp"]?["kept"] == [0, 3])

    try run.write([
      EvaluationRecord(
        stage: "dense", evaluator: "adapt-pruner.perplexity", parameters: 100, macs: 50, seconds: 2,
        metrics: [
          .init(
            name: "a.token_perplexity@512", value: 25.5, uncertainty: .standardError(0.5), lowerIsBetter: true
          ),
          .init(name: "b", value: .infinity, uncertainty: .unknown, lowerIsBetter: true),
        ], items: [.init(name: "a", values: [3.5, 3.25])])
    ])
    let metrics = try JSONValue(parsing: String(contentsOfFile: run.path + "/metrics.json", encoding: .utf8))
    let evaluation = try #require(metrics["evaluations"]?.arrayValue?.first)
    #expect(evaluation["metrics"]?.arrayValue?.first?["standard_error"] == 0.5)
    #expect(evaluation["metrics"]?.arrayValue?.last == ["name": "b", "value": nil, "lower_is_better": true])
    #expect(evaluation["items"]?["a"] == [3.5, 3.25])

    let started = Date(timeIntervalSince1970: 0)
    var record = RunRecord(
      toolVersion: "1.0.0", machine: .current,
      plugins: [.init(id: "a.b", version: "1.0.0", library: "/lib/b.so", sha256: "00")], modelPath: "/model",
      modelFiles: [.init(name: "config.json", bytes: 10, sha256: "ff")], seed: 42, threads: 2,
      started: started,
      state: .running)
    try run.write(record)
    record.state = .failed(started.addingTimeInterval(90), reason: "the disk is full")
    try run.write(record)
    let written = try JSONValue(parsing: String(contentsOfFile: run.path + "/run.json", encoding: .utf8))
    #expect(written["state"] == "failed")
    #expect(written["reason"] == "the disk is full")
    #expect(written["started"] == "1970-01-01T00:00:00.000Z")
    #expect(written["seconds"]?.numberValue == 90)
    #expect(try folder.names(in: "run") == ["iterations", "metrics.json", "run.json"])
  }
}
