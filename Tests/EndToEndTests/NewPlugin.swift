import Checkpoints
import Foundation
import JSON
import PluginTemplates
import Testing

/// A plugin fresh from `adapt-pruner plugin new`, in a folder of its own.
struct NewPlugin {
  let scratch = Scratch()
  let id: String
  let kind: PluginTemplate.Kind

  init(_ id: String, _ kind: PluginTemplate.Kind, _ language: PluginTemplate.Language) throws {
    self.id = id
    self.kind = kind
    let answer = try Program.call(
      ["plugin", "new", id, "--kind", "\(kind)", "--language", "\(language)", "--output", "plugin"],
      in: scratch)
    try #require(answer.code == 0, "\(answer.error)")
  }

  func run(_ command: String..., environment: [String: String] = [:]) throws {
    try run(command, environment: environment)
  }

  /// A command in the plugin's folder, which has to succeed.
  func run(_ command: [String], environment: [String: String] = [:]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = scratch.url.appendingPathComponent("plugin")
    // What a make around the tests, or a developer's habits, would say to these tools is not theirs.
    let foreign = ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CARGO_TARGET_DIR"]
    process.environment = ProcessInfo.processInfo.environment.filter { !foreign.contains($0.key) }
      .merging(environment) { $1 }
    // A file, since a full pipe would stop it.
    let output = try scratch.write("", to: "tool.txt")
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    let words = try String(contentsOfFile: output, encoding: .utf8)
    try #require(process.terminationStatus == 0, "\(command.joined(separator: " ")): \(words)")
  }

  /// The folder's own pipeline on a small model, and what comes out against the formula.
  func judge() throws {
    let check = try Program.call(
      ["plugin", "check", scratch.path("plugin"), "--strictness", "10"], in: scratch)
    #expect(check.code == 0, "\(check.output)\(check.error)")
    switch kind {
    case .criterion: try judgeCriterion()
    case .allocator: try judgeAllocator()
    case .compensator: try judgeCompensator()
    case .evaluator: try judgeEvaluator()
    }
  }

  private func pipeline(
    _ model: SmallModel, _ arguments: [String] = [], output: String = "run"
  ) throws -> URL {
    let folder = try model.write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let answer = try Program.call(
      [
        "run", "plugin/pipeline.json", "--plugin-path", "plugin", "--model", folder.path, "--output", output,
        "--quiet",
      ] + arguments, in: scratch)
    try #require(answer.code == 0, "\(answer.error)")
    #expect(answer.error == "")
    return scratch.url.appendingPathComponent(output)
  }

  private static let model: SmallModel = {
    // 3 KV groups with two query heads of 4 each; 40 channels.
    var model = SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40)
    model.configuration.maxPositions = 256
    return model
  }()

  /// Mean of w² over a unit's weights: a channel has 3 lines of 16, a group 4 + 4 rows of k and v, 8 of q, 8 columns of o.
  private func judgeCriterion() throws {
    let run = try pipeline(Self.model)
    let scores = try SafetensorsFile(path: run.path + "/scores/001.safetensors")
    /// [lines]: the sums of squares of rows, or columns, of a matrix whose rows have `columns` elements.
    func squares(_ name: String, columns: Int, byColumn: Bool = false) throws -> [Double] {
      let values = try #require(Self.model.weights[name])
      var sums = [Double](repeating: 0, count: byColumn ? columns : values.count / columns)
      for (place, value) in values.enumerated() {
        sums[byColumn ? place % columns : place / columns] += Double(value) * Double(value)
      }
      return sums
    }
    func folded(_ sums: [Double], by lines: Int) -> [Double] {
      stride(from: 0, to: sums.count, by: lines).map { sums[$0..<($0 + lines)].reduce(0, +) }
    }
    for layer in 0..<2 {
      let (mlp, attention) = ("model.layers.\(layer).mlp", "model.layers.\(layer).self_attn")
      let channels: [[Double]] = [
        try squares("\(mlp).gate_proj.weight", columns: 16),
        try squares("\(mlp).up_proj.weight", columns: 16),
        try squares("\(mlp).down_proj.weight", columns: 40, byColumn: true),
      ]
      let expected = (0..<40).map { unit -> Double in channels.reduce(0) { $0 + $1[unit] } / 48 }
      #expect(try relativeError(scores.tensor(named: "layers.\(layer).mlp").floats(), expected) < 1e-6)
      let groups: [[Double]] = [
        folded(try squares("\(attention).k_proj.weight", columns: 16), by: 4),
        folded(try squares("\(attention).v_proj.weight", columns: 16), by: 4),
        folded(try squares("\(attention).q_proj.weight", columns: 16), by: 8),
        folded(try squares("\(attention).o_proj.weight", columns: 24, byColumn: true), by: 8),
      ]
      let heads = (0..<3).map { unit -> Double in groups.reduce(0) { $0 + $1[unit] } / 384 }
      #expect(try relativeError(scores.tensor(named: "layers.\(layer).attention").floats(), heads) < 1e-6)
    }
    let saved = try Checkpoint.open(run.path + "/model").configuration.parameterCount
    #expect(Double(saved) <= 0.8 * Double(Self.model.configuration.parameterCount))
  }

  /// The share that the goal asks for, rounded down family by family.
  private func judgeAllocator() throws {
    let run = try pipeline(Self.model, ["--set", "stages.prune.iterations=1"])
    let whole = Self.model.configuration.parameterCount
    // A channel has 3 lines of 16; a group 4 + 4 rows of k and v, 8 of q and 8 columns of o.
    let (channel, group) = (3 * 16, (4 + 4 + 8 + 8) * 16)
    let share = (1 - 0.8) * Double(whole) / Double(2 * (40 * channel + 3 * group))
    let record = try Support.json(run.appendingPathComponent("iterations/001.json"))
    let layers = try #require(record["layers"]?.arrayValue)
    #expect(layers.count == 2)
    for layer in layers {
      for (family, count) in [("attention", 3), ("mlp", 40)] {
        let kept = try #require(layer["families"]?[family]?["kept"]).integers.count
        #expect(kept == Int((1 - share) * Double(count)), "\(family)")
      }
    }
    #expect(!FileManager.default.fileExists(atPath: run.path + "/iterations/002.json"))
    #expect(
      try Double(Checkpoint.open(run.path + "/model").configuration.parameterCount) <= 0.8 * Double(whole))
  }

  /// FLAP's bias, which is tested against the published code: the formula is the same.
  private func judgeCompensator() throws {
    let ids = try scratch.writeIDs(64, length: 64)
    let data = ["--set", "inputs.calibration=\(ids)"]
    let run = try pipeline(Self.model, data)
    let flap = try pipeline(
      Self.model, data + ["--set", "stages.prune.compensator=adapt-pruner.flap-bias"], output: "flap")
    let (found, expected) = try (
      SafetensorsFile(path: run.path + "/model/model.safetensors"),
      SafetensorsFile(path: flap.path + "/model/model.safetensors")
    )
    for layer in 0..<2 {
      for name in ["self_attn.o_proj.bias", "mlp.down_proj.bias", "mlp.down_proj.weight"] {
        let tensor = "model.layers.\(layer).\(name)"
        let values = try expected.tensor(named: tensor).floats().map { Double($0) }
        #expect(try relativeError(found.tensor(named: tensor).floats(), values) < 1e-6, "\(tensor)")
        // Every MLP has lost channels, not every attention groups.
        if name.hasPrefix("mlp") { #expect(values.contains { $0 != 0 }) }
      }
    }
  }

  /// The shipped perplexity's mean, where both cut the text into the same windows.
  private func judgeEvaluator() throws {
    let documents = [256, 100, 7, 2, 1].enumerated().map { row, length in
      JSONValue.array((0..<length).map { .integer((row * 31 + $0 * $0 * 7 + $0 * 3) % 32) })
    }
    let ids = try scratch.write(JSONValue.array(documents).compact, to: "ids.json")
    let data = ["--set", "inputs.evaluation=\(ids)"]
    let alone = try metrics(pipeline(Self.model, data), of: id)
    let evaluators: JSONValue = [
      ["id": .string(id), "options": ["data": ["input": "evaluation"]]],
      [
        "id": "adapt-pruner.perplexity", "options": ["data": ["input": "evaluation"], "window": 128],
      ],
    ]
    let both = try pipeline(
      Self.model, data + ["--set", "stages.evaluate.evaluators=\(evaluators.compact)"], output: "both")
    let (found, expected) = try (metrics(both, of: id), metrics(both, of: "adapt-pruner.perplexity"))
    #expect(alone.metrics == found.metrics && alone.items == found.items)
    #expect(found.metrics.map { $0["name"] } == ["ids.token_nll@128"])
    #expect(expected.metrics.first?["name"] == "ids.mean_nll@128")
    for key in ["value", "standard_error"] {
      let value = try #require(expected.metrics.first?[key]?.numberValue)
      let answer = try #require(found.metrics.first?[key]?.numberValue)
      #expect(abs(answer - value) <= 1e-9 * abs(value), "\(key)")
    }
    #expect(found.metrics.first?["lower_is_better"] == true)
    let (items, windows) = (found.items["ids.token_nll@128"], expected.items["ids.mean_nll@128"])
    #expect(items?.doubles.count == 5)
    #expect(
      zip(items?.doubles ?? [], windows?.doubles ?? []).allSatisfy { abs($0 - $1) <= 1e-9 * abs($1) })
  }

  private func metrics(_ run: URL, of evaluator: String) throws -> (metrics: [JSONValue], items: JSONObject) {
    let record = try Support.json(run.appendingPathComponent("metrics.json"))
    let found = try #require(
      record["evaluations"]?.arrayValue?.first { $0["evaluator"] == .string(evaluator) })
    return (try #require(found["metrics"]?.arrayValue), try #require(found["items"]?.objectValue))
  }
}
