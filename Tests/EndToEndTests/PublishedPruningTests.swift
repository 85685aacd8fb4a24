import Checkpoints
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Tensors
import Testing
import Transformer

/// Whole prunings of small models by the published Adapt-Pruner code, repeated through plugins and manifests.
@Suite(
  .enabled(if: Support.reference != nil, Support.noReference),
  .enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct PublishedPruningTests {
  static let cases = [
    "llama_bias/prune_taylor_param_first_adaptive", "llama_gqa/prune_l1_adaptive",
    "llama_gqa/prune_l2_uniform",
    "llama_gqa/prune_taylor_param_first_adaptive", "llama_gqa/prune_taylor_vectorize_adaptive",
    "llama_mha/prune_l1_adaptive", "llama_mha/prune_l2_uniform",
    "llama_mha/prune_taylor_param_first_adaptive", "llama_mha/prune_taylor_vectorize_adaptive",
    "llama_rope_llama3/prune_taylor_param_first_adaptive",
    "mobilellm_like_tied/prune_taylor_param_first_adaptive", "qwen2/prune_taylor_param_first_adaptive",
  ]

  @Test(arguments: cases)
  func everyIterationIsThePublishedOne(_ name: String) throws {
    let reference = try #require(Support.reference)
    let golden = try Support.json(reference.appendingPathComponent("tiny-prune/\(name).json"))
    let folder = Support.temporaryFolder()
    let ids = folder.appendingPathComponent("ids.json")
    try #require(golden["calibration_ids"]).compact.write(to: ids, atomically: true, encoding: .utf8)
    let model = reference.appendingPathComponent("tiny/\(name.prefix { $0 != "/" })")
    let (summary, run) = try Support.run(
      try manifest(for: try #require(golden["settings"]), ids: ids.path), model: model, in: folder)

    let iterations = try #require(golden["iterations"]?.arrayValue)
    for (index, expected) in iterations.enumerated() {
      let number = String(repeating: "0", count: 2) + "\(index + 1)"
      let found = try Support.json(run.appendingPathComponent("iterations/\(number).json"))
      try compare(found, expected, "\(name), iteration \(index + 1)")
      let scores = try SafetensorsFile(path: run.appendingPathComponent("scores/\(number).safetensors").path)
      for member in try #require(expected["importance"]?.objectValue).members {
        let tensor = "layers.\(member.key.replacing("attn", with: "attention"))"
        let error = relativeError(try scores.tensor(named: tensor).floats(), member.value.doubles)
        #expect(error < 2e-3, "\(name), iteration \(index + 1), \(tensor): \(error)")
      }
    }
    #expect(
      !FileManager.default.fileExists(
        atPath: run.appendingPathComponent("iterations/00\(iterations.count + 1).json").path),
      "\(name): more iterations than published")

    try compareLogits(
      of: try #require(summary.savedModels.first.map(summary.path(of:))), with: name, reference)
  }

  private func manifest(for settings: JSONValue, ids: String) throws -> JSONValue {
    let pruner = try #require(settings["pruner"]?.stringValue)
    let criterion: JSONValue =
      pruner.hasPrefix("taylor_")
      ? [
        "id": "adapt-pruner.taylor",
        "options": ["variant": .string(String(pruner.dropFirst(7))), "gqa_fold": "published"],
      ]
      : ["id": "adapt-pruner.magnitude", "options": ["norm": .string(pruner), "gqa_fold": "published"]]
    let steps = try #require(settings["steps"])
    let allocator: JSONValue =
      settings["adaptive"]?.integerValue == 1
      ? [
        "id": "adapt-pruner.layer-distance",
        "options": ["budget": "published", "steps": steps, "amplitude": try #require(settings["amplitude"])],
      ]
      : ["id": "adapt-pruner.uniform", "options": ["budget": "published", "steps": steps]]
    let calibration: JSONValue = [
      "data": ["path": .string(ids), "format": "ids"], "sequences": 8, "length": 24,
      "batch_size": try #require(settings["minibatch"]),
    ]
    let prune: JSONValue = [
      "stage": "prune", "criterion": criterion, "allocator": allocator, "calibration": calibration,
      "target": ["parameters": try #require(settings["target_params"])], "record_scores": true,
    ]
    let save: JSONValue = ["stage": "save", "type": "float32"]
    return ["name": "published", "stages": .array([prune, save])]
  }

  private func compare(_ found: JSONValue, _ expected: JSONValue, _ place: String) throws {
    #expect(found["parameters"] == expected["params"], "\(place)")
    let before = try #require(expected["kept_kv_before"]?.arrayValue).map(\.integers)
    let removedGroups = try #require(expected["removed_kv_original"]?.arrayValue).map(\.integers)
    let sparsities = try #require(expected["target_sparsity"]?.arrayValue)
    for (layer, value) in try #require(found["layers"]?.arrayValue).enumerated() {
      let families = try #require(value["families"])
      let attention = try #require(families["attention"])
      #expect(
        attention["kept"]?.integers == before[layer].filter { !removedGroups[layer].contains($0) },
        "\(place), layer \(layer), attention")
      for (family, key) in [("attention", "attn"), ("mlp", "mlp")] {
        let target = try #require(families[family]?["target_sparsity"]?.numberValue)
        let published = try #require(sparsities[layer][key]?.numberValue)
        #expect(abs(target - published) < 1e-4 * 0.04 * 8, "\(place), layer \(layer), \(family)")
      }
    }
    // Kept channels: what this iteration and those before it have removed.
    let removed = try #require(expected["removed_mlp_original"]?.arrayValue).map(\.integers)
    for (layer, value) in try #require(found["layers"]?.arrayValue).enumerated() {
      let mlp = try #require(value["families"]?["mlp"])
      #expect(
        Set(try #require(mlp["kept"]).integers).isDisjoint(with: removed[layer]), "\(place), layer \(layer)")
      #expect(
        mlp["kept"]?.integers.count == expected["intermediate"]?.integers[layer],
        "\(place), layer \(layer), mlp")
    }
  }

  private func compareLogits(of path: String, with name: String, _ reference: URL) throws {
    let golden = try SafetensorsFile(
      path: reference.appendingPathComponent("tiny-prune/\(name)_logits.safetensors").path)
    let inputs = try SafetensorsFile(
      path: reference.appendingPathComponent("tiny/\(name.prefix { $0 != "/" })/golden.safetensors").path)
    let decoder = try Decoder(Checkpoint.open(path))
    let tensor = try inputs.tensor(named: "input_ids")
    let ids = try tensor.integers().map { Int32($0) }
    let length = tensor.shape[1]
    let workers = Workers(count: 2)
    let starts = Array(stride(from: 0, to: ids.count, by: length))
    let logits = try starts.flatMap {
      try decoder.logits(Array(ids[$0..<$0 + length]), workers: workers)
    }
    let expected = try #require(golden.tensors.values.first).floats().map(Double.init)
    let error = relativeError(logits, expected)
    #expect(error < 1e-3, "\(name): \(error)")
  }
}
