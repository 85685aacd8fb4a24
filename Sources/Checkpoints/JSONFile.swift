import Files
import JSON

/// Reads and writes the JSON files beside the weights. Python writes them, so they may have infinite numbers.
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
