import Files
import Foundation
import JSON
import PluginRuntime
import TrainingData

/// The tokenized documents of a data source.
public struct Corpus: Sendable, Equatable {
  /// The data source's name.
  public let name: String
  /// The token ids of each document, without special tokens; none is empty.
  public let documents: [[Int32]]

  public init(name: String, documents: [[Int32]]) { (self.name, self.documents) = (name, documents) }
}

extension DataSource {
  /// Reads the file. Documents without any token are left out, such as an empty line.
  /// - Parameters:
  ///   - vocabularySize: token ids are below it.
  ///   - tokenize: gives the token ids of a text, without special tokens.
  /// - Throws: `DataError`, or an error of `tokenize`.
  public func load(vocabularySize: Int, tokenize: (String) throws -> [Int32]) throws -> Corpus {
    func known(_ text: String) throws -> [Int32] {
      let ids = try tokenize(text)
      if let stranger = ids.first(where: { $0 < 0 || Int($0) >= vocabularySize }) {
        throw DataError.beyondModel(path: path, id: Int(stranger), vocabularySize: vocabularySize)
      }
      return ids
    }
    let documents =
      switch format {
      case .text, .auto: [try known(text())]
      case .jsonl: try lines().map(known)
      case .ids: try tokenIDs(vocabularySize: vocabularySize)
      }
    let present = documents.filter { !$0.isEmpty }
    guard !present.isEmpty else { throw DataError.empty(path: path) }
    return Corpus(name: name, documents: present)
  }

  private func bytes() throws(DataError) -> [UInt8] {
    do {
      return try ReadableFile.bytesOfFileOrStream(path)
    } catch {
      let exists = FileManager.default.fileExists(atPath: path)
      throw .unreadable(path: path, reason: exists ? error.reason : "there is no such file")
    }
  }

  private func text() throws(DataError) -> String {
    let bytes = try bytes()
    if let found = bytes.withUnsafeBytes({ NotProse(path: path, bytes: $0) }) {
      throw .notProse(path: path, found)
    }
    if let byte = bytes.withUnsafeBytes(TextEncoding.firstInvalidByte) {
      throw .notUTF8(path: path, byte: byte)
    }
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = String(decoding: bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0), as: UTF8.self)
    if text.allSatisfy(\.isWhitespace) { throw .empty(path: path) }
    return text
  }

  // MARK: JSONL

  /// The text of each line that isn't blank.
  private func lines() throws(DataError) -> [String] {
    let bytes = try bytes()
    if let found = bytes.withUnsafeBytes({ NotProse(insteadOfLines: path, bytes: $0) }) {
      throw .notLines(path: path, found)
    }
    var texts: [String] = []
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
      texts.append(try text(of: Array(line), number: index + 1))
    }
    return texts
  }

  private func text(of line: [UInt8], number: Int) throws(DataError) -> String {
    func broken(_ reason: String) -> DataError { .brokenLine(path: path, line: number, reason: reason) }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: line)
    } catch {
      throw broken("column \(error.column): \(error.reason)")
    }
    guard case .object(let object) = value else {
      throw broken("this is \(value.kindName), expected an object with \"\(field)\"")
    }
    guard let member = object[field] else {
      let advice = NearestName.advice(for: field, among: object.keys, called: "fields")
      throw broken("there is no \"\(field)\"; \(advice)")
    }
    guard let text = member.stringValue else {
      throw broken("\"\(field)\" is \(member.kindName), expected a string")
    }
    return text
  }

  // MARK: Token ids

  private func broken(at place: JSONPath = .root, _ reason: String) -> DataError {
    .brokenIDs(path: path, place: place.description, reason: reason)
  }

  /// The lists of token ids in the file: bare, or as the member `ids` or `windows` of an object.
  private func tokenIDs(vocabularySize: Int) throws(DataError) -> [[Int32]] {
    let bytes = try bytes()
    let document: JSONValue
    do {
      document = try JSONValue(parsing: bytes)
    } catch {
      throw broken(error.description)
    }
    let key = ["ids", "windows"].first { document[$0] != nil }
    let value = key.flatMap { document[$0] } ?? document
    let place = key.map(JSONPath.root.key) ?? .root
    guard let lists = value.arrayValue else {
      throw broken(
        at: place,
        "this is \(value.kindName), expected lists of token ids, bare or as \"ids\" or \"windows\"")
    }
    // A file of texts whose name looks like one of ids.
    if let first = lists.first, first.objectValue != nil || first.stringValue != nil {
      throw broken(
        at: place.index(0),
        "this is \(first.kindName), expected a list of token ids; for texts, make JSON lines of the file and "
          + "say \"format\": \"jsonl\"")
    }
    return try lists.enumerated().map { (index, list) throws(DataError) in
      try tokenIDs(list, at: place.index(index), vocabularySize: vocabularySize)
    }
  }

  private func tokenIDs(
    _ list: JSONValue, at place: JSONPath, vocabularySize: Int
  ) throws(DataError) -> [Int32] {
    guard let elements = list.arrayValue else {
      throw broken(at: place, "this is \(list.kindName), expected a list of token ids")
    }
    return try elements.enumerated().map { (index, element) throws(DataError) in
      guard let id = element.integerValue else {
        throw broken(at: place.index(index), "\(element.shown), expected a token id")
      }
      guard id >= 0, id < vocabularySize, let small = Int32(exactly: id) else {
        throw .outOfVocabulary(
          path: path, place: place.index(index).description, id: id, vocabularySize: vocabularySize)
      }
      return small
    }
  }
}

extension CalibrationSample {
  /// The calibration sequences, `[sequences][length]`.
  ///
  /// From text: the documents are joined to N tokens, and sequence i starts at token i · (N / sequences). From token ids:
  /// the first lists, cut to `length`.
  public func sequences(from corpus: Corpus) throws(DataError) -> [[Int32]] {
    if data.format == .ids { return try firstSequences(of: corpus.documents) }
    let tokens = corpus.documents.reduce(0) { $0 + $1.count }
    // Sequences don't overlap.
    let stride = tokens / max(1, sequences)
    guard stride >= length else {
      throw .tooFewTokens(path: data.path, tokens: tokens, sequences: sequences, length: length)
    }
    let ids = Array(corpus.documents.joined())
    return (0..<sequences).map { Array(ids[$0 * stride..<$0 * stride + length]) }
  }

  private func firstSequences(of documents: [[Int32]]) throws(DataError) -> [[Int32]] {
    guard documents.count >= sequences else {
      throw .tooFewSequences(path: data.path, sequences: documents.count, needed: sequences)
    }
    let first = documents.prefix(sequences)
    if let index = first.firstIndex(where: { $0.count < length }) {
      throw .shortSequence(path: data.path, sequence: index, tokens: first[index].count, length: length)
    }
    return first.map { Array($0.prefix(length)) }
  }
}
