import Files

/// Why TensorBoard's files can't be written.
public enum EventFileError: Error, Sendable, Equatable, CustomStringConvertible {
  case file(FileError)
  /// A time that can't be in a file's name. TensorBoard sorts a run's files by their names.
  case wallTime(Double)
  /// TensorBoard has no chart without a name.
  case emptyTag(step: Int64)

  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .wallTime(let seconds):
      "can't name an event file by the time \(seconds): expected seconds since 1970, before 2286"
    case .emptyTag(let step): "a value of step \(step) has no tag: expected a name, as train/loss"
    }
  }
}
