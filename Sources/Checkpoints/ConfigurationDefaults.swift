extension ModelConfiguration.Architecture {
  /// What transformers' configuration class takes where config.json has no such key: configuration_llama.py,
  /// configuration_mistral.py, configuration_qwen2.py and configuration_qwen3.py of transformers 5.
  /// Tests compare this with the classes themselves (scripts/make-configuration-fixture.py).
  struct Defaults {
    var vocabularySize: Int
    var hiddenSize = 4096
    var intermediateSize: Int
    var layers = 32
    var queryHeads = 32
    /// nil: as many as there are query heads, which a null means in every class.
    var keyValueHeads: Int?
    /// nil: `hidden_size / num_attention_heads`.
    var headDimension: Int?
    var maxPositions: Int
    var rmsNormEpsilon = 1e-6
    var beginningOfText: Int?
    var endOfText: Int?
    /// Where the model slides at all.
    var slidingWindow = 4096
    /// Of Qwen: the first layer that slides.
    var maxWindowLayers = 28
  }

  var defaults: Defaults {
    switch self {
    case .llama:
      Defaults(
        vocabularySize: 32_000, intermediateSize: 11_008, maxPositions: 2048, beginningOfText: 1, endOfText: 2
      )
    case .mistral:
      Defaults(
        vocabularySize: 32_000, intermediateSize: 14_336, keyValueHeads: 8, maxPositions: 131_072,
        beginningOfText: 1, endOfText: 2)
    case .qwen2:
      Defaults(
        vocabularySize: 151_936, intermediateSize: 22_016, keyValueHeads: 32, maxPositions: 32_768)
    case .qwen3:
      Defaults(
        vocabularySize: 151_936, intermediateSize: 22_016, keyValueHeads: 32, headDimension: 128,
        maxPositions: 32_768)
    }
  }
}
