import Foundation
import Testing

/// A model's file that somebody changes while the program works on it. The program reads its data from a FIFO when it has
/// mapped the model, so the test knows when that is.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct LostFileTests {
  private let scratch = Scratch()

  private func smallModel() throws -> (folder: String, weights: String) {
    let place = scratch.url.appendingPathComponent("source")
    try FileManager.default.moveItem(at: try SmallModel(.untied, seed: 2).write(), to: place)
    return (place.path, place.appendingPathComponent("model.safetensors").path)
  }

  /// Does something while the program waits for its data, then gives it the data.
  private func interfere(with running: Program.Running, fifo: String, _ body: () throws -> Void) throws {
    var writer = open(fifo, O_WRONLY | O_NONBLOCK)
    while writer < 0, running.process.isRunning {
      usleep(1000)
      writer = open(fifo, O_WRONLY | O_NONBLOCK)
    }
    try #require(writer >= 0, "the program ended before it read its data")
    try body()
    let data = try Data(contentsOf: URL(fileURLWithPath: scratch.writeIDs(4, length: 16, to: "data.json")))
    try FileHandle(fileDescriptor: writer, closeOnDealloc: true).write(contentsOf: data)
  }

  private func fifo() throws -> String {
    let path = scratch.path("ids.json")
    try #require(mkfifo(path, 0o600) == 0)
    return path
  }

  @Test(arguments: [0, 4096]) func aModelThatWasCutEndsTheProgramByName(size: off_t) throws {
    let (model, weights) = try smallModel()
    let data = try fifo()
    let running = try Program.start(
      ["evaluate", model, "--evaluator", "adapt-pruner.perplexity:data=\(data),window=8", "--threads", "1"],
      in: scratch)
    try interfere(with: running, fifo: data) { try #require(truncate(weights, size) == 0) }
    let answer = try running.wait()
    #expect(answer.code == 1, "\(answer.error)")
    #expect(answer.output == "")
    #expect(
      answer.error.contains(
        "adapt-pruner: \(weights) cannot be read any more: it was made shorter while it was in use, or its disk failed."
      ))
    #expect(!answer.error.contains("crashed"))
  }

  @Test func aModelThatWasOverwrittenIsNotSaved() throws {
    let (model, weights) = try smallModel()
    let data = try fifo()
    let pipeline = try scratch.write(
      """
      {"stages": [
        {"stage": "prune", "criterion": "adapt-pruner.taylor", "allocator": "adapt-pruner.uniform", "target": 0.8,
         "iterations": 1, "calibration": {"data": "\(data)", "sequences": 2, "length": 8}},
        {"stage": "save"}]}
      """, to: "pipeline.json")
    let running = try Program.start(
      ["run", pipeline, "--model", model, "--output", scratch.path("run"), "--threads", "1", "--quiet"],
      in: scratch)
    try interfere(with: running, fifo: data) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
      let file = try #require(FileHandle(forWritingAtPath: weights))
      try file.write(contentsOf: bytes)
      try file.close()
    }
    let answer = try running.wait()
    #expect(answer.code == 1, "\(answer.error)")
    #expect(answer.error.contains("can't go on with \(weights): somebody wrote to it while it was in use"))
    let names = try FileManager.default.subpathsOfDirectory(atPath: scratch.path("run"))
    #expect(!names.contains { $0.contains("safetensors") }, "\(names)")
  }
}
