import JSON

/// Mistral: Llama with a window in all layers or none, and without biases (configuration_mistral.py of transformers 5).
struct Mistral: ArchitectureRules {
  let modelType = "mistral"
  let className = "MistralForCausalLM"
  /// Its GGUF files are Llama's.
  let ggufName: String? = nil
  let defaults = ArchitectureDefaults(
    vocabularySize: 32_000, intermediateSize: 14_336, keyValueHeads: 8, maxPositions: 131_072,
    beginningOfText: 1, endOfText: 2)
  let attentionBias = BiasRule.never
  let ggufFollowsLlama = true

  /// MistralConfig slides by 4096 unless the key is there and null.
  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    let none = keys.members["sliding_window"] == .null
    return [Int?](repeating: none ? nil : try keys.size("sliding_window", default: 4096), count: layers)
  }

  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    keys["sliding_window"] = LayerTypes.window(of: configuration.layers)
  }
}
