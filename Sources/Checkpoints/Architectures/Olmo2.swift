/// OLMo 2: norms after the sublayers alone, and norms of all queries and of all keys together
/// (modeling_olmo2.py of transformers 5, olmo2.cpp of llama.cpp).
struct Olmo2: ArchitectureRules {
  let modelType = "olmo2"
  let className = "Olmo2ForCausalLM"
  let defaults = ArchitectureDefaults(
    vocabularySize: 50_304, intermediateSize: 11_008, maxPositions: 2048, rmsNormEpsilon: 1e-5,
    endOfText: 50_279)

  private var design: DecoderDesign {
    var design = DecoderDesign(queryKeyNorm: .wholeWidth)
    design.normPlacement = .after
    return design
  }

  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign { design }

  /// OLMo 3's files have the same name, and a window.
  func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys) throws(CheckpointError)
  {
    guard configuration.layers.allSatisfy({ $0.slidingWindow == nil }) else {
      throw keys.malformed("attention.sliding_window", "none, since OLMo 2 has none")
    }
    configuration.design = design
  }
}
