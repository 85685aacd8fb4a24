import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing
import Transformer

/// The same pipeline, model, seed and number of threads give the same bytes.
@Suite(.enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct DeterminismTests {
  private func files(_ criterion: String, seed: Int, threads: Int = 2) throws -> [String: Data] {
    // Large enough that all threads have work.
    let model = try SmallModel(.untied, seed: 17, hidden: 32, intermediate: 200, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: model) }
    let scratch = Scratch()
    let ids = try scratch.writeIDs(24, length: 40)
    let allocator = criterion == "taylor" ? "adapt-pruner.layer-distance" : "adapt-pruner.uniform"
    let prune: JSONValue = [
      "stage": "prune", "criterion": .string("adapt-pruner.\(criterion)"), "allocator": .string(allocator),
      "calibration": [
        "data": ["path": .string(ids), "format": "ids"], "sequences": 24, "length": 40, "batch_size": 8,
      ], "target": 0.6, "iterations": 3, "record_scores": true,
    ]
    _ = try Support.run(
      ["name": "twice", "seed": .integer(seed), "stages": .array([prune, ["stage": "save"]])], model: model,
      threads: threads, in: scratch.url)
    return try scratch.files(below: "run").filter { file, _ in
      ["model/", "iterations/", "scores/"].contains { file.hasPrefix($0) }
    }
  }

  @Test(arguments: ["taylor", "random", "magnitude"])
  func theSameRunTwiceGivesTheSameBytes(_ criterion: String) throws {
    let first = try files(criterion, seed: 5)
    let second = try files(criterion, seed: 5)
    #expect(first.keys.sorted() == second.keys.sorted())
    #expect(first.count == 2 + 3 + 3)
    for (file, bytes) in first { #expect(second[file] == bytes, "\(criterion): \(file)") }
  }

  @Test func anotherSeedIsAnotherRandomModelAndTheSameModelByTaylor() throws {
    #expect(
      try files("random", seed: 5)["model/model.safetensors"]
        != files("random", seed: 6)["model/model.safetensors"])
    #expect(try files("taylor", seed: 5) == files("taylor", seed: 6))
  }
}
