import JSON

/// Qwen 2: biases of queries, keys and values, windows in some layers (configuration_qwen2.py of transformers 5).
struct Qwen2: QwenRules {
  let modelType = "qwen2"
  let className = "Qwen2ForCausalLM"
  let defaults = ArchitectureDefaults(
    vocabularySize: 151_936, intermediateSize: 22_016, keyValueHeads: 32, maxPositions: 32_768)
  let attentionBias = BiasRule.inputs
}

/// Qwen 3: a norm of each head's queries and keys, and heads of 128 (configuration_qwen3.py of transformers 5).
struct Qwen3: QwenRules {
  let modelType = "qwen3"
  let className = "Qwen3ForCausalLM"
  let defaults = ArchitectureDefaults(
    vocabularySize: 151_936, intermediateSize: 22_016, keyValueHeads: 32, headDimension: 128,
    maxPositions: 32_768)

  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign {
    DecoderDesign(queryKeyNorm: .perHead)
  }

  func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys) throws(CheckpointError)
  {
    configuration.design.queryKeyNorm = .perHead
  }
}

/// Both have windows in the layers that `layer_types` names, or else from `max_window_layers` on.
protocol QwenRules: ArchitectureRules {}

extension QwenRules {
  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    let window = try LayerTypes.usedWindow(keys, default: 4096)
    if let windows = try LayerTypes.windows(keys, layers: layers, used: window) { return windows }
    let first = try keys.size("max_window_layers", default: 28, atLeast: 0)
    return (0..<layers).map { $0 >= first ? window : nil }
  }

  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    let layers = configuration.layers
    keys["use_sliding_window"] = .bool(layers.contains { $0.slidingWindow != nil })
    keys["sliding_window"] = LayerTypes.window(of: layers)
    keys["max_window_layers"] = .integer(layers.firstIndex { $0.slidingWindow != nil } ?? layers.count)
    keys["layer_types"] = LayerTypes.json(of: layers)
  }
}
