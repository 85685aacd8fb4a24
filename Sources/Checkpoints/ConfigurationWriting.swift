import Foundation
import JSON

/// Writes a model's configuration as config.json.
extension ModelConfiguration {
  /// The keys that `json` writes or drops. `otherKeys` has none of them.
  static let ownKeys: Set<String> = [
    "architectures", "model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "intermediate_size", "hidden_act", "rms_norm_eps", "rope_theta",
    "rope_scaling", "rope_parameters", "tie_word_embeddings", "attention_bias", "mlp_bias",
    "attention_output_bias", "mlp_down_bias", "max_position_embeddings", "bos_token_id", "eos_token_id",
    "dtype", "torch_dtype", "sliding_window", "use_sliding_window", "max_window_layers", "layer_types",
    ResidualWidths.key,
  ]

  /// A config.json under Hugging Face's keys. A size that all layers share is a number, which transformers 4 and 5 load.
  /// Otherwise it is a list. A sliced model has `residual_widths` besides. Keys without a meaning here follow unchanged.
  public var json: JSONValue {
    var keys = JSONObject()
    // No other program knows the forward pass of a sliced model. The name makes it stop.
    keys["architectures"] = .array([
      .string((residualWidths == nil ? "" : "Sliced") + architecture.rules.className)
    ])
    keys["model_type"] = .string(architecture.rawValue)
    keys["vocab_size"] = .integer(vocabularySize)
    keys["hidden_size"] = .integer(hiddenSize)
    keys["num_hidden_layers"] = .integer(layers.count)
    keys["num_attention_heads"] = Self.sizes(layers.map(\.queryHeads))
    keys["num_key_value_heads"] = Self.sizes(layers.map(\.keyValueHeads))
    keys["head_dim"] = Self.sizes(layers.map(\.headDimension))
    keys["intermediate_size"] = Self.sizes(layers.map(\.intermediateSize))
    keys[architecture.rules.activation.key] = .string(
      design.activation == .silu ? "silu" : "gelu_pytorch_tanh")
    keys["rms_norm_eps"] = .number(rmsNormEpsilon)
    // transformers 4, 5 and llama.cpp's converter read these two keys. Only version 5 reads rope_parameters, and then
    // ignores changes of these two.
    keys["rope_theta"] = .number(rope.theta)
    keys["rope_scaling"] = rope.scaling.json.map { .object($0) } ?? .null
    keys["tie_word_embeddings"] = .bool(tiedEmbeddings)
    writeBiases(&keys)
    architecture.rules.write(self, into: &keys)
    keys[ResidualWidths.key] = residualWidths?.json
    keys["max_position_embeddings"] = .integer(maxPositions)
    keys["bos_token_id"] = beginningOfText.map { .integer($0) } ?? .null
    keys["eos_token_id"] =
      endOfText.count > 1
      ? .array(endOfText.map { .integer($0) }) : endOfText.first.map { .integer($0) } ?? .null
    keys["dtype"] = .string(declaredType.rawValue)
    keys["torch_dtype"] = .string(declaredType.rawValue)
    for member in otherKeys.members { keys[member.key] = member.value }
    return .object(keys)
  }

  /// Writes `json` to `path`, whole or not at all.
  /// - Throws: `.cannotWrite`.
  public func writeJSON(to path: String) throws(CheckpointError) {
    try JSONFile.write(json, to: path)
  }

  private static func sizes(_ values: [Int]) -> JSONValue {
    if let first = values.first, first > 0, values.allSatisfy({ $0 == first }) { return .integer(first) }
    return .array(values.map { .integer($0) })
  }

  private func writeBiases(_ keys: inout JSONObject) {
    var implied = Biases()
    if case .key(let key) = architecture.rules.attentionBias {
      keys[key] = .bool(biases.queryKeyValue)
      implied.attentionOutput = biases.queryKeyValue
    }
    if case .key(let key) = architecture.rules.mlpBias {
      keys[key] = .bool(biases.gateUp)
      implied.down = biases.gateUp
    }
    if biases.attentionOutput != implied.attentionOutput {
      keys["attention_output_bias"] = .bool(biases.attentionOutput)
    }
    if biases.down != implied.down { keys["mlp_down_bias"] = .bool(biases.down) }
  }
}

extension RotaryEmbedding {
  /// The object that transformers 5 has under `rope_parameters`.
  var parameters: JSONObject {
    var keys = scaling.json ?? ["rope_type": "default"]
    keys["rope_theta"] = .number(theta)
    return keys
  }
}

extension RotaryEmbedding.Scaling {
  /// nil where nothing is scaled.
  fileprivate var json: JSONObject? {
    switch self {
    case .none: nil
    case .linear(let factor): ["rope_type": "linear", "factor": .number(factor)]
    case .llama3(let factor, let low, let high, let original):
      [
        "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
        "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(original),
      ]
    // transformers 4 asks for `type`; 5 reads it too.
    case .longRope(let short, let long, _, _):
      [
        "type": "longrope", "short_factor": .array(short.map { .number($0) }),
        "long_factor": .array(long.map { .number($0) }),
      ]
    case .explicit(let divisors):
      [
        "rope_type": "explicit", "divisors": .array(divisors.map { .number(Double("\($0)") ?? Double($0)) }),
      ]
    }
  }
}
