import JSON

/// Granite: Llama with multipliers of embeddings, scores, residual branches and logits (modeling_granite.py of
/// transformers 5, granite.cpp of llama.cpp).
struct Granite: ArchitectureRules {
  let modelType = "granite"
  let className = "GraniteForCausalLM"
  let defaults = ArchitectureDefaults(
    vocabularySize: 32_000, intermediateSize: 11_008, maxPositions: 2048, beginningOfText: 1, endOfText: 2)
  let mlpBias = BiasRule.key("mlp_bias")
  let ggufFollowsLlama = true
  let ggufKeys: Set<String> = ["attention.scale", "embedding_scale", "residual_scale", "logit_scale"]

  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign {
    var design = DecoderDesign()
    design.attentionScale = try keys.number("attention_multiplier", default: 1)
    design.embeddingScale = try keys.number("embedding_multiplier", default: 1)
    design.residualMultiplier = try keys.number("residual_multiplier", default: 1)
    design.logitScale = 1 / (try keys.number("logits_scaling", default: 1))
    return design
  }

  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    let design = configuration.design
    let head = configuration.layers.first?.headDimension ?? 1
    keys["attention_multiplier"] = .number(design.attentionScale ?? 1 / Double(head).squareRoot())
    keys["embedding_multiplier"] = .number(design.embeddingScale)
    keys["residual_multiplier"] = .number(design.residualMultiplier)
    keys["logits_scaling"] = .number(1 / design.logitScale)
  }

  /// In a GGUF file 0 stands for none.
  func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys) throws(CheckpointError)
  {
    if keys["rope.scaling.finetuned"] == .bool(false) {
      throw keys.unsupported(
        "rope.scaling.finetuned",
        "llama.cpp does not turn queries and keys of such a file, and Granite's class always does")
    }
    func number(_ key: String) throws(CheckpointError) -> Double? {
      keys[key] == nil || keys[key]?.numberValue == 0 ? nil : try keys.number(key)
    }
    configuration.design.attentionScale = try number("attention.scale")
    configuration.design.embeddingScale = try number("embedding_scale") ?? 1
    configuration.design.residualMultiplier = try number("residual_scale") ?? 1
    configuration.design.logitScale = 1 / (try number("logit_scale") ?? 1)
  }
}
