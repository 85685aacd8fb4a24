import Checkpoints
import Foundation
import Pipeline
import PluginRuntime
import Testing

/// Examples/criterion-c, as its README says: a C compiler, the header, a folder.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct ExampleCriterionTests {
  @Test func aCriterionInCScoresAWholePruning() throws {
    let scratch = Scratch()
    let example = Support.package.appendingPathComponent("Examples/criterion-c")
    // The header alone: no other folder is searched, and nothing of ours is linked.
    try scratch.write(
      Data(
        contentsOf: Support.package.appendingPathComponent("Sources/PluginABI/include/adapt_pruner_plugin.h")),
      to: "include/adapt_pruner_plugin.h")
    try scratch.write(
      Data(contentsOf: example.appendingPathComponent("plugin.json")), to: "plugins/plugin.json")
    try Compiler.compile(
      example.appendingPathComponent("norm_product.c").path, to: scratch.path("plugins/libnorm_product.so"),
      include: scratch.path("include"))

    let small = SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40)
    let model = try small.write()
    defer { try? FileManager.default.removeItem(at: model) }
    let pipeline = try scratch.write(
      """
      {"stages": [
        {"stage": "prune", "criterion": "example.norm-product", "allocator": "adapt-pruner.uniform",
         "target": 0.7, "iterations": 2, "record_scores": true},
        {"stage": "save"}]}
      """, to: "pipeline.json")
    let answer = try Program.call(
      [
        "run", pipeline, "--model", model.path, "--output", scratch.path("run"), "--quiet", "--plugin-path",
        scratch.path("plugins"),
      ], in: scratch)
    #expect(answer.code == 0, "\(answer.error)")
    #expect(answer.error == "")

    let record = try Support.json(scratch.url.appendingPathComponent("run/run.json"))
    #expect(record["state"] == "finished")
    let plugin = record["plugins"]?.arrayValue?.first { $0["id"] == "example.norm-product" }
    #expect(plugin?["library"]?.stringValue?.hasSuffix("libnorm_product.so") == true)

    // The formula that stands above the code, from the model's own weights.
    let scores = try SafetensorsFile(path: scratch.path("run/scores/001.safetensors"))
    func norms(_ name: String, rows: Int, columns: Int, byColumn: Bool) throws -> [Double] {
      let values = try #require(small.weights[name])
      return (0..<(byColumn ? columns : rows)).map { line in
        (0..<(byColumn ? rows : columns)).reduce(0.0) { sum, other in
          let value = Double(byColumn ? values[other * columns + line] : values[line * columns + other])
          return sum + value * value
        }.squareRoot()
      }
    }
    for layer in 0..<2 {
      let mlp = "model.layers.\(layer).mlp"
      let gate = try norms("\(mlp).gate_proj.weight", rows: 40, columns: 16, byColumn: false)
      let up = try norms("\(mlp).up_proj.weight", rows: 40, columns: 16, byColumn: false)
      let down = try norms("\(mlp).down_proj.weight", rows: 16, columns: 40, byColumn: true)
      let expected = (0..<40).map { gate[$0] * up[$0] * down[$0] }
      let found = try scores.tensor(named: "layers.\(layer).mlp").floats()
      #expect(relativeError(found, expected) < 1e-6)
      // And the lowest are those that went.
      let first = try Support.json(scratch.url.appendingPathComponent("run/iterations/001.json"))
      let kept = try #require(first["layers"]?.arrayValue?[layer]["families"]?["mlp"]?["kept"]).integers
      let order = (0..<40).sorted { expected[$0] > expected[$1] }
      #expect(kept.count < 40 && kept == order.prefix(kept.count).sorted())
    }
    let saved = try Checkpoint.open(scratch.path("run/model"))
    #expect(saved.configuration.parameterCount <= Int(0.7 * Double(small.configuration.parameterCount)))
  }
}

/// A C compiler, called as a stranger would call it.
enum Compiler {
  static func compile(
    _ source: String, to library: String, include: String, compiler: String = "cc"
  ) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [compiler, "-shared", "-fPIC", "-I\(include)", source, "-o", library, "-lm"]
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let words = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(String(decoding: words, as: UTF8.self))")
  }
}
