import Checkpoints
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Tensors
import Testing
import Tokenizers
import Transformer

/// What a save stage writes is the model that was in memory.
@Suite struct SavedModelTests {
  static let referenceModels = [
    "llama_bias", "llama_gqa", "llama_gqa_bf16", "llama_gqa_f16", "llama_gqa_sharded", "llama_mha",
    "llama_rope_linear",
    "llama_rope_llama3", "mistral", "mistral_swa16", "mobilellm_like_tied", "qwen2", "qwen3",
  ]

  private let workers = Workers(count: 2)

  /// Prunes each layer differently: every third channel from layer 0, one more from each further layer; every other
  /// layer loses its first KV group.
  private func prune(_ decoder: Decoder) throws {
    for layer in 0..<decoder.layerCount {
      let sizes = decoder.sizes(layer)
      let channels = (0..<sizes.intermediate).filter { $0 % 3 != 0 || $0 < 3 * layer }
      try decoder.keep(channels.map { CurrentUnit($0) }, of: .mlp, layer: layer)
      if layer % 2 == 1, sizes.keyValueHeads > 1 {
        try decoder.keep((1..<sizes.keyValueHeads).map { CurrentUnit($0) }, of: .attention, layer: layer)
      }
    }
  }

  private func logits(_ decoder: Decoder) throws -> [Float] {
    try decoder.logits((0..<40).map { Int32(($0 * $0 * 7 + 3) % decoder.vocabulary) }, workers: workers)
  }

  private func parameters(_ decoder: Decoder) throws -> [String: [Float]] {
    var result: [String: [Float]] = [:]
    try decoder.forEachParameter(workers: workers) { name, values in
      result[name, default: []] += Array(values)
    }
    return result
  }

  private func check(_ path: String, _ name: String) throws {
    let model = try LoadedModel(path: path)
    try prune(model.decoder)
    let expected = try logits(model.decoder)
    let weights = try parameters(model.decoder)
    let scratch = Scratch()

    try model.save(to: scratch.path("model"), type: .float32, workers: workers)
    let saved = try LoadedModel(path: scratch.path("model")).decoder
    #expect(saved.parameters == model.decoder.parameters, "\(name)")
    #expect(try logits(saved) == expected, "\(name): the logits differ")
    #expect(try parameters(saved) == weights, "\(name): a weight differs")
    try checkConfiguration(scratch.url.appendingPathComponent("model/config.json"), model.decoder, name)

    // Half a unit in the last place; below the smallest normal number the places stay where they are.
    for (type, relative, absolute) in [
      (StorageType.bfloat16, Float(0x1p-8), Float(0x1p-134)), (.float16, 0x1p-11, 0x1p-25),
    ] {
      try model.save(to: scratch.path("\(type)"), type: type, workers: workers)
      let rounded = try Decoder(Checkpoint.open(scratch.path("\(type)")))
      let wrong = try parameters(rounded).filter { parameter, values in
        let exact = try #require(weights[parameter])
        return values.count != exact.count
          || zip(values, exact).contains { abs($0 - $1) > max(relative * abs($1), absolute) }
      }
      #expect(wrong.isEmpty, "\(name) as \(type): \(wrong.keys.sorted())")
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).sorted() == [
        "bfloat16", "float16", "model",
      ])
  }

  /// What differs between layers is a list, in layer order; what does not is a number.
  private func checkConfiguration(_ file: URL, _ decoder: Decoder, _ name: String) throws {
    let written = try Support.json(file)
    for (key, sizes) in [
      ("intermediate_size", decoder.allSizes.map(\.intermediate)),
      ("num_key_value_heads", decoder.allSizes.map(\.keyValueHeads)),
      ("num_attention_heads", decoder.allSizes.map(\.queryHeads)),
      ("head_dim", decoder.allSizes.map(\.headDimension)),
    ] {
      let expected: JSONValue =
        Set(sizes).count == 1 ? .integer(sizes[0]) : .array(sizes.map { .integer($0) })
      #expect(written[key] == expected, "\(name): \(key)")
    }
    #expect(Set(decoder.allSizes.map(\.intermediate)).count > 1)
  }

  @Test(arguments: SmallModel.Kind.allCases)
  func aModelOfOurOwnIsReadBackAsItWas(_ kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind, seed: 21, vocabulary: 97, hidden: 12, intermediate: 23, layers: 3)
      .write()
    defer { try? FileManager.default.removeItem(at: model) }
    try check(model.path, "\(kind)")
  }

  @Test(.enabled(if: Support.reference != nil, Support.noReference), arguments: referenceModels)
  func aReferenceModelIsReadBackAsItWas(_ name: String) throws {
    try check(try #require(Support.reference).appendingPathComponent("tiny/\(name)").path, name)
  }

  /// A pruned model is a model like any other: what was saved can be pruned, and saved, once more.
  @Test func aSavedModelIsPrunedOnceMore() throws {
    let source = try SmallModel(.untied, seed: 8, hidden: 12, intermediate: 30, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: source) }
    let scratch = Scratch()
    let once = try LoadedModel(path: source.path)
    try prune(once.decoder)
    try once.save(to: scratch.path("once"), type: .float32, workers: workers)
    let again = try LoadedModel(path: scratch.path("once"))
    try prune(again.decoder)
    try again.save(to: scratch.path("twice"), type: .float32, workers: workers)
    try prune(once.decoder)
    #expect(try logits(Decoder(Checkpoint.open(scratch.path("twice")))) == logits(once.decoder))
  }

  @Test func theTokenizerGoesAlong() throws {
    let source = try SmallModel(.llama, seed: 8, vocabulary: 1110).write()
    defer { try? FileManager.default.removeItem(at: source) }
    let tokenizer = Support.package.appendingPathComponent(
      "Tests/Fixtures/tokenizers/gpt2-like.tokenizer.json")
    try FileManager.default.copyItem(at: tokenizer, to: source.appendingPathComponent("tokenizer.json"))
    let scratch = Scratch()
    try LoadedModel(path: source.path).save(to: scratch.path("model"), type: .float32, workers: workers)
    #expect(
      try Data(contentsOf: scratch.url.appendingPathComponent("model/tokenizer.json"))
        == Data(contentsOf: tokenizer))
  }

  @Test(.enabled(if: Support.smolLM2 != nil, "SmolLM2 is not on this machine; make demo fetches it"))
  func aGGUFModelBecomesAFolderThatReadsTextTheSameWay() throws {
    let source = try LoadedModel(path: try #require(Support.smolLM2).path)
    for layer in 0..<30 {
      try source.decoder.keep((0..<(1000 + layer)).map { CurrentUnit($0) }, of: .mlp, layer: layer)
    }
    let scratch = Scratch()
    try source.save(to: scratch.path("model"), type: .float32, workers: workers)
    let saved = try LoadedModel(path: scratch.path("model"))
    #expect(try logits(saved.decoder) == logits(source.decoder))
    for text in [
      "The quick brown fox jumps over 12,345 lazy dogs.", "  Leading spaces,\n\nnew lines\tand tabs  ",
      "naïve café — 東京 🦊",
      "<|im_start|>user\nHello<|im_end|>\n", "don't I'll we've 3.14159 x_y == z;",
    ] {
      let ids = try source.tokenizer().encode(text, addSpecialTokens: true)
      #expect(try saved.tokenizer().encode(text, addSpecialTokens: true) == ids, "\(text)")
      #expect(try saved.tokenizer().decode(ids) == source.tokenizer().decode(ids), "\(text)")
    }
    #expect(try saved.tokenizer().eosIDs == source.tokenizer().eosIDs)
    #expect(try saved.tokenizer().bosID == source.tokenizer().bosID)
  }
}
