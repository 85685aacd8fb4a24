import Files
import Foundation
import JSON
import OrderedCollections

/// A model on disk: a Hugging Face folder or a GGUF file. Its tensors match its configuration. They have Hugging Face's
/// names, shapes and order of rows, whatever the file. Weights are mapped, and dequantized on demand.
public struct Checkpoint: Sendable {
  public enum Format: Sendable {
    /// A folder with config.json and safetensors files.
    case huggingFace(HuggingFaceFolder)
    /// One file with everything in it.
    case gguf(GGUFFile)
  }

  /// Where it was opened.
  public let location: String
  public let format: Format
  public let configuration: ModelConfiguration
  private let tensors: OrderedDictionary<String, StoredTensor>

  public var tensorNames: OrderedSet<String> { tensors.keys }

  /// Bytes of all tensors, as stored.
  public var totalBytes: Int { tensors.values.reduce(0) { $0 + $1.byteCount } }

  /// Opens a folder or a .gguf file and checks that weights and configuration agree.
  /// - Throws: a sentence about the first fault.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .notACheckpoint(location: path, found: "nothing at that path")
    }
    let checkpoint: Checkpoint
    if isFolder.boolValue {
      checkpoint = try Checkpoint(folder: path)
    } else if path.lowercased().hasSuffix(".gguf") {
      checkpoint = try Checkpoint(gguf: try GGUFFile(path: path))
    } else {
      throw .notACheckpoint(location: path, found: "a file that is not named .gguf")
    }
    try checkpoint.verify()
    return checkpoint
  }

  /// The tensor of that Hugging Face name.
  /// - Throws: `.noSuchTensor`.
  public func tensor(named name: String) throws(CheckpointError) -> StoredTensor {
    guard let tensor = tensors[name] else { throw .noSuchTensor(file: location, tensor: name) }
    return tensor
  }

  /// Checks the weights' files again, before results are kept.
  /// - Throws: `.changed` if one of them was written to since it was opened.
  public func requireUnchanged() throws(CheckpointError) {
    var last: MappedFile?
    for tensor in tensors.values where tensor.mapping !== last {
      last = tensor.mapping
      do { try tensor.mapping.requireUnchanged() } catch { throw .changed(error) }
    }
  }

  private init(folder path: String) throws(CheckpointError) {
    location = path
    let folder = try HuggingFaceFolder(path: path)
    var configuration = try ModelConfiguration.read(folder.configuration)
    tensors = try FolderTensors(folder, configuration: &configuration).tensors
    self.configuration = configuration
    format = .huggingFace(folder)
  }

  private init(gguf file: GGUFFile) throws(CheckpointError) {
    location = file.path
    format = .gguf(file)
    configuration = try ModelConfiguration(gguf: file)
    let rules = configuration.architecture.rules
    let parameters = configuration.parameters
    let names = GGUFNames(configuration.design)
    var tensors = OrderedDictionary<String, StoredTensor>(minimumCapacity: file.tensors.count)
    for tensor in file.tensors.values where !rules.ggufSettings.contains(tensor.name) {
      let name = names.huggingFaceName(of: tensor.name)
      guard let name, parameters[name] != nil else {
        throw .undeclaredTensor(
          file: file.path, tensor: tensor.name,
          configuration: name == nil ? "the architecture" : "its metadata",
          advice: UnknownTensor.advice(on: name ?? tensor.name, configuration))
      }
      tensors[name] = StoredTensor(
        name: name, shape: tensor.shape, type: tensor.type,
        rowOrder: configuration.ggufRowOrder(of: name),
        added: name.hasSuffix("norm.weight") ? rules.ggufNormOffset : 0, mapping: tensor.mapping,
        offset: tensor.offset, byteCount: tensor.byteCount)
    }
    self.tensors = tensors
  }

  /// Checks that the tensors are exactly the configuration's parameters, with their shapes.
  func verify() throws(CheckpointError) {
    let source =
      switch format {
      case .huggingFace(let folder): folder.configuration
      case .gguf: "its metadata"
      }
    let expected = configuration.parameters
    for (name, shape) in expected {
      guard let tensor = tensors[name] else {
        throw .missingTensor(file: location, tensor: name, expected: shape, advice: advice(onMissing: name))
      }
      guard tensor.shape == shape else {
        throw .shapeMismatch(
          file: tensor.file, tensor: name, expected: shape, found: tensor.shape,
          advice: "hidden_size \(configuration.hiddenSize), vocab_size \(configuration.vocabularySize)"
            + sizes(ofLayerWith: name) + absentSizes)
      }
      guard tensor.type.isDequantizable else {
        throw .cannotDequantize(file: tensor.file, tensor: name, type: tensor.type)
      }
    }
    for (name, tensor) in tensors where expected[name] == nil {
      throw .undeclaredTensor(
        file: tensor.file, tensor: tensor.name, configuration: source,
        advice: UnknownTensor.advice(on: name, configuration))
    }
  }

  /// The sizes of the layer that a parameter belongs to; empty for a parameter outside of layers.
  private func sizes(ofLayerWith parameter: String) -> String {
    guard let index = Self.layer(of: parameter), configuration.layers.indices.contains(index) else {
      return ""
    }
    let layer = configuration.layers[index]
    let widths = configuration.residualWidths?.layer(index)
    return (widths.map { ", a residual stream of \($0.input), \($0.middle) and \($0.output)" } ?? "")
      + ", layer \(index) of \(layer.queryHeads) query heads, \(layer.keyValueHeads) key-value heads of "
      + "\(layer.headDimension), and \(layer.intermediateSize) channels"
  }

  private func advice(onMissing name: String) -> String {
    if case .huggingFace(let folder) = format, let shard = folder.shardNamed(for: name) {
      return "model.safetensors.index.json says that it is in \(shard), which has no such tensor."
    }
    if name == "lm_head.weight" { return "is tie_word_embeddings true for this model?" }
    if name.hasSuffix(".bias") { return "the configuration declares a bias." }
    if name.hasSuffix("_shortcut_Q") {
      return "the configuration says residual_widths, and a sliced model has shortcut matrices."
    }
    return ""
  }

  /// Names the sizes that config.json leaves out, and that come from transformers' class.
  private var absentSizes: String {
    guard case .huggingFace(let folder) = format,
      case .object(let keys)? = try? JSONFile.read(folder.configuration)
    else { return "" }
    let absent = [
      "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
      "intermediate_size", "head_dim",
    ].filter { keys[$0] == nil }
    return absent.isEmpty
      ? "" : "; as transformers has it where the key is absent: " + absent.joined(separator: ", ")
  }

  /// 3 for `model.layers.3.mlp.up_proj.weight`.
  static func layer(of name: String) -> Int? {
    let parts = name.split(separator: ".")
    return parts.count > 2 && parts[1] == "layers" ? Int(parts[2]) : nil
  }
}

extension ModelConfiguration {
  /// The order of a tensor's rows in a GGUF file. Only the `llama` converter permutes.
  fileprivate func ggufRowOrder(of name: String) -> RowOrder {
    guard architecture.rules.ggufFollowsLlama,
      let layer = layers.first,
      sizes(0).specs.contains(where: {
        ($0.role == .query || $0.role == .key) && name.hasSuffix("." + $0.name)
      })
    else { return .stored }
    return .interleavedHalves(headDimension: layer.headDimension)
  }
}
