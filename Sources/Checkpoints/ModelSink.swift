/// Takes a model's parameters one after another and makes files of them. A file format is one sink; `ModelWriter` is that of
/// Hugging Face's folders.
public protocol ModelSink: AnyObject {
  /// Appends values to a parameter. Parameters come in any order, under Hugging Face's names; of each the values come in
  /// row-major order, in pieces of any length.
  func append(_ values: UnsafeBufferPointer<Float>, to name: String) throws(CheckpointError)
  /// Puts the files in their places: all parameters are there. What is not finished leaves nothing.
  func finish() throws(CheckpointError)
}
