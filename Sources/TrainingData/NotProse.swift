import Foundation
import JSON

/// A file that was given as text and is something else, such as JSON or a table. A model would learn its brackets and
/// commas.
public struct NotProse: Sendable, Equatable {
  /// "a JSON array": for a sentence.
  public let kind: String
  private let remedy: Remedy

  /// The text's use. Training and measuring read different formats.
  public enum Use: Sendable { case training, measuring }

  private enum Remedy: Sendable, Equatable {
    /// The file has objects, one a line, or the command puts them so.
    case lines(Content, command: String?)
    case ids
    case sentence(String)
  }

  /// What the objects of a JSON file hold.
  private enum Content: Sendable, Equatable {
    case conversations, instructions
    case text(field: String)
    case unknown
  }

  /// nil for prose, and for what might be some.
  public init?(path: String, bytes: UnsafeRawBufferPointer) {
    let name = (path as NSString).pathExtension.lowercased()
    let found =
      Self.magic(bytes) ?? Self.markup(bytes) ?? Self.json(path, name, bytes)
      ?? Self.table(path, name, bytes) ?? Self.numbers(bytes)
    guard let found else { return nil }
    self = found
  }

  /// A file that was given as JSON lines and is something else; nil for JSON lines.
  ///
  /// Without this, an array of objects over many lines would be reported as a broken first line.
  public init?(insteadOfLines path: String, bytes: UnsafeRawBufferPointer) {
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let isArray = bytes.dropFirst(start).lazy.filter { $0 > 0x20 }.prefix(2).elementsEqual("[{".utf8)
    let array = isArray ? Self.json(path, "", bytes) : nil
    guard let found = Self.magic(bytes) ?? (array?.isArrayOfObjects == true ? array : nil) else { return nil }
    self = found
  }

  private var isArrayOfObjects: Bool { if case .lines(_, .some) = remedy { true } else { false } }

  private init(_ kind: String, _ remedy: Remedy) {
    self.kind = kind
    self.remedy = remedy
  }

  /// What to do, as the end of a sentence.
  public func advice(for use: Use) -> String {
    switch remedy {
    case .sentence(let sentence): return sentence
    case .ids:
      return use == .training
        ? "token ids are trained on from a safetensors file, with \"format\": \"tokens\""
        : "say \"format\": \"ids\", with one JSON list of lists of ids in the file"
    case .lines(let content, let command):
      var advice = command.map { "make JSON lines of it (\($0)) and " } ?? ""
      switch (content, use) {
      case (.conversations, .training): advice += "say \"format\": \"chat\""
      case (.instructions, .training): advice += "say \"format\": \"instruction\""
      case (.text("text"), _): advice += "say \"format\": \"jsonl\""
      case (.text(let field), _): advice += "say \"format\": \"jsonl\" and \"field\": \"\(field)\""
      default: advice += "say \"format\": \"jsonl\" and, with \"field\", which member is the text"
      }
      return advice
    }
  }

  // MARK: Binary

  /// The first bytes of files that are not text.
  private static let beginnings: [(bytes: [UInt8], kind: String, remedy: String)] = [
    (
      Array("PAR1".utf8), "a Parquet file",
      "make JSON lines of it with Python (pandas.read_parquet(…).to_json(…, orient='records', lines=True)) and say "
        + "\"format\": \"jsonl\""
    ),
    (Array("ARROW1".utf8), "an Arrow file", "make JSON lines of it and say \"format\": \"jsonl\""),
    ([0x1F, 0x8B], "compressed with gzip", "unpack it with gunzip"),
    ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", "unpack it with unzstd"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "compressed with xz", "unpack it with unxz"),
    (Array("BZh".utf8), "compressed with bzip2", "unpack it with bunzip2"),
    (
      [0x50, 0x4B, 3, 4], "a zip archive, or a document in one",
      "unpack it, or save the document as plain text"
    ),
    (Array("%PDF-".utf8), "a PDF", "take the text out of it, with pdftotext for instance"),
    (Array("GGUF".utf8), "a GGUF model", "name a file of text"),
    ([0x93] + Array("NUMPY".utf8), "a NumPy array", "token ids are read from safetensors or JSON"),
    (
      Array("SQLite format 3".utf8), "an SQLite database",
      "make JSON lines of it and say \"format\": \"jsonl\""
    ),
    ([0xFF, 0xFE], "UTF-16 text", "make UTF-8 of it, with iconv -f utf-16 -t utf-8"),
    ([0xFE, 0xFF], "UTF-16 text", "make UTF-8 of it, with iconv -f utf-16 -t utf-8"),
  ]

  private static func magic(_ bytes: UnsafeRawBufferPointer) -> NotProse? {
    if let found = beginnings.first(where: { bytes.starts(with: $0.bytes) }) {
      return NotProse(found.kind, .sentence(found.remedy))
    }
    // The length of a header in JSON, and the header.
    if bytes.count > 10, bytes[8] == UInt8(ascii: "{"), bytes[5...7].allSatisfy({ $0 == 0 }) {
      return NotProse(
        "a safetensors file", .sentence("token ids in one are read with \"format\": \"tokens\""))
    }
    return nil
  }

  private static func markup(_ bytes: UnsafeRawBufferPointer) -> NotProse? {
    let start = String(decoding: bytes.prefix(512), as: UTF8.self).drop {
      $0.isWhitespace || $0 == "\u{FEFF}"
    }
    .lowercased()
    for (beginning, kind) in [("<?xml", "XML"), ("<!doctype html", "HTML"), ("<html", "HTML")]
    where start.hasPrefix(beginning) {
      return NotProse(kind, .sentence("take the text out of it first"))
    }
    return nil
  }

  // MARK: JSON

  /// Of a larger file only the beginning is parsed.
  private static let parsed = 64 << 20

  private static func json(_ path: String, _ name: String, _ bytes: UnsafeRawBufferPointer) -> NotProse? {
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    guard let first = bytes.dropFirst(start).firstIndex(where: { $0 > 0x20 }) else { return nil }
    guard bytes[first] == UInt8(ascii: "{") || bytes[first] == UInt8(ascii: "[") else {
      return name == "json"
        ? NotProse("named .json, but is none", .sentence("name it .txt if it is text")) : nil
    }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[first...])
    let lines = lines(rest, atMost: 2)
    let values = lines.compactMap { try? JSONValue(parsing: Array($0), .python) }
    if lines.count == 2, values.count == 2 {
      if isIDs(values[0]) { return NotProse("lists of numbers", .ids) }
      return NotProse("JSON lines", .lines(content(values[0]), command: nil))
    }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: UnsafeRawBufferPointer(rebasing: rest.prefix(parsed)), .python)
    } catch {
      // A file that is cut off was JSON up to the cut.
      let isCut =
        rest.count > parsed && (error.reason.hasSuffix("the end") || error.reason.hasSuffix("does not end"))
      guard isCut || name == "json" else { return nil }
      return NotProse(isCut ? "JSON" : "named .json, and no JSON (\(error))", makeLines)
    }
    if case .array(let elements) = value {
      if isIDs(value) { return NotProse("a list of numbers", .ids) }
      let target = (path as NSString).deletingPathExtension + ".jsonl"
      let command =
        "python3 -c \"import json; [print(json.dumps(x)) for x in json.load(open('\(path)'))]\" > \(target)"
      return NotProse("a JSON array", .lines(content(elements.first ?? .null), command: command))
    }
    return NotProse("a JSON object", makeLines)
  }

  private static let makeLines = Remedy.sentence(
    "make JSON lines of it, an object a line, and say \"format\": \"jsonl\"")

  private static func isIDs(_ value: JSONValue) -> Bool {
    guard case .array(let elements) = value, let first = elements.first else { return false }
    if case .array = first { return isIDs(first) }
    return elements.allSatisfy { $0.integerValue != nil }
  }

  private static func content(_ value: JSONValue) -> Content {
    guard case .object(let object) = value else { return .unknown }
    for name in ["messages", "conversation", "conversations"] where object[name]?.arrayValue != nil {
      return .conversations
    }
    if object["instruction"] != nil, object["output"] != nil { return .instructions }
    if object["text"]?.stringValue != nil { return .text(field: "text") }
    let texts = object.members.filter { $0.value.stringValue != nil }
    return texts.count == 1 ? .text(field: texts[0].key) : .unknown
  }

  // MARK: Tables

  private static func table(_ path: String, _ name: String, _ bytes: UnsafeRawBufferPointer) -> NotProse? {
    let separators: [(UInt8, String)] = [
      (UInt8(ascii: "\t"), "tabs"), (UInt8(ascii: ","), "commas"), (UInt8(ascii: ";"), "semicolons"),
      (UInt8(ascii: "|"), "bars"),
    ]
    let named = name == "csv" ? separators[1] : name == "tsv" ? separators[0] : nil
    guard let (separator, word) = separators.first(where: { isTable(bytes, $0.0) }) ?? named else {
      return nil
    }
    let delimiter = separator == UInt8(ascii: "\t") ? "\\t" : String(UnicodeScalar(separator))
    let target = (path as NSString).deletingPathExtension + ".jsonl"
    return NotProse(
      "a table with \(word) between its columns",
      .lines(
        .unknown,
        command:
          "python3 -c \"import csv, json; [print(json.dumps(x)) for x in csv.DictReader(open('\(path)'), "
          + "delimiter='\(delimiter)')]\" > \(target)"))
  }

  /// Whether the first lines all have as many cells, at least two, under names as columns have.
  private static func isTable(_ bytes: UnsafeRawBufferPointer, _ separator: UInt8) -> Bool {
    let lines = lines(bytes, atMost: 50)
    guard lines.count >= 3, let header = lines.first.map({ cells($0, separator) }), header.count >= 2 else {
      return false
    }
    let areNames = header.allSatisfy { cell in
      guard let first = cell.first, let last = cell.last else { return false }
      // A sentence's parts begin with a blank, or end with a full stop.
      return cell.count <= 48 && first != 0x20 && !".!?".utf8.contains(last)
    }
    guard areNames else { return false }
    if separator == UInt8(ascii: "\t") {
      return lines.allSatisfy { cells($0, separator).count == header.count }
    }
    // A quoted cell may go on in the next line, so that a few lines may have fewer.
    let whole = lines.filter { cells($0, separator).count == header.count }
    return whole.count == lines.count || (lines.count >= 8 && whole.count * 10 >= lines.count * 8)
  }

  /// Of one line, separators within quotes not counted.
  private static func cells(_ line: Slice<UnsafeRawBufferPointer>, _ separator: UInt8)
    -> [Slice<UnsafeRawBufferPointer>]
  {
    var cells: [Slice<UnsafeRawBufferPointer>] = []
    var start = line.startIndex
    var isQuoted = false
    for (index, byte) in zip(line.indices, line) {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      guard byte == separator, !isQuoted else { continue }
      cells.append(line[start..<index])
      start = index + 1
    }
    return cells + [line[start...]]
  }

  /// The first lines that have something in them, without one that the cut goes through.
  private static func lines(_ bytes: UnsafeRawBufferPointer, atMost count: Int) -> [Slice<
    UnsafeRawBufferPointer
  >] {
    let window = 1 << 20
    var lines = bytes.prefix(window).split(maxSplits: 4 * count, whereSeparator: { $0 == 0x0A || $0 == 0x0D })
    if bytes.count > window || lines.count > 4 * count { lines = lines.dropLast() }
    return Array(lines.filter { line in line.contains { $0 > 0x20 } }.prefix(count))
  }

  // MARK: Numbers

  private static func numbers(_ bytes: UnsafeRawBufferPointer) -> NotProse? {
    let start = bytes.prefix(1 << 16)
    let digits = start.count { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let others = Set(" \t\r\n,;[]-.".utf8)
    guard digits >= 100, start.allSatisfy({ (0x30...0x39).contains($0) || others.contains($0) }) else {
      return nil
    }
    return NotProse("a list of numbers", .ids)
  }
}
