import Checkpoints
import Foundation
import Tensors
import Tokenizers
import Transformer

/// A model under work: its decoder and the tokenizer from its files.
public final class LoadedModel {
  public let path: String
  /// A stage that writes new weights replaces it.
  public private(set) var decoder: Decoder
  /// The model's original files.
  let source: Checkpoint
  /// The counts before any pruning.
  public let originalParameters: Int
  public let originalMultiplyAccumulates: Int
  private let tokenizerResult: Result<Tokenizer, any Error>

  /// Opens a Hugging Face folder or a GGUF file, and checks that all weights are finite. So any later infinite weight
  /// comes from the run itself. A missing or unreadable tokenizer is an error only when text is read.
  /// - Parameter threads: the threads of the check; nil for one per processor.
  /// - Throws: `CheckpointError`, `DecoderError`.
  public init(path: String, threads: Int? = nil) throws {
    self.path = path
    let checkpoint = try Self.checkpoint(at: path)
    source = checkpoint
    decoder = try Decoder(checkpoint)
    try checkpoint.requireFiniteWeights(workers: Workers(count: threads))
    originalParameters = decoder.parameters
    originalMultiplyAccumulates = decoder.multiplyAccumulates
    tokenizerResult = Result { try LoadedModel.tokenizer(of: checkpoint) }
  }

  /// Opens a Hugging Face folder or a GGUF file.
  /// - Throws: `CheckpointError`. `LoadedModelError.hubName` if the path is a name on the Hugging Face Hub.
  static func checkpoint(at path: String) throws -> Checkpoint {
    if !FileManager.default.fileExists(atPath: path), let name = HubName(path) {
      throw LoadedModelError.hubName(given: path, name: name.text)
    }
    return try Checkpoint.open(path)
  }

  /// Continues with a model that a stage wrote.
  func replace(with decoder: Decoder) { self.decoder = decoder }

  /// Opens the unpruned model again.
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

  /// Tokenized data. Several stages and the check before work read the same text.
  private var corpora: [(source: DataSource, corpus: Corpus)] = []
  /// The most tokens to keep in memory.
  private static let mostKeptTokens = 16 << 20

  /// Returns data as token ids of this model.
  /// - Throws: `DataError`, `DecoderError.tokenOutOfRange`, and what the tokenizer throws.
  func corpus(of source: DataSource) throws -> Corpus {
    if let known = corpora.first(where: { $0.source == source }) { return known.corpus }
    let corpus = try source.load(vocabularySize: decoder.vocabulary) { try tokenizer().encode($0) }
    // A tokenizer may know more tokens than its model.
    let last = corpus.documents.lazy.compactMap { $0.max() }.max() ?? 0
    guard Int(last) < decoder.vocabulary else {
      throw DecoderError.tokenOutOfRange(token: Int(last), vocabulary: decoder.vocabulary)
    }
    let kept = (corpora.map(\.corpus) + [corpus]).reduce(0) { $0 + $1.documents.reduce(0) { $0 + $1.count } }
    if kept <= Self.mostKeptTokens { corpora.append((source, corpus)) }
    return corpus
  }

  /// The paths of the model's files, for the run's record.
  public var files: [String] {
    switch source.format {
    case .gguf: return [path]
    case .huggingFace(let folder): return Self.files(in: folder.path).map { folder.path + "/" + $0 }
    }
  }

  /// Returns the sorted names of the files that are read from a Hugging Face folder: shards, index, configurations.
  static func files(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
      .filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".json") }
  }
}

public enum LoadedModelError: Error, Equatable, CustomStringConvertible {
  case noTokenizer(model: String)
  case hubName(given: String, name: String)
  case sliced(model: String, stage: String)

  public var description: String {
    switch self {
    case .hubName(let given, let name):
      "there is no file or folder \(given), which looks like the name of a model on the Hugging Face Hub. Nothing is "
        + "downloaded here: fetch it with \"hf download \(name) --local-dir FOLDER\", and give FOLDER"
    case .noTokenizer(let model):
      "\(model) has no tokenizer (tokenizer.json, or tokenizer.ggml.* in a GGUF file), so text can't be read for it; "
        + "give token ids instead (\"format\": \"ids\")"
    case .sliced(let model, let stage):
      "stage \(stage): the residual stream of \(model) was sliced, and of such a model only running and measuring it is "
        + "built; start from the model before"
    }
  }
}

/// A model's name on the Hugging Face Hub, `organisation/model`. An address there is also understood.
struct HubName {
  let text: String

  init?(_ given: String) {
    var rest = given[...]
    for prefix in ["https://", "http://", "hf://", "huggingface.co/", "hf.co/"] where rest.hasPrefix(prefix) {
      rest = rest.dropFirst(prefix.count)
    }
    let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
    let isAddress = rest.count < given.count
    guard parts.count == 2 || (isAddress && parts.count > 2),
      !given.lowercased().hasSuffix(".gguf") || isAddress
    else { return nil }
    // The rule of huggingface_hub's validate_repo_id.
    let isName = parts.prefix(2).allSatisfy { part in
      !part.isEmpty && part.count <= 96 && part.first != "." && part.first != "-"
        && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
    guard isName else { return nil }
    text = parts.prefix(2).joined(separator: "/")
  }
}

extension GGUFVocabulary {
  /// Returns nil if the file has no vocabulary.
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
