import JSON

/// SmolLM3: Llama with layers whose queries and keys are not turned (modeling_smollm3.py of transformers 5, smollm3.cpp
/// of llama.cpp).
struct SmolLM3: ArchitectureRules {
  let modelType = "smollm3"
  let className = "SmolLM3ForCausalLM"
  let defaults = ArchitectureDefaults(
    vocabularySize: 128_256, hiddenSize: 2048, intermediateSize: 11_008, layers: 36, queryHeads: 16,
    keyValueHeads: 4, maxPositions: 32_768, ropeTheta: 2e6, tiedEmbeddings: true,
    beginningOfText: 128_000, endOfText: 128_001)
  let mlpBias = BiasRule.key("mlp_bias")
  let ownKeys: Set<String> = ["no_rope_layers"]
  let ggufFollowsLlama = true

  /// [layers]: whether queries and keys are turned. The key has 1 for yes, 0 for no; without it each fourth is not.
  private func turns(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Bool] {
    let key = "no_rope_layers"
    guard let value = keys[key] else {
      let interval = try keys.size("no_rope_layer_interval", default: 4)
      return (0..<layers).map { ($0 + 1) % interval != 0 }
    }
    let flags = value.arrayValue?.prefix(layers) ?? []
    guard flags.count == layers, flags.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw keys.malformed(key, "a list of at least \(layers) numbers, 0 or 1")
    }
    return flags.map { $0 == 1 }
  }

  /// Without `layer_types`, the layers that do not turn have the window.
  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    let window = try LayerTypes.usedWindow(keys, default: nil)
    if let windows = try LayerTypes.windows(keys, layers: layers, used: window) { return windows }
    return try turns(keys, layers: layers).map { $0 ? nil : window }
  }

  func ropes(
    _ keys: ConfigurationKeys, layers: inout [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> [RotaryEmbedding] {
    for (index, turns) in try turns(keys, layers: layers.count).enumerated() where !turns {
      layers[index].rope = nil
    }
    return [
      try RotaryEmbedding.read(
        keys, layers: layers, maxPositions: maxPositions, standardTheta: defaults.ropeTheta)
    ]
  }

  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    keys["no_rope_layers"] = .array(configuration.layers.map { .integer($0.rope == nil ? 0 : 1) })
    keys["use_sliding_window"] = .bool(configuration.layers.contains { $0.slidingWindow != nil })
    keys["sliding_window"] = LayerTypes.window(of: configuration.layers)
    keys["layer_types"] = LayerTypes.json(of: configuration.layers)
  }

  /// In llama.cpp each fourth layer does not turn, and none has a window.
  func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys) throws(CheckpointError)
  {
    for index in configuration.layers.indices {
      configuration.layers[index].slidingWindow = nil
      if (index + 1) % 4 == 0 { configuration.layers[index].rope = nil }
    }
  }
}
