/// Takes a model's parameters one after another and writes files. Each file format has a sink: `ModelWriter` is that of
/// Hugging Face's folders.
public protocol ModelSink: AnyObject {
  /// Appends values to a parameter, which has Hugging Face's name. Parameters come in any order. The values of each come
  /// in row-major order, in pieces of any length.
  func append(_ values: UnsafeBufferPointer<Float>, to name: String) throws(CheckpointError)
  /// Puts the files in their places once all parameters are complete. Without it, nothing is left.
  func finish() throws(CheckpointError)
}

extension ModelSink {
  public func append(_ values: [Float], to name: String) throws(CheckpointError) {
    try values.withUnsafeBufferPointer { buffer throws(CheckpointError) in try append(buffer, to: name) }
  }
}
