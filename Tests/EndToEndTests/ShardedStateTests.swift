import Checkpoints
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing

/// A run's own model in several files: each of them counts when the run is taken up again.
@Suite(.enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct ShardedStateTests {
  private let scratch = Scratch()

  /// Asks to stop as soon as a task begins whose title has these words.
  private struct StopsAt: ProgressReporter {
    let words: String
    let cancellation: Cancellation
    func begin(_ task: ProgressTask) { if task.title.contains(words) { cancellation.cancel() } }
    func advance(to done: Int) {}
    func end() {}
    func note(_ sentence: String) {}
  }

  private func run(
    _ output: String, model: String, shardBytes: Int = ModelWriter.standardShardBytes,
    progress: any ProgressReporter = SilentProgress(), cancellation: Cancellation = Cancellation()
  ) throws {
    let tokens = try scratch.writeTokens(40, length: 30)
    let manifest: JSONValue = [
      "name": "sharded", "seed": 3,
      "stages": [
        [
          "stage": "train", "data": .array([["path": .string(tokens)]]), "steps": 3, "length": 16,
          "batch_size": 2,
        ],
        [
          "stage": "prune", "criterion": "adapt-pruner.magnitude", "allocator": "adapt-pruner.uniform",
          "target": 0.8, "iterations": 1,
        ], ["stage": "save"],
      ],
    ]
    let file = try scratch.write(manifest.pretty, to: "pipeline.json")
    _ = try Operations.run(
      ManifestResolver(catalog: PluginCatalog(Support.registry)).resolve(file: file),
      registry: Support.registry, modelPath: model, outputPath: scratch.path(output), threads: 2,
      shardBytes: shardBytes, progress: progress, cancellation: cancellation)
  }

  private func resume(_ output: String) throws {
    _ = try Operations.resume(
      folder: scratch.path(output), registry: Support.registry, isLocked: false, progress: SilentProgress(),
      cancellation: Cancellation())
  }

  @Test func anyFileOfTheModelThatIsNotAsItWasWrittenIsRefused() throws {
    let model = try SmallModel(.untied, seed: 29, hidden: 16, intermediate: 24, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: model) }
    try run("whole", model: model.path)
    let cancellation = Cancellation()
    #expect(throws: Interrupted.self) {
      try run(
        "stopped", model: model.path, shardBytes: 6000,
        progress: StopsAt(words: "prune", cancellation: cancellation), cancellation: cancellation)
    }
    let state = try FileManager.default.contentsOfDirectory(atPath: scratch.path("stopped/state/model-1"))
    let shards = state.filter { $0.hasSuffix(".safetensors") }.sorted()
    #expect(shards.count > 3 && state.contains("config.json"), "\(state)")

    for name in shards + ["config.json", "model.safetensors.index.json"] {
      let file = URL(fileURLWithPath: scratch.path("stopped/state/model-1/\(name)"))
      let bytes = try Data(contentsOf: file)
      var changed = bytes
      changed[bytes.count - 2] ^= 1
      try changed.write(to: file)
      let error = #expect(throws: ResumeError.self) { try resume("stopped") }
      #expect("\(error as Any)".contains("model-1/\(name)"), "\(error as Any)")
      try bytes.write(to: file)
    }
    try resume("stopped")
    #expect(try scratch.files(below: "stopped/model") == scratch.files(below: "whole/model"))
  }
}
