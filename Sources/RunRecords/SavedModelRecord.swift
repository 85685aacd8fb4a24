import JSON
import Wording

/// A model that a stage has saved, in the run's state and its event log.
package struct SavedModelRecord: Record, Equatable {
  /// Within the run's folder.
  package var directory: String?
  package var parameters: Int?
  /// The size of all files.
  package var bytes: Int?
  /// Older versions didn't write it.
  package var weights: WeightsOnDisk?
  /// What the source has and the saved folder lacks.
  package var leftBehind: [LeftBehind] = []

  package static let layout = Layout<SavedModelRecord>(
    SavedModelRecord(), Field("directory", \.directory, .resuming),
    Field("parameters", \.parameters, .resuming), Field("bytes", \.bytes, .resuming), Field(all: \.weights),
    Field("left_behind", \.leftBehind))
}

/// The weights of a model on the disk.
public struct WeightsOnDisk: Record, Equatable {
  public private(set) var bytes = 0
  /// The type of most values of the matrices.
  public private(set) var type = ""

  init() {}
  public init(bytes: Int, type: String) {
    self.bytes = bytes
    self.type = type
  }

  package static let layout = Layout<WeightsOnDisk>(
    WeightsOnDisk(), Field("weight_bytes", \.bytes, .everybody), Field("weight_type", \.type, .everybody))

  package var words: String { "\(HumanFormat.bytes(bytes)), \(type)" }
}

/// Something that the model's source has and the folder of a saved model lacks.
public struct LeftBehind: Record, Equatable {
  /// A file, a folder (with a slash at its end), or a key of a GGUF file's metadata.
  public private(set) var name = ""
  /// Why, if the name does not say it.
  public private(set) var reason: String?

  init() {}
  public init(_ name: String, because reason: String? = nil) {
    self.name = name
    self.reason = reason
  }

  /// `README.md (it describes the source)`.
  package var words: String { name + (reason.map { " (\($0))" } ?? "") }

  package static let layout = Layout<LeftBehind>(
    LeftBehind(), Field("name", \.name, .everybody), Field("reason", \.reason))
}
