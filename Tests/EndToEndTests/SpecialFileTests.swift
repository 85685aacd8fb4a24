import Foundation
import JSON
import Testing

/// FIFOs and devices where files are expected: each ends in a sentence, none is waited for.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct SpecialFileTests {
  private let scratch = Scratch()

  private func smallModel() throws -> String {
    let place = scratch.url.appendingPathComponent("source")
    try FileManager.default.moveItem(at: try SmallModel(.untied, seed: 2).write(), to: place)
    return place.path
  }

  private func call(_ arguments: [String], plugins: [String] = [], before: String = "") throws
    -> Program.Answer
  {
    // Whatever hangs is ended, with code 124.
    try Program.call(
      arguments, in: scratch, plugins: plugins, shell: "\(before)timeout 100 \"$0\" \"$@\"; exit $?")
  }

  private func makeFIFO(_ path: String) throws {
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try #require(mkfifo(path, 0o600) == 0)
  }

  private func evaluate(_ model: String, _ data: String, before: String = "") throws -> Program.Answer {
    try call(
      [
        "evaluate", model, "--evaluator", "adapt-pruner.perplexity:data=\(data),window=8", "--threads", "1",
        "--quiet",
      ],
      before: before)
  }

  @Test(arguments: ["model.gguf", "source/model.safetensors", "source/config.json"])
  func aFIFOAsAModelIsRefused(name: String) throws {
    let folder = try smallModel()
    try makeFIFO(scratch.path(name))
    let answer = try evaluate(
      name.hasSuffix("gguf") ? scratch.path(name) : folder, try scratch.writeIDs(2, length: 16))
    #expect(answer.code == 1, "\(answer.error)")
    #expect(
      answer.error
        == "adapt-pruner: \(scratch.path(name)) cannot be read: it is not a regular file, but a FIFO.\n")
  }

  @Test func aFIFOAsATokenizerIsRefused() throws {
    let folder = try smallModel()
    try makeFIFO(folder + "/tokenizer.json")
    let answer = try call(["generate", folder, "--prompt", "text"])
    #expect(answer.code == 1, "\(answer.error)")
    #expect(answer.error.contains("tokenizer.json"))
    #expect(answer.error.contains("it is not a regular file, but a FIFO"))
  }

  @Test func aPipelineThatNobodyWritesIsNotWaitedFor() throws {
    try makeFIFO(scratch.path("pipeline.json"))
    let answer = try call(["validate", scratch.path("pipeline.json")])
    #expect(answer.code == 1, "\(answer.error)")
    #expect(answer.error.contains("it is a FIFO, and nobody writes to it"))
  }

  @Test func aDeviceAsDataIsRefusedAndAPipeIsRead() throws {
    let folder = try smallModel()
    let device = try evaluate(folder, "/dev/zero")
    #expect(device.code == 1, "\(device.error)")
    #expect(device.error.contains("/dev/zero can't be read: it is not a regular file, but a device"))
    let file = try scratch.writeIDs(4, length: 16)
    let expected = try evaluate(folder, file)
    #expect(expected.code == 0, "\(expected.error)")
    // The format is the name's.
    try FileManager.default.createDirectory(atPath: scratch.path("in"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("in/ids.json"), withDestinationPath: "/dev/stdin")
    let piped = try evaluate(folder, scratch.path("in/ids.json"), before: "cat '\(file)' | ")
    #expect(piped.code == 0, "\(piped.error)")
    #expect(piped.output == expected.output)
  }

  @Test func aFIFOAsAPluginIsRefused() throws {
    let folder = try smallModel()
    let plugins = scratch.path("plugins")
    try makeFIFO(plugins + "/odd/plugin.json")
    let list = try call(["plugin", "list"], plugins: [plugins])
    #expect(list.code == 0, "\(list.error)")
    #expect((list.output + list.error).contains("no regular file"))

    try FileManager.default.removeItem(atPath: plugins + "/odd")
    try scratch.write(
      """
      {"library": "libodd.so", "abi": {"major": 1, "minor": 0},
       "plugins": [{"id": "a.odd", "kind": "criterion", "version": "1.0.0", "summary": "None."}]}
      """, to: "plugins/odd/plugin.json")
    try makeFIFO(plugins + "/odd/libodd.so")
    let pipeline = try scratch.write(
      """
      {"stages": [{"stage": "prune", "criterion": "a.odd", "allocator": "adapt-pruner.uniform", "target": 0.8,
       "iterations": 1}]}
      """, to: "pipeline.json")
    let answer = try call(
      ["run", pipeline, "--model", folder, "--output", scratch.path("run"), "--quiet"], plugins: [plugins])
    #expect(answer.code == 1, "\(answer.error)")
    #expect(answer.error.contains("no regular file"))
  }
}
