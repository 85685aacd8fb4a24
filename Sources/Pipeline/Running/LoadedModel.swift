import Checkpoints
import Foundation
import Tensors
import Tokenizers
import Transformer

/// A model as a run works on it: the decoder, and the tokenizer that came with it.
public final class LoadedModel {
  public let path: String
  /// Another one after training has written new weights.
  public private(set) var decoder: Decoder
  /// The model's files as they were given.
  let source: Checkpoint
  /// Before any pruning.
  public let originalParameters: Int
  public let originalMultiplyAccumulates: Int
  private let tokenizerResult: Result<Tokenizer, any Error>

  /// Opens a Hugging Face folder or a GGUF file, and looks whether all weights are finite: what isn't later on, the run
  /// itself has made. A missing or unreadable tokenizer is no error until text is to be read.
  /// - Parameter threads: that look at the weights; nil: as many as there are processors.
  /// - Throws: `CheckpointError`, `DecoderError`.
  public init(path: String, threads: Int? = nil) throws {
    self.path = path
    let checkpoint = try Checkpoint.open(path)
    source = checkpoint
    decoder = try Decoder(checkpoint)
    try checkpoint.requireFiniteWeights(workers: Workers(count: threads))
    originalParameters = decoder.parameters
    originalMultiplyAccumulates = decoder.multiplyAccumulates
    tokenizerResult = Result { try LoadedModel.tokenizer(of: checkpoint) }
  }

  /// Goes on with a model that a stage wrote.
  func replace(with decoder: Decoder) { self.decoder = decoder }

  /// The model as it was given, unpruned.
  func dense() throws -> Decoder { try Decoder(source) }

  /// - Throws: `LoadedModelError.noTokenizer`, `TokenizerError`.
  public func tokenizer() throws -> Tokenizer { try tokenizerResult.get() }

  private static func tokenizer(of checkpoint: Checkpoint) throws -> Tokenizer {
    switch checkpoint.format {
    case .huggingFace(let folder):
      guard let json = folder.tokenizer else {
        throw LoadedModelError.noTokenizer(model: checkpoint.location)
      }
      return try Tokenizer(
        huggingFaceJSON: URL(fileURLWithPath: json),
        config: folder.tokenizerConfiguration.map { URL(fileURLWithPath: $0) },
        specialTokensMap: folder.specialTokensMap.map { URL(fileURLWithPath: $0) },
        addedTokens: folder.addedTokens.map { URL(fileURLWithPath: $0) })
    case .gguf(let file):
      guard var vocabulary = GGUFVocabulary(metadata: file) else {
        throw LoadedModelError.noTokenizer(model: checkpoint.location)
      }
      vocabulary.file = file.path
      return try Tokenizer(gguf: vocabulary)
    }
  }

  /// The files that make up the model, for the run's record.
  public var files: [String] {
    switch source.format {
    case .gguf: return [path]
    case .huggingFace(let folder): return Self.files(in: folder.path).map { folder.path + "/" + $0 }
    }
  }

  /// The names of all that is read of a Hugging Face folder, in order: shards, their index, configurations.
  static func files(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
      .filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".json") }
  }

  public var summary: String {
    "\(decoder.configuration.architecture.rawValue), \(decoder.layerCount) layers, hidden \(decoder.hidden), "
      + "vocabulary \(decoder.vocabulary)"
  }
}

public enum LoadedModelError: Error, Equatable, CustomStringConvertible {
  case noTokenizer(model: String)
  case sliced(model: String, stage: String)

  public var description: String {
    switch self {
    case .noTokenizer(let model):
      "\(model) has no tokenizer (tokenizer.json, or tokenizer.ggml.* in a GGUF file), so text can't be read for it; "
        + "give token ids instead (\"format\": \"ids\")"
    case .sliced(let model, let stage):
      "stage \(stage): the residual stream of \(model) was sliced, and of such a model only running and measuring it is "
        + "built; start from the model before"
    }
  }
}

extension GGUFVocabulary {
  /// nil if the file has no vocabulary.
  init?(metadata file: GGUFFile) {
    func value(_ key: String) -> GGUFValue? { file.metadata["tokenizer.ggml.\(key)"] }
    guard case .strings(let tokens)? = value("tokens"), case .string(let model)? = value("model") else {
      return nil
    }
    func integer(_ key: String) -> Int? { if case .integer(let id)? = value(key) { id } else { nil } }
    func bool(_ key: String) -> Bool? { if case .bool(let flag)? = value(key) { flag } else { nil } }
    self.init(model: model, tokens: tokens)
    if case .string(let pre)? = value("pre") { self.pre = pre }
    if case .reals(let scores)? = value("scores") { self.scores = scores.map { Float($0) } }
    if case .integers(let types)? = value("token_type") { tokenTypes = types.map { Int32(clamping: $0) } }
    if case .strings(let merges)? = value("merges") { self.merges = merges }
    bosID = integer("bos_token_id")
    eosID = integer("eos_token_id")
    unknownID = integer("unknown_token_id")
    paddingID = integer("padding_token_id")
    addBOS = bool("add_bos_token")
    addEOS = bool("add_eos_token")
    addSpacePrefix = bool("add_space_prefix")
  }
}
