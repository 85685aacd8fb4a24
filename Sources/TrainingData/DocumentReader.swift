import JSON

/// A tokenized document: its ids, and which of them are predicted. It ends with an end token if the model has one.
struct Document: Equatable {
  var ids: [Int32]
  var isTarget: [Bool]
}

/// Reads the documents of one source on demand.
struct DocumentReader: Sendable {
  let source: TrainingSource
  let tokenizer: TrainingTokenizer
  private let content: Content

  private enum Content: Sendable {
    case text(TextFile)
    case tokens(TokenFile)
  }

  var count: Int {
    switch content {
    case .text(let file): file.count
    case .tokens(let file): file.count
    }
  }

  /// Maps the file and finds its documents.
  init(_ source: TrainingSource, _ tokenizer: TrainingTokenizer) throws(TrainingDataError) {
    self.source = source
    self.tokenizer = tokenizer
    if source.path.lowercased().hasSuffix(".parquet") { throw .parquet(path: source.path) }
    let path = source.path
    switch source.format {
    case .text(let separator):
      let found = try TextFile.map(path).withBytes { NotProse(path: path, bytes: $0) }
      if let found { throw .notProse(path: path, found) }
      if separator == "" { throw .badOption(name: "separator", reason: "it is empty") }
      content = .text(try TextFile(path: source.path, separator: separator.map { Array($0.utf8) }))
    case .tokens: content = .tokens(try TokenFile(path: source.path))
    case .jsonl, .instruction, .chat:
      let found = try TextFile.map(path).withBytes { NotProse(insteadOfLines: path, bytes: $0) }
      if let found { throw .notLines(path: path, found) }
      if case .instruction(let format) = source.format { try format.check() }
      content = .text(try TextFile(path: source.path, separator: [0x0A]))
    }
  }

  /// Returns the document, or nil if it has no tokens. `index` is below `count`.
  /// - Throws: `TrainingDataError`, or an error of the tokenizer.
  func document(at index: Int) throws -> Document? {
    switch (content, source.format) {
    case (.tokens(let file), _):
      let ids = try file.ids(at: index, vocabularySize: tokenizer.vocabularySize)
      return ended(Document(ids: ids, isTarget: ids.map { _ in true }))
    case (.text(let file), .jsonl(let field)):
      return try plain(JSONLine(file, index).text(field))
    case (.text(let file), .instruction(let format)):
      return try instruction(JSONLine(file, index), format)
    case (.text(let file), .chat(let format)):
      return ended(try ChatDocument(JSONLine(file, index), format).document(tokenize))
    case (.text(let file), _): return try plain(try file.text(at: index))
    }
  }

  private func plain(_ text: String) throws -> Document? {
    let ids = try tokenize(text)
    if ids.isEmpty { return nil }
    let all = start + ids
    return ended(Document(ids: all, isTarget: all.map { _ in true }))
  }

  private func instruction(_ line: JSONLine, _ format: InstructionFormat) throws -> Document? {
    let task = try line.text(format.instruction)
    let prompt = format.prompt(instruction: task, input: try line.optionalText(format.input) ?? "")
    // Both together, as the model will see them: a token may reach across.
    let ids = try tokenize(prompt + line.text(format.output))
    let given = format.loss == .all ? 0 : commonPrefix(try tokenizer.tokenize(prompt), ids)
    let all = start + ids
    return ended(Document(ids: all, isTarget: all.indices.map { $0 >= start.count + given }))
  }

  /// - Throws: `.beyondModel` for a token that the tokenizer has and the model lacks.
  private func tokenize(_ text: String) throws -> [Int32] {
    let ids = try tokenizer.tokenize(text)
    if let stranger = ids.first(where: { $0 < 0 || Int($0) >= tokenizer.vocabularySize }) {
      throw TrainingDataError.beyondModel(
        path: source.path, id: Int(stranger), vocabularySize: tokenizer.vocabularySize)
    }
    return ids
  }

  private var start: [Int32] { tokenizer.beginOfSequence.map { [$0] } ?? [] }

  /// Adds the end token, which is predicted if the token before it is. The first token is never predicted: nothing comes
  /// before it.
  private func ended(_ document: Document) -> Document? {
    var document = document
    guard let last = document.ids.last, let predicted = document.isTarget.last else { return nil }
    // A prompt without an answer: the answer is to end there.
    let isAnswer: Bool = if case .instruction = source.format { true } else { predicted }
    if let end = tokenizer.endOfSequence, !tokenizer.endings.contains(last) {
      document.ids.append(end)
      document.isTarget.append(isAnswer)
    }
    document.isTarget[0] = false
    return document
  }
}

/// The number of elements that two lists have in common at their beginnings.
func commonPrefix<Element: Equatable>(_ left: [Element], _ right: [Element]) -> Int {
  zip(left, right).prefix { $0 == $1 }.count
}

/// One line of a JSONL file: an object.
struct JSONLine {
  private let file: TextFile
  private let index: Int
  let object: JSONObject

  init(_ file: TextFile, _ index: Int) throws(TrainingDataError) {
    self.file = file
    self.index = index
    func broken(_ reason: String) -> TrainingDataError {
      .brokenLine(path: file.path, line: file.line(of: index), reason: reason)
    }
    let value: JSONValue
    do {
      // Python writes NaN where a number is missing.
      value = try JSONValue(parsing: file.bytes(at: index), .python)
    } catch {
      throw broken("column \(error.column): \(error.reason)")
    }
    guard case .object(let object) = value else {
      throw broken("this is \(value.kindName), expected an object")
    }
    self.object = object
  }

  func broken(_ reason: String) -> TrainingDataError {
    .brokenLine(path: file.path, line: file.line(of: index), reason: reason)
  }

  func text(_ field: String) throws(TrainingDataError) -> String {
    guard let value = object[field] else {
      throw broken("there is no \"\(field)\"; the fields here are \(object.keys.joined(separator: ", "))")
    }
    guard let text = value.stringValue else {
      throw broken("\"\(field)\" is \(value.kindName), expected a string")
    }
    return text
  }

  /// nil where the field is missing or null.
  func optionalText(_ field: String) throws(TrainingDataError) -> String? {
    switch object[field] {
    case nil, .null?: nil
    default: try text(field)
    }
  }
}
