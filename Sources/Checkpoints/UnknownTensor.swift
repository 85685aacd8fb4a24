import JSON

/// Advice about a tensor that the configuration does not have. A model without it would be another model.
enum UnknownTensor {
  /// Advice by the name alone, about tensors of adapters and quantised weights; nil for other names.
  static func adviceOnForm(of name: String) -> String? {
    let parts = name.split(separator: ".").map(String.init)
    func has(_ words: Set<String>) -> Bool { parts.contains { words.contains($0) } }
    if has([
      "lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector", "base_layer",
      "modules_to_save", "original_module", "ia3_l", "vera_lambda_b", "vera_lambda_d", "prompt_encoder",
    ]) || name.hasPrefix("base_model.model.") {
      return "it belongs to an adapter that was not merged. Merge it: load the model with peft, call "
        + "merge_and_unload(), and save what that returns."
    }
    if has([
      "qweight", "qzeros", "g_idx", "weight_scale", "weight_scale_inv", "weight_packed", "weight_zero_point",
      "input_scale", "SCB", "weight_format",
    ]) || name.contains(".weight.absmax") || name.contains(".weight.quant_") {
      return "it belongs to quantised weights: take the model's unquantised checkpoint, or a GGUF file."
    }
    return nil
  }

  static func advice(on name: String, _ configuration: ModelConfiguration) -> String {
    let architecture = configuration.architecture.rawValue
    if name.hasSuffix("_shortcut_Q") {
      return "it belongs to a sliced model, whose configuration has residual_widths."
    }
    if configuration.residualWidths != nil, name.hasSuffix("norm.weight") {
      return "a sliced model's norms have no weights: they are in the matrices behind them."
    }
    if name == "lm_head.bias" {
      return "the head of \(architecture) has no bias, and without it the model would be another."
    }
    if let layer = Checkpoint.layer(of: name), layer >= configuration.layers.count {
      return "it has num_hidden_layers \(configuration.layers.count)."
    }
    if name.hasSuffix(".bias") {
      return "it would be lost; are attention_bias and mlp_bias as they should be?"
    }
    if ["score.", "v_head.", "classifier."].contains(where: name.hasPrefix) {
      return "it belongs to a model that judges texts, and a language model is expected."
    }
    return "\(architecture) has no such tensor."
  }
}
