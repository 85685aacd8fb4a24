/// Checks a file of training data before work starts.
extension TrainingSource {
  /// Checks the whole file without tokenizing it. Text must be UTF-8, each line of JSONL an object with the fields that
  /// its format reads, and token ids the model's.
  ///
  /// - Parameter vocabularySize: token ids are below it.
  /// - Throws: `TrainingDataError` about the first fault, unless broken documents are skipped.
  public func check(vocabularySize: Int) throws(TrainingDataError) {
    guard !skipsBroken else { return }
    switch format {
    case .text: try TextEncoding.requireUTF8(path)
    case .jsonl(let field): try forEachLine { (line) throws(TrainingDataError) in _ = try line.text(field) }
    case .instruction(let format):
      try forEachLine { (line) throws(TrainingDataError) in
        _ = try line.text(format.instruction)
        _ = try line.optionalText(format.input)
        _ = try line.text(format.output)
      }
    case .chat(let format):
      try forEachLine { (line) throws(TrainingDataError) in _ = try ChatDocument(line, format) }
    case .tokens:
      let file = try TokenFile(path: path)
      for index in 0..<file.count { _ = try file.ids(at: index, vocabularySize: vocabularySize) }
    }
  }

  private func forEachLine(_ body: (JSONLine) throws(TrainingDataError) -> Void) throws(TrainingDataError) {
    let file = try TextFile(path: path, separator: [0x0A])
    for index in 0..<file.count { try body(JSONLine(file, index)) }
  }
}
