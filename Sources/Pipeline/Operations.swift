import Checkpoints
import JSON
import RunRecords

/// The program's name and version.
public enum Tool {
  public static let name = "adapt-pruner"
  public static let version = "0.1.0"
}

/// What the command line does with models.
///
/// The caller has already resolved the manifest, found the plugins and checked the folders. Every operation throws errors
/// that describe themselves in a sentence for the user. It throws `Interrupted` after `cancellation` is set.
public enum Operations {}

/// The outcome of a finished run.
public struct RunSummary: Sendable, Equatable {
  /// The size of the model at one point.
  public struct Size: Sendable, Equatable {
    public let parameters: Int
    /// Multiply-accumulates a token.
    public let macs: Int
    /// nil if the model was not saved.
    public let weights: WeightsOnDisk?

    package init(parameters: Int, macs: Int, weights: WeightsOnDisk? = nil) {
      self.parameters = parameters
      self.macs = macs
      self.weights = weights
    }
  }

  /// The run's folder, an absolute path.
  public let folder: String
  public let original: Size
  public let final: Size
  public let evaluations: [EvaluationRecord]
  package let savedModels: [SavedModelRecord]
  public let seconds: Double
  public let peakMemoryBytes: Int

  package init(
    folder: String, original: Size, final: Size, evaluations: [EvaluationRecord],
    savedModels: [SavedModelRecord],
    seconds: Double, peakMemoryBytes: Int
  ) {
    self.folder = folder
    self.original = original
    self.final = final
    self.evaluations = evaluations
    self.savedModels = savedModels
    self.seconds = seconds
    self.peakMemoryBytes = peakMemoryBytes
  }

  /// The absolute path of a saved model.
  package func path(of model: SavedModelRecord) -> String { folder + "/" + (model.directory ?? "") }
}

/// A model as its files describe it.
public struct ModelReport: Sendable {
  let path: String
  /// `Hugging Face folder` or `GGUF`.
  let format: String
  let configuration: ModelConfiguration
  /// The bytes of each element type of the weights, largest first.
  let storage: [(type: String, bytes: Int)]
  /// A tied embedding counts once.
  let parameters: Int
  /// Multiply-accumulates a token.
  let macs: Int

  package init(
    path: String, format: String, configuration: ModelConfiguration, storage: [(type: String, bytes: Int)],
    parameters: Int, macs: Int
  ) {
    self.path = path
    self.format = format
    self.configuration = configuration
    self.storage = storage
    self.parameters = parameters
    self.macs = macs
  }

  var layers: [LayerSizes] { configuration.layers.indices.map(configuration.sizes) }

  public var json: JSONValue {
    var object: JSONObject = [
      "path": .string(path), "format": .string(format),
      "architecture": .string(configuration.architecture.rawValue),
      "hidden_size": .integer(configuration.hiddenSize),
      "vocabulary_size": .integer(configuration.vocabularySize),
      "tie_word_embeddings": .bool(configuration.tiedEmbeddings), "parameters": .integer(parameters),
      "macs_per_token": .integer(macs),
      "storage": .object(JSONObject(storage.map { ($0.type, .integer($0.bytes)) })),
      "layers": .array(layers.map(Self.json)),
    ]
    object["head_width"] = configuration.residualWidths.map { .integer($0.head) }
    return .object(object)
  }

  private static func json(of layer: LayerSizes) -> JSONValue {
    var object: JSONObject = [
      "query_heads": .integer(layer.queryHeads), "key_value_heads": .integer(layer.keyValueHeads),
      "head_dimension": .integer(layer.headDimension), "mlp_channels": .integer(layer.intermediate),
      "parameters": .integer(layer.parameters),
    ]
    object["stream_widths"] = layer.sliced.map { [.integer($0.input), .integer($0.middle)] }
    return .object(object)
  }
}
