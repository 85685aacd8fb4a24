import PluginABI

/// Sizes of the model at hand, as it is now.
public struct ModelSummary: Equatable, Sendable {
  /// "llama", "mistral", "qwen2", "qwen3"
  public var architecture: String
  public var layerCount: Int
  public var hiddenSize: Int
  public var vocabularySize: Int
  /// Now; a tied embedding counts once.
  public var parameters: Int
  /// Before any pruning.
  public var originalParameters: Int

  public init(
    architecture: String, layerCount: Int, hiddenSize: Int, vocabularySize: Int, parameters: Int,
    originalParameters: Int
  ) {
    self.architecture = architecture
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.vocabularySize = vocabularySize
    self.parameters = parameters
    self.originalParameters = originalParameters
  }

  func inMemory(of arena: Arena) -> UnsafePointer<ap_model>? {
    arena.input(
      ap_model(
        struct_size: 0, architecture: arena.text(architecture), layer_count: Int64(layerCount),
        hidden_size: Int64(hiddenSize), vocabulary_size: Int64(vocabularySize),
        parameters: Int64(parameters), original_parameters: Int64(originalParameters)))
  }
}
