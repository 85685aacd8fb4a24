import Checkpoints
import Foundation
import JSON
import Pipeline
import Tensors
import Testing
import Transformer

/// Models that lost whole sublayers or layers, as files.
@Suite struct DepthSavingTests {
  private let workers = Workers(count: 2)
  private let tokens = (0..<24).map { Int32(($0 * $0 * 7 + 3) % 32) }

  private func logits(_ decoder: Decoder, _ ids: [Int32]? = nil) throws -> [Float] {
    try decoder.logits(ids ?? tokens, workers: workers)
  }

  private func withModel(_ model: SmallModel, _ body: (LoadedModel, Scratch) throws -> Void) throws {
    let folder = try model.write()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(LoadedModel(path: folder.path), Scratch())
  }

  /// Only numbers, where the layers that stay are alike: what other programs read.
  @Test(arguments: SmallModel.Kind.allCases)
  func withoutWholeLayersItIsAnOrdinarySmallerModel(_ kind: SmallModel.Kind) throws {
    let small = SmallModel(kind, seed: 13, layers: 4)
    try withModel(small) { model, scratch in
      for layer in [0, 2] { try model.decoder.keep([], of: .layer, layer: layer) }
      try model.save(to: scratch.path("model"), type: .float32, workers: workers)
      let saved = try LoadedModel(path: scratch.path("model")).decoder
      #expect(saved.layerCount == 2 && saved.parameters == model.decoder.parameters)
      #expect(try logits(saved) == logits(model.decoder))
      let config = try Support.json(scratch.url.appendingPathComponent("model/config.json"))
      var expected = small.configuration
      expected.layers.removeLast(2)
      #expect(config == expected.json, "the configuration of a model of two such layers")
      for (old, new) in [(1, 0), (3, 1)] {
        for name in ["input_layernorm", "self_attn.q_proj", "mlp.down_proj"] {
          #expect(
            try saved.checkpoint.tensor(named: "model.layers.\(new).\(name).weight").floats()
              == small.weights["model.layers.\(old).\(name).weight"])
        }
      }
    }
  }

  @Test(arguments: SmallModel.Kind.allCases)
  func aSublayerThatIsGoneIsAZeroInTheConfiguration(_ kind: SmallModel.Kind) throws {
    try withModel(SmallModel(kind, seed: 13, layers: 4)) { model, scratch in
      try model.decoder.keep([], of: .attentionBlock, layer: 0)
      try model.decoder.keep([], of: .layer, layer: 1)
      try model.decoder.keep([], of: .mlpBlock, layer: 3)
      try model.decoder.keep([0, 2], of: .attention, layer: 3)
      try model.save(to: scratch.path("model"), type: .float32, workers: workers)
      let config = try Support.json(scratch.url.appendingPathComponent("model/config.json"))
      #expect(config["num_hidden_layers"] == 3)
      #expect(config["num_attention_heads"] == [0, 6, 4])
      #expect(config["num_key_value_heads"] == [0, 3, 2])
      #expect(config["intermediate_size"] == [10, 10, 0])
      #expect(config["head_dim"] == 4)
      let saved = try LoadedModel(path: scratch.path("model"))
      #expect(saved.decoder.parameters == model.decoder.parameters)
      #expect(try logits(saved.decoder) == logits(model.decoder))
      // It can be cut and saved once more.
      for decoder in [saved.decoder, model.decoder] {
        try decoder.keep([], of: .mlpBlock, layer: 0)
        try decoder.keep([3, 4], of: .mlp, layer: decoder.layerCount - 2)
      }
      try saved.save(to: scratch.path("again"), type: .float32, workers: workers)
      let again = try Decoder(Checkpoint.open(scratch.path("again")))
      #expect(again.layerCount == 2)
      #expect(try logits(again) == logits(model.decoder))
    }
  }

  @Test(arguments: [
    (0, ["full_attention", "sliding_attention"], 1), (2, ["full_attention", "full_attention"], 2),
  ])
  func slidingWindowsGoWithTheirLayers(_ removed: Int, _ types: [String], _ firstSliding: Int) throws {
    var small = SmallModel(.qwen3, seed: 13, layers: 3)
    small.configuration.layers[2].slidingWindow = 3
    try withModel(small) { model, scratch in
      try model.decoder.keep([], of: .layer, layer: removed)
      try model.save(to: scratch.path("model"), type: .float32, workers: workers)
      let config = try Support.json(scratch.url.appendingPathComponent("model/config.json"))
      #expect(config["layer_types"] == .array(types.map { .string($0) }))
      #expect(config["max_window_layers"]?.integerValue == firstSliding)
      #expect(config["use_sliding_window"]?.boolValue == types.contains("sliding_attention"))
      #expect(try logits(Decoder(Checkpoint.open(scratch.path("model")))) == logits(model.decoder))
    }
  }

  @Test func aCheckpointWithoutAnySublayerIsRefused() throws {
    var small = SmallModel(.llama, seed: 13)
    for layer in 0..<2 {
      small.configuration.layers[layer].queryHeads = 0
      small.configuration.layers[layer].keyValueHeads = 0
      small.configuration.layers[layer].intermediateSize = 0
    }
    small.weights = small.weights.filter { !$0.key.contains("layers") }
    let folder = try small.write()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: DecoderError.emptyModel(file: folder.path)) { try LoadedModel(path: folder.path) }
  }

  /// The fixture has the logits of transformers' own model with a layer fewer.
  @Test(arguments: ["llama", "qwen3"])
  func aShallowModelHasTransformersLogits(_ name: String) throws {
    let fixtures = Support.package.appendingPathComponent("Tests/Fixtures/training")
    let shallow = try #require(
      Support.json(fixtures.appendingPathComponent("\(name)-golden/cases.json"))["shallow"])
    let ids = try #require(shallow["ids"]).integers.map { Int32($0) }
    let file = try SafetensorsFile(path: fixtures.path + "/\(name)-golden/shallow.safetensors")
    let expected = try file.tensor(named: "logits").floats().map(Double.init)
    let model = try LoadedModel(path: fixtures.appendingPathComponent(name).path)
    let layers = model.decoder.layerCount
    try model.decoder.keep([], of: .layer, layer: try #require(shallow["removed_layer"]?.integerValue))
    #expect(relativeError(try logits(model.decoder, ids), expected) < 1e-4)
    let scratch = Scratch()
    try model.save(to: scratch.path("model"), type: .float32, workers: workers)
    let saved = try Decoder(Checkpoint.open(scratch.path("model")))
    #expect(saved.layerCount == layers - 1)
    #expect(relativeError(try logits(saved, ids), expected) < 1e-4)
  }
}
