import Foundation
import JSON
import Pipeline
import PluginRuntime
import Synchronization
import Testing

/// What a plugin tells of its calls reaches the person who waits.
@Suite(.enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct PluginProgressTests {
  /// Keeps what it is told, with the task that was under way.
  private final class Listening: ProgressReporter {
    private let state = Mutex((task: "", heard: [String]()))
    func begin(_ task: ProgressTask) { state.withLock { $0.task = task.title } }
    func advance(to done: Int) {}
    func end() { state.withLock { $0.task = "" } }
    func note(_ sentence: String) {}
    func tell(plugin: String, done: Int, of total: Int) {
      state.withLock { $0.heard.append("\($0.task): \(plugin) \(done) of \(total)") }
    }
    var heard: [String] { state.withLock { $0.heard } }
  }

  @Test func aPluginsProgressIsShownInEachCallOfTheWorkAndNotInTheCheckBeforeIt() throws {
    let scratch = Scratch()
    try ConformanceTests.place("tells_progress", kind: "criterion", in: scratch)
    let model = try SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: model) }
    let registry = PluginRegistry(searching: [scratch.path("plugins"), Support.pluginFolder])
    let file = try scratch.write(
      """
      {"stages": [
        {"stage": "prune", "criterion": "fixture.plugin", "allocator": "adapt-pruner.uniform", "target": 0.8,
         "iterations": 1}]}
      """, to: "pipeline.json")
    let progress = Listening()
    _ = try Operations.run(
      ManifestResolver(catalog: PluginCatalog(registry)).resolve(file: file), registry: registry,
      modelPath: model.path, outputPath: scratch.path("run"), threads: 2,
      progress: progress, cancellation: Cancellation())
    // Two families in each of three layers.
    let expected = "prune, iteration 1 of 1: scores: fixture.plugin 1 of 2"
    #expect(progress.heard == [String](repeating: expected, count: 6))
  }
}
