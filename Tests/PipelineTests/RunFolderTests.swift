import Files
import Foundation
import JSON
import Pipeline
import PluginRuntime
import RunRecords
import Testing

@Suite struct RunFolderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func aFolderIsMadeOnlyWhereNothingIsOverwritten() throws {
    let path = folder.path + "/runs/first"
    _ = try RunFolder.claim(at: path, command: "run")
    #expect(try folder.names(in: "runs") == ["first"])
    // Empty: it may be used again.
    _ = try RunFolder.claim(at: path, command: "run").write(["a": 1], to: "a.json")
    #expect(throws: RunFolderError.notEmpty(path: path)) { try RunFolder.claim(at: path, command: "run") }
    #expect(throws: RunFolderError.notAFolder(path: path + "/a.json")) {
      try RunFolder.claim(at: path + "/a.json", command: "run")
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func anEventOnAFullDiskIsAnError() throws {
    let log = try EventLog(path: "/dev/full")
    #expect(throws: FileError(operation: "write", path: "/dev/full", reason: "No space left on device")) {
      try log.log(.runFailed)
    }
  }

  @Test func eventsAreLinesOfJSONInOrder() async throws {
    let run = try RunFolder.claim(at: folder.path + "/run", command: "run")
    let log = try run.openEventLog()
    try log.log(.stageStarted) { $0.stage = "prune" }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask {
          try log.log(.iteration) { $0.number = number }
        }
      }
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
    let run = try RunFolder.claim(at: folder.path + "/run", command: "run")
    try run.write(
      IterationRecord {
        $0.number = 7
        $0.stage = "prune.2"
        $0.iteration = 3
        $0.layers = [
          .init(
            statistics: [Named("layer_cosine", -0.25)],
            families: [Named("mlp", .init(targetSparsity: 0.5, originalCount: 4, kept: .units([0, 3])))])
        ]
        $0.parameters = 100
        $0.macs = 50
        $0.miniBatches = 4
      })
    let iteration = try JSONValue(
      parsing: String(contentsOfFile: run.path + "/iterations/007.json", encoding: .utf8))
    #expect(iteration["mini_batches"] == 4)
    #expect(iteration["layers"]?.arrayValue?.first?["statistics"]?["layer_cosine"] == -0.25)
    #expect(iteration["layers"]?.arrayValue?.first?["families"]?["mlp"]?["kept"] == [0, 3])

    try run.write([
      EvaluationRecord {
        $0.stage = "dense"
        $0.evaluator = "adapt-pruner.perplexity"
        $0.parameters = 100
        $0.macs = 50
        $0.seconds = 2
        $0.metrics = [
          .init(name: "a.token_perplexity@512", value: 25.5, standardError: 0.5, lowerIsBetter: true),
          .init(name: "b", value: .infinity, standardError: nil, lowerIsBetter: true),
        ]
        $0.items = [Named("a", [3.5, 3.25])]
      }
    ])
    let metrics = try JSONValue(parsing: String(contentsOfFile: run.path + "/metrics.json", encoding: .utf8))
    let evaluation = try #require(metrics["evaluations"]?.arrayValue?.first)
    #expect(evaluation["metrics"]?.arrayValue?.first?["standard_error"] == 0.5)
    #expect(evaluation["metrics"]?.arrayValue?.last == ["name": "b", "value": nil, "lower_is_better": true])
    #expect(evaluation["items"]?["a"] == [3.5, 3.25])

    let started = Date(timeIntervalSince1970: 0)
    var record = RunRecord {
      $0.begin(at: started)
      $0.machine = .current
      $0.seed = 42
      $0.threads = 2
    }
    try run.write(record)
    record.end(.failed, since: started, at: started.addingTimeInterval(90), reason: "the disk is full")
    try run.write(record)
    let written = try JSONValue(parsing: String(contentsOfFile: run.path + "/run.json", encoding: .utf8))
    #expect(written["state"] == "failed")
    #expect(written["reason"] == "the disk is full")
    #expect(written["started"] == "1970-01-01T00:00:00.000Z")
    #expect(written["seconds"]?.numberValue == 90)
    let names = try folder.names(in: "run").filter { $0 != FolderLock.fileName }
    #expect(names == ["iterations", "metrics.json", "run.json"])
  }
}
