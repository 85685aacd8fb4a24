import Foundation
import JSON
import OrderedCollections

/// The files of a model in the layout of the Hugging Face hub.
public struct HuggingFaceFolder: Sendable {
  public let path: String
  /// config.json
  public let configuration: String
  // Each of these is nil if there is no such file.
  public var tokenizer: String? { existing("tokenizer.json") }
  public var tokenizerConfiguration: String? { existing("tokenizer_config.json") }
  public var specialTokensMap: String? { existing("special_tokens_map.json") }
  public var addedTokens: String? { existing("added_tokens.json") }
  public var generationConfiguration: String? { existing("generation_config.json") }

  init(path: String) throws(CheckpointError) {
    self.path = path
    configuration = Self.join(path, "config.json")
    let isAlone = !FileManager.default.fileExists(atPath: configuration)
    // Files that peft saves. Beside a model, transformers looks for the first alone and applies the adapter.
    let names = ["adapter_config.json"] + (isAlone ? ["adapter_model.safetensors", "adapter_model.bin"] : [])
    if let adapter = names.compactMap(existing).first {
      throw .adapter(file: adapter, isAlone: isAlone)
    }
    guard !isAlone else {
      throw .missingFile(
        file: configuration, advice: "a model's folder has a config.json beside its safetensors files")
    }
  }

  private func existing(_ name: String) -> String? {
    let file = Self.join(path, name)
    return FileManager.default.fileExists(atPath: file) ? file : nil
  }

  private static func join(_ folder: String, _ name: String) -> String {
    (folder as NSString).appendingPathComponent(name)
  }

  /// Opens all tensors of model.safetensors, or of the shards that model.safetensors.index.json names. The index may lack
  /// some tensors and name others that don't exist.
  func openTensors() throws(CheckpointError) -> OrderedDictionary<String, StoredTensor> {
    if let single = existing("model.safetensors") { return try SafetensorsFile(path: single).tensors }
    guard let index = existing(Self.indexName) else {
      throw .missingFile(
        file: Self.join(path, "model.safetensors"),
        advice:
          "the folder has neither it nor model.safetensors.index.json; PyTorch's .bin files are not read")
    }
    var opened: Set<String> = []
    var tensors = OrderedDictionary<String, StoredTensor>()
    for member in try Self.weightMap(index).members {
      let (name, value) = (member.key, member.value)
      guard case .string(let shard) = value else {
        throw .malformed(
          file: index, place: "weight_map.\(name)", expected: "the name of a shard", found: value.summary)
      }
      guard !shard.isEmpty, !shard.contains("/"), !shard.contains("\0"), shard != "..", shard != "." else {
        throw .unsafeShardPath(index: index, shard: shard)
      }
      guard opened.insert(shard).inserted else { continue }
      guard let file = existing(shard) else {
        throw .missingShard(index: index, shard: shard, tensor: name)
      }
      for tensor in try SafetensorsFile(path: file).tensors.values {
        if let other = tensors.updateValue(tensor, forKey: tensor.name) {
          throw .malformed(
            file: file, place: tensor.name, expected: "each tensor in one shard",
            found: "it in \(other.file) as well")
        }
      }
    }
    return tensors
  }

  private static let indexName = "model.safetensors.index.json"

  private static func weightMap(_ index: String) throws(CheckpointError) -> JSONObject {
    let json = try JSONFile.read(index)
    guard case .object(let members) = json, case .object(let map)? = members["weight_map"] else {
      throw .malformed(file: index, place: "weight_map", expected: "an object", found: "something else")
    }
    return map
  }

  /// The shard that the index names for a tensor; nil if the weights are not in shards.
  func shardNamed(for tensor: String) -> String? {
    guard existing("model.safetensors") == nil, let index = existing(Self.indexName),
      case .string(let shard)? = (try? Self.weightMap(index))?[tensor]
    else { return nil }
    return shard
  }
}
