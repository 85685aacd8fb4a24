import Checkpoints
import Foundation
import JSON
import Pipeline
import Tensors
import Testing
import Transformer

/// FLAP in its published mode, against what its code makes of the same models and token ids.
@Suite(
  .enabled(if: Support.reference != nil, Support.noReference),
  .enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct FLAPTests {
  /// One step of WIFV, AL-AM: with the target just below the whole model the first step is the last.
  static func manifest(
    ids: String, ratio: Double, sequences: Int, length: Int, bias: Bool = true, evaluate: String? = nil
  ) -> JSONValue {
    var prune: JSONObject = [
      "stage": "prune",
      "criterion": ["id": "adapt-pruner.flap", "options": ["metric": "WIFV", "variance": "published"]],
      "allocator": [
        "id": "adapt-pruner.flap-structure",
        "options": ["structure": "AL-AM", "budget": "published", "pruning_ratio": .number(ratio)],
      ],
      "calibration": [
        "data": ["path": .string(ids), "format": "ids"], "sequences": .integer(sequences),
        "length": .integer(length), "batch_size": 1,
      ],
      "target": 0.99, "record_scores": true,
    ]
    if bias { prune["compensator"] = "adapt-pruner.flap-bias" }
    // The published biases are in float32, and SmolLM2's file is quantised.
    var stages: [JSONValue] = [.object(prune), ["stage": "save", "type": "float32"]]
    if let evaluate {
      stages.append([
        "stage": "evaluate",
        "evaluators": [
          ["id": "adapt-pruner.perplexity", "options": ["data": .string(evaluate), "window": 512]]
        ],
      ])
    }
    return ["name": "flap", "stages": .array(stages)]
  }

  /// What a run has against the published masks, metrics and biases; `key` is the ratio's part of the golden's names.
  static func compare(_ run: URL, saved: String, with golden: SafetensorsFile, _ key: String) throws {
    func rows(_ name: String) throws -> [[Float]] {
      let tensor = try golden.tensor(named: "\(key)__\(name)")
      let values = try tensor.floats()
      return stride(from: 0, to: values.count, by: tensor.shape[1]).map {
        Array(values[$0..<$0 + tensor.shape[1]])
      }
    }
    func mask(_ name: String) throws -> [[Int]] {
      let tensor = try golden.tensor(named: "\(key)__\(name)")
      let values = try tensor.integers()
      return stride(from: 0, to: values.count, by: tensor.shape[1]).map { start in
        (0..<tensor.shape[1]).filter { values[start + $0] != 0 }
      }
    }
    let scores = try SafetensorsFile(path: run.appendingPathComponent("scores/001.safetensors").path)
    let record = try Support.json(run.appendingPathComponent("iterations/001.json"))
    let layers = try #require(record["layers"]?.arrayValue)
    for (family, metric, kept) in [
      ("attention", try rows("attn_group"), try mask("attn_mask")),
      ("mlp", try rows("mlp_std"), try mask("mlp_mask")),
    ] {
      let largest = metric.joined().map(abs).max() ?? 0
      #expect(metric.count == layers.count)
      for (layer, expected) in metric.enumerated() {
        let found = try scores.tensor(named: "layers.\(layer).\(family)").floats()
        let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(
          found.count == expected.count && worst <= 1e-3 * largest, "layer \(layer), \(family): \(worst)")
        #expect(
          layers[layer]["families"]?[family]?["kept"]?.integers == kept[layer], "layer \(layer), \(family)")
      }
    }
    let model = try Checkpoint.open(saved)
    for (module, name) in [("self_attn.o_proj", "o_bias"), ("mlp.down_proj", "down_bias")] {
      let expected = try rows(name)
      let largest = expected.joined().map(abs).max() ?? 0
      for (layer, expected) in expected.enumerated() {
        let found = try model.tensor(named: "model.layers.\(layer).\(module).bias").floats()
        let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(found.count == expected.count && worst <= 1e-3 * largest, "layer \(layer), \(name): \(worst)")
      }
    }
  }

  @Test(arguments: ["llama_gqa", "llama_mha"], [0.2, 0.5])
  func smallModelsArePrunedAsPublished(_ model: String, _ ratio: Double) throws {
    let reference = try #require(Support.reference)
    let golden = try SafetensorsFile(
      path: reference.appendingPathComponent("tiny-methods/flap_\(model).safetensors").path)
    let inputs = try SafetensorsFile(
      path: reference.appendingPathComponent("tiny/\(model)/golden.safetensors").path)
    let sequences = try Self.sequences(inputs)
    let folder = Support.temporaryFolder()
    let ids = folder.appendingPathComponent("ids.json")
    try JSONValue.array(sequences.map { .array($0.map { .integer(Int($0)) }) }).compact
      .write(to: ids, atomically: true, encoding: .utf8)
    let (summary, run) = try Support.run(
      Self.manifest(ids: ids.path, ratio: ratio, sequences: sequences.count, length: sequences[0].count),
      model: reference.appendingPathComponent("tiny/\(model)"), in: folder)
    let saved = try #require(summary.savedModels.first.map(summary.path(of:)))
    try Self.compare(run, saved: saved, with: golden, "r\(ratio)")

    let record = try Support.json(reference.appendingPathComponent("tiny-methods/flap_\(model).json"))
    #expect(summary.final.parameters == record["runs"]?["\(ratio)"]?["params_with_biases"]?.integerValue)
    let decoder = try Decoder(Checkpoint.open(saved))
    let logits = try sequences.flatMap { try decoder.logits($0, workers: Workers(count: 2)) }
    let expected = try golden.tensor(named: "r\(ratio)__logits").floats().map(Double.init)
    #expect(relativeError(logits, expected) < 1e-3)
  }

  static func sequences(_ file: SafetensorsFile) throws -> [[Int32]] {
    let tensor = try file.tensor(named: "input_ids")
    let ids = try tensor.integers().map { Int32($0) }
    return stride(from: 0, to: ids.count, by: tensor.shape[1]).map { Array(ids[$0..<$0 + tensor.shape[1]]) }
  }

  /// 79.9% of SmolLM2, with and without the biases: the published perplexities are 53.66 and 58.43.
  @Test(
    .enabled(if: Support.smolLM2 != nil, "SmolLM2 is not on this machine; make demo fetches it"),
    arguments: [(true, "eval"), (false, "eval_without_bias_compensation")])
  func smolLM2IsPrunedAsPublished(_ bias: Bool, _ evaluation: String) throws {
    let golden = try #require(Support.reference).appendingPathComponent("smollm2")
    let (summary, run) = try Support.run(
      Self.manifest(
        ids: golden.appendingPathComponent("calibration_ids.json").path, ratio: 0.2533, sequences: 64,
        length: 64, bias: bias, evaluate: golden.appendingPathComponent("evaluation_ids.json").path),
      model: try #require(Support.smolLM2))
    if bias {
      try Self.compare(
        run, saved: try #require(summary.savedModels.first.map(summary.path(of:))),
        with: SafetensorsFile(path: golden.appendingPathComponent("flap.safetensors").path), "r0.2533")
    }
    let published = try Support.json(golden.appendingPathComponent("flap.json"))["runs"]?["0.2533"]
    let expected = try #require(published?[evaluation]?["ppl"]?.numberValue)
    let found = try #require(
      summary.evaluations.first?.metrics.first { $0.name.contains("token_perplexity") })
    #expect(abs(found.value - expected) < 0.02 * expected, "\(found.value) and \(expected)")
  }
}
