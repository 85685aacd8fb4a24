import Files
import JSON

/// The JSON files beside the weights: Python's, so that an infinite number may stand in them.
enum JSONFile {
  static func read(_ path: String) throws(CheckpointError) -> JSONValue {
    let file = try reading(try MappedFile(path))
    do {
      return try JSONValue(parsing: file.bytes, .python)
    } catch {
      throw .notJSON(file: path, place: "the file", problem: "\(error)")
    }
  }

  /// Writes the whole file or nothing.
  static func write(_ json: JSONValue, to path: String) throws(CheckpointError) {
    try writing(try AtomicFile.write(json.text(.pretty, .python) + "\n", to: path))
  }
}
