import Checkpoints
import Foundation
import JSON
import PluginRuntime

/// What the command line does with models. Before it asks, it has checked everything that can be checked
/// without the model: manifests are resolved, plugins found, folders usable.
///
/// Each operation throws errors whose description is a sentence for the user, and `Interrupted` once
/// `cancellation` says so.
public enum Operations {}

// MARK: run

public struct RunRequest: Sendable {
  public let manifest: Manifest
  /// Where the manifest's plugins are.
  public let registry: PluginRegistry
  /// A Hugging Face folder or a GGUF file.
  public let modelPath: String
  /// The run folder, which is missing or empty.
  public let outputPath: String
  public let threads: Int
  /// Of the models that the run keeps while it is under way, so that a test sees several shards.
  package var shardBytes = ModelWriter.standardShardBytes
  /// What other runs on the same model have done, in a comparison.
  var shared: SharedWork?

  public init(
    manifest: Manifest, registry: PluginRegistry, modelPath: String, outputPath: String, threads: Int
  ) {
    self.manifest = manifest
    self.registry = registry
    self.modelPath = modelPath
    self.outputPath = outputPath
    self.threads = threads
  }
}

/// What a finished run has come to.
public struct RunSummary: Sendable, Equatable {
  public struct SavedModel: Sendable, Equatable {
    /// Absolute.
    public let path: String
    public let parameters: Int
    /// Of all files in its folder.
    public let bytes: Int
    /// nil of what an older version saved.
    public let weights: StoredWeights?
    /// What the source holds and the folder lacks.
    public let leftBehind: [LeftBehind]

    public init(
      path: String, parameters: Int, bytes: Int, weights: StoredWeights? = nil, leftBehind: [LeftBehind] = []
    ) {
      self.path = path
      self.parameters = parameters
      self.bytes = bytes
      self.weights = weights
      self.leftBehind = leftBehind
    }
  }

  /// Size of the model at one point.
  public struct Size: Sendable, Equatable {
    public let parameters: Int
    /// Multiply-accumulates a token.
    public let macs: Int
    /// On the disk; nil of a model that was not saved.
    public let weights: StoredWeights?

    public init(parameters: Int, macs: Int, weights: StoredWeights? = nil) {
      self.parameters = parameters
      self.macs = macs
      self.weights = weights
    }
  }

  /// Absolute.
  public let folder: String
  public let original: Size
  public let final: Size
  public let evaluations: [EvaluationRecord]
  public let savedModels: [SavedModel]
  public let seconds: Double
  public let peakMemoryBytes: Int

  public init(
    folder: String, original: Size, final: Size, evaluations: [EvaluationRecord], savedModels: [SavedModel],
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
}

// MARK: inspect

/// A model as its files describe it.
public struct ModelReport: Sendable, Equatable {
  public struct Layer: Sendable, Equatable {
    public let queryHeads: Int
    public let keyValueHeads: Int
    public let headDimension: Int
    public let mlpChannels: Int
    public let parameters: Int
    /// Columns of the residual stream before attention and before the MLP, where they are fewer.
    public let streamWidths: [Int]

    public init(
      queryHeads: Int, keyValueHeads: Int, headDimension: Int, mlpChannels: Int, parameters: Int,
      streamWidths: [Int] = []
    ) {
      self.streamWidths = streamWidths
      self.queryHeads = queryHeads
      self.keyValueHeads = keyValueHeads
      self.headDimension = headDimension
      self.mlpChannels = mlpChannels
      self.parameters = parameters
    }
  }

  public let path: String
  /// `Hugging Face folder`, `GGUF`.
  public let format: String
  public let architecture: String
  public let hiddenSize: Int
  public let vocabularySize: Int
  public let tiesEmbeddings: Bool
  /// Element types of the weights with the bytes that each takes, largest first.
  public let storage: [(type: String, bytes: Int)]
  /// A tied embedding counts once.
  public let parameters: Int
  /// Multiply-accumulates a token.
  public let macs: Int
  public let layers: [Layer]
  /// Columns of the residual stream before the head, where it was sliced.
  public let headWidth: Int?

  public init(
    path: String, format: String, architecture: String, hiddenSize: Int, vocabularySize: Int,
    tiesEmbeddings: Bool, storage: [(type: String, bytes: Int)], parameters: Int, macs: Int, layers: [Layer],
    headWidth: Int? = nil
  ) {
    self.headWidth = headWidth
    self.path = path
    self.format = format
    self.architecture = architecture
    self.hiddenSize = hiddenSize
    self.vocabularySize = vocabularySize
    self.tiesEmbeddings = tiesEmbeddings
    self.storage = storage
    self.parameters = parameters
    self.macs = macs
    self.layers = layers
  }

  public static func == (left: ModelReport, right: ModelReport) -> Bool { left.json == right.json }

  public var json: JSONValue {
    var object: JSONObject = [
      "path": .string(path), "format": .string(format), "architecture": .string(architecture),
      "hidden_size": .integer(hiddenSize), "vocabulary_size": .integer(vocabularySize),
      "tie_word_embeddings": .bool(tiesEmbeddings), "parameters": .integer(parameters),
      "macs_per_token": .integer(macs),
      "storage": .object(JSONObject(storage.map { ($0.type, .integer($0.bytes)) })),
      "layers": .array(layers.map(\.json)),
    ]
    object["head_width"] = headWidth.map { .integer($0) }
    return .object(object)
  }
}

extension ModelReport.Layer {
  var json: JSONValue {
    var object: JSONObject = [
      "query_heads": .integer(queryHeads), "key_value_heads": .integer(keyValueHeads),
      "head_dimension": .integer(headDimension), "mlp_channels": .integer(mlpChannels),
      "parameters": .integer(parameters),
    ]
    if !streamWidths.isEmpty { object["stream_widths"] = .array(streamWidths.map { .integer($0) }) }
    return .object(object)
  }
}

// MARK: evaluate

public struct EvaluateRequest: Sendable {
  public let stage: EvaluateStage
  public let registry: PluginRegistry
  public let modelPath: String
  public let seed: Int
  public let threads: Int

  public init(stage: EvaluateStage, registry: PluginRegistry, modelPath: String, seed: Int, threads: Int) {
    self.stage = stage
    self.registry = registry
    self.modelPath = modelPath
    self.seed = seed
    self.threads = threads
  }
}
