import Foundation
import OrderedCollections

/// Which tensor of a Hugging Face folder is which parameter, by the rules of transformers' `from_pretrained`
/// (core_model_loading.py, modeling_utils.py of transformers 5).
struct FolderTensors {
  /// By the parameters' names.
  private(set) var tensors: OrderedDictionary<String, StoredTensor>

  private static let embedding = "model.embed_tokens.weight"
  private static let head = "lm_head.weight"

  /// - Parameter configuration: its `tiedEmbeddings` becomes what the files have.
  /// - Throws: `.undeclaredTensor` for an adapter's or a quantised layer's tensors, `.malformed` if two tensors are the
  ///   same parameter.
  init(
    _ folder: HuggingFaceFolder, configuration: inout ModelConfiguration
  ) throws(CheckpointError) {
    var parameters = Set(configuration.parameters.keys)
    // Looked at whatever the flag says.
    parameters.insert(Self.head)
    tensors = [:]
    for (name, tensor) in try folder.openTensors() where !Self.isReadPast(name) {
      if let advice = UnknownTensor.adviceOnForm(of: name) {
        throw .undeclaredTensor(
          file: tensor.file, tensor: name, configuration: folder.configuration, advice: advice)
      }
      let parameter = Self.parameter(name, among: parameters)
      if let other = tensors.updateValue(tensor, forKey: parameter) {
        throw .malformed(
          file: tensor.file, place: "the tensors", expected: "one for \(parameter)",
          found: "\(other.name) and \(name)")
      }
    }
    if configuration.tiedEmbeddings { configuration.tiedEmbeddings = try tie() }
  }

  /// Tensors that programs of their time wrote beside the parameters, and that change nothing:
  /// - rotary frequencies, their cosines and sines, which follow from the configuration, and which transformers takes
  ///   from there (`_keys_to_ignore_on_load_unexpected`);
  /// - `masked_bias`, the constant that a causal mask was filled with.
  private static func isReadPast(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    guard let last = parts.last else { return false }
    if last == "masked_bias" { return true }
    return parts.dropLast().last == "rotary_emb" && ["inv_freq", "cos_cached", "sin_cached"].contains(last)
  }

  /// The parameter that a tensor is: the prefix `model.` may be lacking, or one too many.
  private static func parameter(_ name: String, among parameters: Set<String>) -> String {
    let prefix = "model."
    if name.hasPrefix(prefix), parameters.contains(String(name.dropFirst(prefix.count))) {
      return String(name.dropFirst(prefix.count))
    }
    return parameters.contains(prefix + name) ? prefix + name : name
  }

  /// What `tie_word_embeddings` makes of embedding and head: one matrix if one of the two is there, or both with the same
  /// values. A head with values of its own stays, whatever the flag says (`tie_weights` of modeling_utils.py).
  private mutating func tie() throws(CheckpointError) -> Bool {
    guard let head = tensors[Self.head] else { return true }
    if let embedding = tensors[Self.embedding] {
      guard try embedding.hasValues(of: head) else { return false }
    } else {
      tensors[Self.embedding] = head
    }
    tensors[Self.head] = nil
    return true
  }
}

extension StoredTensor {
  /// Whether two tensors of a folder have the same shape and values, of whatever types.
  fileprivate func hasValues(of other: StoredTensor) throws(CheckpointError) -> Bool {
    guard shape == other.shape else { return false }
    defer {
      releasePages()
      other.releasePages()
    }
    if type == other.type {
      return withBytes { ours in
        other.withBytes { theirs in
          guard let ours = ours.baseAddress, let theirs = theirs.baseAddress else { return true }
          return memcmp(ours, theirs, byteCount) == 0
        }
      }
    }
    var (ours, theirs) = ([Float](repeating: 0, count: columns), [Float](repeating: 0, count: columns))
    for row in 0..<rows {
      try widen(row: row, into: &ours)
      try other.widen(row: row, into: &theirs)
      if ours != theirs { return false }
    }
    return true
  }

  private func widen(row: Int, into values: inout [Float]) throws(CheckpointError) {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(CheckpointError) in
      try widen(rows: .range(row..<row + 1), into: buffer)
    }
  }
}
