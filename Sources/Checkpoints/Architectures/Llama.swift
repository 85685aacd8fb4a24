/// Llama, from which the other architectures say what differs (configuration_llama.py of transformers 5).
struct Llama: ArchitectureRules {
  let modelType = "llama"
  let className = "LlamaForCausalLM"
  let defaults = ArchitectureDefaults(
    vocabularySize: 32_000, intermediateSize: 11_008, maxPositions: 2048, beginningOfText: 1, endOfText: 2)
  let mlpBias = BiasRule.key("mlp_bias")
  let dividesHiddenSize = true
  let ggufFollowsLlama = true

  /// Mistral's files say “llama” as well; only the window tells them apart.
  func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys) throws(CheckpointError)
  {
    if configuration.layers.contains(where: { $0.slidingWindow != nil }) {
      configuration.architecture = .mistral
    }
  }
}
