import Files
import Foundation
import JSON

/// Writes a model's folder: config.json, and the weights as model.safetensors or, above a size, as shards with an index.
///
/// All files have temporary names at first. `finish()` puts them in their places, the index last. A failure before that
/// leaves the folder as it was.
public final class ModelWriter: ModelSink {
  public let folder: String
  /// The names of the weight files, in order.
  public let files: [String]

  private let configuration: ModelConfiguration
  private let writers: [SafetensorsWriter]
  private let writerOfTensor: [String: Int]
  private let index: JSONValue?

  /// The shard size of transformers' `save_pretrained`.
  public static let standardShardBytes = 5_000_000_000

  /// Declares every parameter of `configuration`, in its `declaredType`.
  /// - Parameters:
  ///   - folder: created if needed.
  ///   - shardBytes: the most bytes of tensors in a file, unless one tensor takes more.
  /// - Throws: `.cannotWrite`, `.badWrite`.
  public init(
    folder: String, configuration: ModelConfiguration, shardBytes: Int = standardShardBytes
  ) throws(CheckpointError) {
    self.folder = folder
    self.configuration = configuration
    try writing(try Folder.make(folder))
    let declarations = configuration.parameters.map {
      TensorDeclaration(name: $0.key, shape: $0.value, type: configuration.declaredType)
    }
    let shards = try Self.shards(declarations, folder: folder, shardBytes: shardBytes)
    var files: [String] = []
    var writers: [SafetensorsWriter] = []
    var writerOfTensor: [String: Int] = [:]
    var map: [(String, JSONValue)] = []
    for (number, shard) in shards.enumerated() {
      let name =
        shards.count == 1
        ? "model.safetensors"
        : String(format: "model-%05ld-of-%05ld.safetensors", number + 1, shards.count)
      files.append(name)
      writers.append(try SafetensorsWriter(path: Self.join(folder, name), tensors: shard))
      for tensor in shard {
        writerOfTensor[tensor.name] = number
        map.append((tensor.name, .string(name)))
      }
    }
    self.files = files
    self.writers = writers
    self.writerOfTensor = writerOfTensor
    map.sort { $0.0 < $1.0 }
    let bytes = configuration.parameterCount * configuration.declaredType.bytesPerBlock
    index =
      shards.count == 1
      ? nil
      : .object([
        "metadata": .object(["total_size": .integer(bytes)]), "weight_map": .object(JSONObject(map)),
      ])
  }

  /// Appends values to a tensor, as `SafetensorsWriter.append`.
  public func append(_ values: UnsafeBufferPointer<Float>, to name: String) throws(CheckpointError) {
    guard let number = writerOfTensor[name] else {
      throw .badWrite(file: folder, tensor: name, problem: "the configuration has no such parameter")
    }
    try writers[number].append(values, to: name)
  }

  /// Puts weights, index and config.json in their places.
  public func finish() throws(CheckpointError) {
    for writer in writers { try writer.synchronize() }
    for writer in writers { try writer.commit() }
    let indexPath = Self.join(folder, "model.safetensors.index.json")
    if let index {
      try JSONFile.write(index, to: indexPath)
      // Readers prefer a single file to an index: an older one would hide the shards.
      try writing(try Folder.remove(Self.join(folder, "model.safetensors")))
    } else {
      try writing(try Folder.remove(indexPath))
    }
    try configuration.writeJSON(to: Self.join(folder, "config.json"))
  }

  private static func shards(
    _ declarations: [TensorDeclaration], folder: String, shardBytes: Int
  ) throws(CheckpointError) -> [[TensorDeclaration]] {
    var shards: [[TensorDeclaration]] = [[]]
    var filled = 0
    for tensor in declarations {
      guard let bytes = tensor.type.byteCount(shape: tensor.shape) else {
        throw .badWrite(file: folder, tensor: tensor.name, problem: "its shape \(tensor.shape) is no size")
      }
      if filled > 0, bytes > shardBytes - filled {
        shards.append([])
        filled = 0
      }
      shards[shards.count - 1].append(tensor)
      filled += bytes
    }
    return shards
  }

  private static func join(_ folder: String, _ name: String) -> String {
    (folder as NSString).appendingPathComponent(name)
  }
}
