import Foundation
import JSON
import Testing

/// `run --locked`: the plugins of an earlier run, and no others.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct LockedRunTests {
  @Test func aRunIsMadeAgainWithTheSamePluginsOnly() throws {
    let scratch = Scratch()
    try ConformanceTests.place("good", kind: "criterion", in: scratch)
    let small = SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40)
    let model = try small.write()
    defer { try? FileManager.default.removeItem(at: model) }
    let pipeline = try scratch.write(
      """
      {"stages": [{"stage": "prune", "criterion": "fixture.plugin", "allocator": "adapt-pruner.uniform",
                   "target": 0.7, "iterations": 1}, {"stage": "save"}]}
      """, to: "pipeline.json")
    func run(_ pipeline: String, to output: String, _ more: String...) throws -> Program.Answer {
      try Program.call(
        [
          "run", pipeline, "--model", model.path, "--output", scratch.path(output), "--quiet",
          "--plugin-path",
          scratch.path("plugins"),
        ] + more, in: scratch)
    }
    #expect(try run(pipeline, to: "first").code == 0)

    let without = try run(pipeline, to: "never", "--locked")
    #expect(without.code == 1)
    #expect(without.error.contains("is missing or no run's record; give the manifest.json of a run's folder"))

    let manifest = scratch.path("first/manifest.json")
    #expect(try run(manifest, to: "again", "--locked").code == 0)
    #expect(
      try scratch.files(below: "first/model") == scratch.files(below: "again/model"))

    // The same plugin from another compilation.
    try ConformanceTests.place("too_few_scores", kind: "criterion", in: scratch)
    let refused = try run(manifest, to: "refused", "--locked")
    #expect(refused.code == 1)
    #expect(
      refused.error.contains("the plugin fixture.plugin is not the one in \(scratch.path("first"))/run.json"))
    #expect(refused.error.contains("put that one back, or leave out --locked"))
    #expect(!scratch.exists("refused"))

    try ConformanceTests.place("good", kind: "criterion", in: scratch)
    let other = try run(
      manifest, to: "other", "--locked", "--set", "stages.prune.criterion.id=adapt-pruner.magnitude", "--set",
      "stages.prune.criterion.options={}")
    #expect(other.code == 1)
    #expect(other.error.contains("the plugin adapt-pruner.magnitude is not the one in"), "\(other.error)")
    #expect(other.error.contains("recorded: nothing"))
  }

  @Test func aPlainFunctionIsLockedWithItsSignature() throws {
    let scratch = Scratch()
    let example = Support.package.appendingPathComponent("Examples/foreign-blas/plugin.json")
    let definition = try String(contentsOf: example, encoding: .utf8)
    try scratch.write(definition, to: "plugins/plugin.json")
    let small = SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40)
    let model = try small.write()
    defer { try? FileManager.default.removeItem(at: model) }
    let pipeline = try scratch.write(
      """
      {"stages": [{"stage": "prune", "criterion": "example.blas-l2", "allocator": "adapt-pruner.uniform",
                   "target": 0.7, "iterations": 1}]}
      """, to: "pipeline.json")
    func run(_ pipeline: String, to output: String, _ more: String...) throws -> Program.Answer {
      try Program.call(
        [
          "run", pipeline, "--model", model.path, "--output", scratch.path(output), "--quiet",
          "--plugin-path",
          scratch.path("plugins"),
        ] + more, in: scratch)
    }
    #expect(try run(pipeline, to: "first").code == 0)
    #expect(try run(scratch.path("first/manifest.json"), to: "again", "--locked").code == 0)
    try scratch.write(
      definition.replacingOccurrences(of: "cblas_snrm2", with: "cblas_sasum"), to: "plugins/plugin.json")
    let refused = try run(scratch.path("first/manifest.json"), to: "refused", "--locked")
    #expect(refused.code == 1)
    #expect(refused.error.contains("the plugin example.blas-l2 is not the one in"), "\(refused.error)")
  }
}
