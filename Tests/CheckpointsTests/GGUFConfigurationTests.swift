import Checkpoints
import Testing

@Suite("The metadata of a GGUF file")
struct GGUFConfigurationTests {
  private enum Value {
    case word(String)
    case number(UInt32)
    case real(Float)
    case numbers([UInt32])

    var bytes: [UInt8] {
      switch self {
      case .word(let text): littleEndian(UInt32(8)) + string(text)
      case .number(let number): littleEndian(UInt32(4)) + littleEndian(number)
      case .real(let number): littleEndian(UInt32(6)) + littleEndian(number.bitPattern)
      case .numbers(let list):
        littleEndian(UInt32(9)) + littleEndian(UInt32(5)) + littleEndian(UInt64(list.count))
          + list.flatMap { littleEndian($0) }
      }
    }
  }

  private static func string(_ text: String) -> [UInt8] {
    littleEndian(UInt64(text.utf8.count)) + Array(text.utf8)
  }

  /// A Llama of two layers without tensors, some of its keys replaced or added; nil removes one.
  private static func file(_ changes: [String: Value?], in scratch: Scratch, tensor: String? = nil) throws
    -> String
  {
    var metadata: [String: Value] = [
      "general.architecture": .word("llama"), "llama.block_count": .number(2),
      "llama.context_length": .number(64), "llama.embedding_length": .number(32),
      "llama.feed_forward_length": .number(48), "llama.attention.head_count": .number(4),
      "llama.attention.head_count_kv": .number(2), "llama.vocab_size": .number(100),
      "llama.attention.layer_norm_rms_epsilon": .real(1e-6),
    ]
    for (key, value) in changes { metadata[key] = value }
    var bytes = Array("GGUF".utf8) + littleEndian(UInt32(3)) + littleEndian(UInt64(tensor == nil ? 0 : 1))
    bytes += littleEndian(UInt64(metadata.count))
    for (key, value) in metadata { bytes += string(key) + value.bytes }
    if let tensor {
      bytes += string(tensor) + littleEndian(UInt32(1)) + littleEndian(UInt64(1)) + littleEndian(UInt32(0))
      bytes += littleEndian(UInt64(0))
      bytes += [UInt8](repeating: 0, count: 64)
    }
    return try scratch.write(bytes, to: "f.gguf")
  }

  private func read(_ changes: [String: Value?]) throws -> ModelConfiguration {
    let scratch = try Scratch()
    return try ModelConfiguration(gguf: try GGUFFile(path: try Self.file(changes, in: scratch)))
  }

  private func complaint(_ changes: [String: Value?], tensor: String? = nil) throws -> String {
    let scratch = try Scratch()
    let path = try Self.file(changes, in: scratch, tensor: tensor)
    return scratch.complaint { () throws(CheckpointError) in _ = try Checkpoint.open(path) }
  }

  @Test("gives sizes by layer")
  func perLayer() throws {
    let configuration = try read([
      "llama.attention.head_count": .numbers([4, 2]), "llama.attention.head_count_kv": .numbers([2, 1]),
      "llama.feed_forward_length": .numbers([48, 40]),
    ])
    #expect(
      configuration.layers == [
        LayerShape(queryHeads: 4, keyValueHeads: 2, headDimension: 8, intermediateSize: 48),
        LayerShape(queryHeads: 2, keyValueHeads: 1, headDimension: 8, intermediateSize: 40),
      ])
  }

  @Test("tells a Mistral by its window, a scaled embedding by its factor")
  func particulars() throws {
    let mistral = try read(["llama.attention.sliding_window": .number(16)])
    #expect(mistral.architecture == .mistral)
    #expect(mistral.layers.map(\.slidingWindow) == [16, 16])
    let linear = try read([
      "llama.rope.scaling.type": .word("linear"), "llama.rope.scaling.factor": .real(4),
      "llama.rope.freq_base": .real(500_000), "tokenizer.ggml.eos_token_id": .number(2),
      "tokenizer.ggml.eot_token_id": .number(7),
    ])
    #expect(linear.rope == RotaryEmbedding(theta: 500_000, scaling: .linear(factor: 4)))
    #expect(linear.endOfText == [2, 7])
    #expect(try read(["llama.attention.key_length": .number(16)]).layers[0].headDimension == 16)
  }

  @Test("that cannot be followed is refused in words")
  func refused() throws {
    #expect(
      try complaint([:])
        == "…/f.gguf has no tensor model.embed_tokens.weight, expected with shape [100, 32].")
    #expect(
      try complaint(["general.architecture": .word("gptneox")])
        == "…/f.gguf: the architecture “gptneox” is not supported; supported are llama, mistral, qwen2, qwen3, "
        + "gemma2, gemma3_text, phi3, olmo2, smollm3, granite."
    )
    #expect(
      try complaint(["llama.rope.scaling.type": .word("yarn")])
        == "…/f.gguf: llama.rope.scaling.type is yarn: the supported rotary embeddings are none, linear and those "
        + "with rope_freqs.weight.")
    #expect(
      try complaint(["llama.expert_count": .number(8)])
        == "…/f.gguf: llama.expert_count is 8: mixtures of experts are not supported.")
    #expect(
      try complaint(["split.count": .number(3)])
        == "…/f.gguf: split.count is 3: join the parts with llama.cpp's llama-gguf-split --merge.")
    #expect(
      try complaint(["llama.rope.dimension_count": .number(4)])
        == "…/f.gguf: llama.rope.dimension_count is 4: expected as many rotated dimensions as a head has "
        + "dimensions, 8.")
    #expect(
      try complaint(["llama.feed_forward_length": .numbers([48])])
        == "…/f.gguf: llama.feed_forward_length: expected a whole number, or a list of block_count = 2 of "
        + "them, found a list of 1.")
    #expect(
      try complaint(["llama.embedding_length": nil])
        == "…/f.gguf: llama.embedding_length: expected a whole number from 1 to 2147483647, found nothing.")
    #expect(
      try complaint(["llama.block_count": .number(5000)])
        == "…/f.gguf: llama.block_count: expected at most 4096, found 5000.")
    #expect(
      try complaint([:], tensor: "blk.0.attn_sub_norm.weight")
        == "…/f.gguf has the tensor blk.0.attn_sub_norm.weight, which the architecture does not declare: "
        + "llama has no such tensor.")
  }

  /// llama.cpp, load_hparams: the type is linear unless the file says otherwise, an older name counts where the newer is
  /// not there, and 0 stands for no factor.
  @Test(
    "scales positions as llama.cpp does",
    arguments: [
      (["llama.rope.scaling.factor": 4], RotaryEmbedding.Scaling.linear(factor: 4)),
      (["llama.rope.scale_linear": 4], .linear(factor: 4)),
      (["llama.rope.scaling.factor": 2, "llama.rope.scale_linear": 4], .linear(factor: 2)),
      (["llama.rope.scaling.factor": 0, "llama.rope.scale_linear": 4], .none),
      (["llama.rope.scaling.attn_factor": 1], .none), ([:], .none),
    ] as [([String: Float], RotaryEmbedding.Scaling)])
  func factors(_ keys: [String: Float], scaling: RotaryEmbedding.Scaling) throws {
    #expect(try read(keys.mapValues { .real($0) }).rope.scaling == scaling)
  }

  @Test("scales nothing where the type is none")
  func noScaling() throws {
    let rope = try read(["llama.rope.scaling.type": .word("none"), "llama.rope.scaling.factor": .real(4)])
      .rope
    #expect(rope.scaling == .none)
  }

  @Test(
    "that changes the arithmetic by a key which is not read is refused by name",
    arguments: [
      "rope.scaling.attn_factor", "rope.scaling.alpha", "rope.scaling.yarn_beta_fast", "rope.freq_base_swa",
      "attention.scale", "logit_scale", "residual_scale", "embedding_scale", "attn_logit_softcapping",
      "final_logit_softcapping", "attention.clamp_kqv", "attention.max_alibi_bias",
    ])
  func unread(key: String) throws {
    #expect(try complaint(["llama.\(key)": .real(1.5)]).hasPrefix("…/f.gguf: llama.\(key) is 1.5: "))
  }

  @Test(
    "may have no tensor that llama.cpp does not know",
    arguments: [
      (
        "output.bias", "its metadata",
        "the head of llama has no bias, and without it the model would be another."
      ),
      ("rope_factors_long.weight", "the architecture", "llama has no such tensor."),
      ("blk.0.rope_freqs.weight", "the architecture", "llama has no such tensor."),
      ("blk.7.ffn_up.weight", "its metadata", "it has num_hidden_layers 2."),
      ("blk.0.attn_q.weight.lora_a", "the architecture", "llama has no such tensor."),
      ("blk.0.attn_q_norm.weight", "its metadata", "llama has no such tensor."),
    ])
  func unknownTensors(name: String, configuration: String, advice: String) throws {
    #expect(
      try complaint([:], tensor: name)
        == "…/f.gguf has the tensor \(name), which \(configuration) does not declare: \(advice)")
  }

  @Test("of an adapter alone is refused, with the program that merges it")
  func adapter() throws {
    #expect(
      try complaint(["general.type": .word("adapter")])
        == "…/f.gguf: general.type is “adapter”: a whole model is expected; llama.cpp's llama-export-lora merges an adapter "
        + "into one.")
    #expect(try read(["general.type": .word("model")]).layers.count == 2)
  }

  /// ggml_rope_ext divides by the divisors, and by the linear factor besides.
  @Test("has divisors multiplied by the factor")
  func divisorsAndFactor() {
    func embedding(_ divisors: [Float], _ factor: Double) -> RotaryEmbedding {
      RotaryEmbedding(theta: 100, ggufDivisors: divisors, factor: factor)
    }
    #expect(embedding([2, 4], 4).frequencies(headDimension: 4) == [1.0 / 8, 0.1 / 16])
    #expect(embedding([1, 1], 4).scaling == .linear(factor: 4))
    #expect(embedding([1, 1], 1).scaling == .none)
  }
}
