import Foundation
import OrderedCollections

/// The tensors of a Hugging Face folder under the names of parameters, by the rules of transformers' `from_pretrained`
/// (core_model_loading.py, modeling_utils.py of transformers 5).
struct FolderTensors {
  /// By the parameters' names.
  private(set) var tensors: OrderedDictionary<String, StoredTensor>

  private static let embedding = "model.embed_tokens.weight"
  private static let head = "lm_head.weight"

  /// - Parameter configuration: `tiedEmbeddings` is set by the files.
  /// - Throws: `.undeclaredTensor` for an adapter's or a quantised layer's tensors, `.malformed` if two tensors are the
  ///   same parameter.
  init(
    _ folder: HuggingFaceFolder, configuration: inout ModelConfiguration
  ) throws(CheckpointError) {
    var parameters = Set(configuration.parameters.keys)
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

  /// Whether older programs wrote the tensor beside the parameters, and it changes nothing:
  /// - rotary frequencies, cosines and sines: transformers takes them from the configuration
  ///   (`_keys_to_ignore_on_load_unexpected`);
  /// - `masked_bias`: the constant in a causal mask.
  private static func isReadPast(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    guard let last = parts.last else { return false }
    if last == "masked_bias" { return true }
    return parts.dropLast().last == "rotary_emb" && ["inv_freq", "cos_cached", "sin_cached"].contains(last)
  }

  /// The parameter of a tensor's name, which may lack the prefix `model.` or have one too many.
  private static func parameter(_ name: String, among parameters: Set<String>) -> String {
    let prefix = "model."
    let short = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    return [short, prefix + name].first(where: parameters.contains) ?? name
  }

  /// Ties embedding and head if one of them is absent, or if both have the same values. A head with other values stays,
  /// whatever `tie_word_embeddings` says (`tie_weights` of modeling_utils.py).
  ///
  /// - Returns: whether they are tied.
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
    func values(of tensor: StoredTensor, _ row: Int) throws(CheckpointError) -> [Float] {
      var values = [Float](repeating: 0, count: columns)
      try values.withUnsafeMutableBufferPointer { (buffer) throws(CheckpointError) in
        try tensor.dequantize(rows: .range(row..<row + 1), into: buffer)
      }
      return values
    }
    for row in 0..<rows where try values(of: self, row) != values(of: other, row) { return false }
    return true
  }
}
