import Foundation
import JSON
import OrderedCollections

/// The files of a model as the Hugging Face hub keeps them.
public struct HuggingFaceFolder: Sendable {
  public let path: String
  /// config.json
  public let configuration: String
  /// tokenizer.json, where there is one.
  public var tokenizer: String? { existing("tokenizer.json") }
  /// tokenizer_config.json, where there is one.
  public var tokenizerConfiguration: String? { existing("tokenizer_config.json") }
  /// special_tokens_map.json, where there is one.
  public var specialTokensMap: String? { existing("special_tokens_map.json") }
  /// added_tokens.json, where there is one.
  public var addedTokens: String? { existing("added_tokens.json") }
  /// generation_config.json, where there is one.
  public var generationConfiguration: String? { existing("generation_config.json") }

  init(path: String) throws(CheckpointError) {
    self.path = path
    configuration = Self.join(path, "config.json")
    guard FileManager.default.fileExists(atPath: configuration) else {
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

  /// The tensors of model.safetensors, or of the shards that model.safetensors.index.json names.
  func openTensors() throws(CheckpointError) -> OrderedDictionary<String, StoredTensor> {
    if let single = existing("model.safetensors") { return try SafetensorsFile(path: single).tensors }
    guard let index = existing("model.safetensors.index.json") else {
      throw .missingFile(
        file: Self.join(path, "model.safetensors"),
        advice:
          "the folder has neither it nor model.safetensors.index.json; PyTorch's .bin files are not read")
    }
    let json = try JSONFile.read(index)
    guard case .object(let members) = json, case .object(let map)? = members["weight_map"] else {
      throw .malformed(file: index, place: "weight_map", expected: "an object", found: "something else")
    }
    var shards = OrderedDictionary<String, SafetensorsFile>()
    var tensors = OrderedDictionary<String, StoredTensor>(minimumCapacity: map.count)
    for member in map.members {
      let (name, value) = (member.key, member.value)
      guard case .string(let shard) = value else {
        throw .malformed(
          file: index, place: "weight_map.\(name)", expected: "the name of a shard", found: value.summary)
      }
      guard !shard.isEmpty, !shard.contains("/"), !shard.contains("\0"), shard != "..", shard != "." else {
        throw .unsafeShardPath(index: index, shard: shard)
      }
      if shards[shard] == nil {
        guard let file = existing(shard) else {
          throw .missingShard(index: index, shard: shard, tensor: name)
        }
        shards[shard] = try SafetensorsFile(path: file)
      }
      guard let tensor = shards[shard]?.tensors[name] else {
        throw .noSuchTensor(file: Self.join(path, shard), tensor: name)
      }
      tensors[name] = tensor
    }
    return tensors
  }
}
