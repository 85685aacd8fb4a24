import Checkpoints
import JSON
import Testing

@Suite("A configuration")
struct ConfigurationTests {
  static func read(_ text: String) throws(CheckpointError) -> ModelConfiguration {
    let json: JSONValue
    do {
      json = try JSONValue(parsing: text)
    } catch {
      throw .notJSON(file: "config.json", place: "the file", problem: "\(error)")
    }
    return try ModelConfiguration(json: json, file: "config.json")
  }

  static func complaint(_ text: String) -> String {
    do throws(CheckpointError) {
      _ = try read(text)
      return "no complaint"
    } catch {
      return error.description
    }
  }

  /// A complete configuration of two layers; `more` comes last.
  static func text(_ type: String = "llama", without: String = "", _ more: String = "") -> String {
    let keys = [
      "vocab_size": "100", "hidden_size": "32", "num_hidden_layers": "2", "num_attention_heads": "4",
      "num_key_value_heads": "2", "intermediate_size": "48",
    ]
    let body = keys.filter { $0.key != without && !more.contains("\"\($0.key)\"") }
      .sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    return "{\"model_type\": \"\(type)\", " + (body + (more.isEmpty ? [] : [more])).joined(separator: ", ")
      + "}"
  }

  @Test("of a pruned model has lists where its layers differ, and comes back as it was")
  func perLayer() throws {
    let configuration = try Self.read(
      Self.text(
        "qwen3",
        #""head_dim": 16, "num_attention_heads": [4, 2], "num_key_value_heads": [2, 1], "intermediate_size": [48, 47], "x_unknown": {"a": [1, 2.5, "é\n"]}"#
      ))
    #expect(
      configuration.layers[1]
        == LayerShape(queryHeads: 2, keyValueHeads: 1, headDimension: 16, intermediateSize: 47))
    guard case .object(let keys) = configuration.json else { return #expect(Bool(false)) }
    #expect(keys["intermediate_size"] == .array([.integer(48), .integer(47)]))
    #expect(keys["head_dim"] == .integer(16))
    #expect(keys["x_unknown"]?.compact.contains("2.5") == true)
    #expect(try Self.read(configuration.json.pretty) == configuration)
  }

  @Test("of a removed sublayer has 0 there and none of its parameters")
  func removedSublayers() throws {
    let configuration = try Self.read(
      Self.text(
        "llama",
        #""head_dim": 8, "num_attention_heads": [4, 0], "num_key_value_heads": [2, 0], "intermediate_size": [0, 48]"#
      ))
    #expect(
      configuration.parameters.keys.elements == [
        "model.embed_tokens.weight", "model.layers.0.input_layernorm.weight",
        "model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight",
        "model.layers.0.self_attn.v_proj.weight", "model.layers.0.self_attn.o_proj.weight",
        "model.layers.1.post_attention_layernorm.weight", "model.layers.1.mlp.gate_proj.weight",
        "model.layers.1.mlp.up_proj.weight", "model.layers.1.mlp.down_proj.weight", "model.norm.weight",
        "lm_head.weight",
      ])
    #expect(try Self.read(configuration.json.pretty) == configuration)
  }

  @Test(
    "comes back as it was written",
    arguments: [
      text(
        "llama", #""attention_bias": true, "mlp_bias": true, "eos_token_id": [2, 3], "bos_token_id": null"#),
      text("llama", #""attention_output_bias": true, "mlp_down_bias": true, "tie_word_embeddings": true"#),
      text("llama", #""attention_bias": true, "attention_output_bias": false, "torch_dtype": "bfloat16""#),
      text("llama", #""rope_scaling": {"type": "linear", "factor": 2.0}, "rope_theta": 500000"#),
      text("llama", #""rope_scaling": {"rope_type": "explicit", "divisors": [1, 1.5, 3, 8]}"#),
      text("mistral", #""sliding_window": 16"#), text("mistral", #""sliding_window": null"#), text("mistral"),
      text("qwen2", #""use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1"#),
      text(
        "qwen2",
        #""use_sliding_window": true, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]"#
      ),
      text("qwen3", #""attention_bias": true, "rms_norm_eps": 1e-6"#),
    ])
  func roundTrip(text: String) throws {
    let configuration = try Self.read(text)
    #expect(try Self.read(configuration.json.pretty) == configuration)
  }

  @Test("slides where Qwen2's rules say")
  func windows() throws {
    func windows(_ more: String) throws -> [Int?] {
      try Self.read(Self.text("qwen2", more)).layers.map(\.slidingWindow)
    }
    #expect(try windows(#""sliding_window": 8"#) == [nil, nil])
    #expect(try windows(#""use_sliding_window": true, "sliding_window": 8"#) == [nil, nil])
    #expect(
      try windows(#""use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1"#) == [nil, 8])
    #expect(
      try windows(
        #""use_sliding_window": true, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]"#
      )
        == [8, nil])
  }

  @Test("takes transformers' defaults for what is absent")
  func defaults() throws {
    let llama = try Self.read(Self.text("llama", without: "num_key_value_heads"))
    #expect(
      llama.layers[0] == LayerShape(queryHeads: 4, keyValueHeads: 4, headDimension: 8, intermediateSize: 48))
    #expect((llama.rmsNormEpsilon, llama.maxPositions, llama.tiedEmbeddings) == (1e-6, 2048, false))
    #expect(try Self.read(Self.text("qwen3")).layers[0].headDimension == 128)
    #expect(try Self.read(Self.text("mistral")).layers[0].slidingWindow == 4096)
    #expect(try Self.read(Self.text("llama", #""head_dim": null"#)).layers[0].headDimension == 8)
  }

  @Test(
    "that cannot be followed is refused in words",
    arguments: [
      ("[]", "config.json: the file: expected an object, found a list of 0."),
      (
        #"{"architectures": ["X"]}"#,
        "config.json: the architecture “nothing under model_type” is not supported; supported are llama, mistral, qwen2, qwen3, "
          + "gemma2, gemma3_text, phi3, olmo2, smollm3, granite."
      ),
      (text("llama", #""hidden_act": "gelu""#), "config.json: hidden_act is gelu: only silu is supported."),
      (
        text("llama", #""vocab_size": "100""#),
        "config.json: vocab_size: expected a whole number from 1 to 2147483647, found “100”."
      ),
      (
        text("llama", #""hidden_size": -3"#),
        "config.json: hidden_size: expected a whole number from 1 to 2147483647, found -3."
      ),
      (
        text("llama", #""intermediate_size": [48]"#),
        "config.json: intermediate_size: expected a whole number, or a list of num_hidden_layers = 2 of them, found a list of 1."
      ),
      (
        text("llama", #""num_hidden_layers": 2000000000"#),
        "config.json: num_hidden_layers: expected at most 4096, found 2000000000."
      ),
      (
        text("llama", #""num_key_value_heads": 3"#),
        "config.json: layer 0: expected num_attention_heads to be a multiple of num_key_value_heads, found 4 and 3."
      ),
      (
        text("llama", #""num_attention_heads": [4, 2], "num_key_value_heads": [2, 1]"#),
        "config.json: head_dim: expected a number, as num_attention_heads does not give it, found nothing."
      ),
      (
        text("llama", #""rope_scaling": {"type": "yarn", "factor": 4}"#),
        "config.json: rope_scaling.type is yarn: the supported rotary embeddings are default, linear and llama3."
      ),
      (
        text("llama", #""rope_parameters": {"rope_type": "dynamic", "rope_theta": 1, "factor": 4}"#),
        "config.json: rope_parameters.rope_type is dynamic: the supported rotary embeddings are default, linear and llama3."
      ),
      (
        text("llama", #""rope_parameters": {"rope_type": "longrope", "rope_theta": 1}"#),
        "config.json: rope_parameters.rope_type is longrope: the supported rotary embeddings are default, linear and llama3."
      ),
      (
        text("llama", #""rope_scaling": {"type": "linear"}"#),
        "config.json: rope_scaling.factor: expected a number above 0, found nothing."
      ),
      (
        text("llama", #""partial_rotary_factor": 0.5"#),
        "config.json: partial_rotary_factor is 0.5: only whole heads are turned here."
      ),
      (
        text("llama", #""torch_dtype": "float8""#),
        "config.json: torch_dtype is float8: expected float32, float16 or bfloat16."
      ),
      (
        text("llama", #""quantization_config": {"bits": 4}"#),
        "config.json: quantization_config is set: take the model's unquantised checkpoint, or a GGUF file."
      ),
      (
        text("llama", #""tie_word_embeddings": 1"#),
        "config.json: tie_word_embeddings: expected true or false, found 1."
      ),
    ])
  func refused(text: String, sentence: String) {
    #expect(Self.complaint(text) == sentence)
  }

  @Test("has frequencies by the formula of each scaling")
  func frequencies() {
    // Two pairs of theta 100: 1 and 1/10.
    #expect(RotaryEmbedding(theta: 100).frequencies(headDimension: 4) == [1, 0.1])
    #expect(
      RotaryEmbedding(theta: 100, scaling: .linear(factor: 4)).frequencies(headDimension: 4) == [0.25, 0.025])
    #expect(
      RotaryEmbedding(theta: 100, scaling: .explicit(divisors: [2, 4])).frequencies(headDimension: 4) == [
        0.5, 0.025,
      ])
  }
}
