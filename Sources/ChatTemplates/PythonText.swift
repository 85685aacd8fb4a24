/// Python's operations on texts. Python counts code points, Swift counts characters as a reader sees them: lengths,
/// places, equality and blanks differ.
enum PythonText {
  /// `str.isspace`: Unicode's white space, and four separators of ASCII.
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || ("\u{1C}"..."\u{1F}").contains(scalar)
  }

  /// Not Swift's equality, for which "é" in one code point is "é" in two.
  static func areEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
  }

  /// By code points, whose order UTF-8 keeps.
  static func isLess(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }

  static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    String(String.UnicodeScalarView(scalars))
  }

  static func count(_ text: String) -> Int { text.unicodeScalars.count }

  // MARK: Blanks

  enum Side { case left, right, both }

  /// `strip`, `lstrip` and `rstrip`: blanks, or any of `characters`.
  static func strip(_ text: String, _ side: Side, _ characters: String? = nil) -> String {
    let set = characters.map { Set($0.unicodeScalars) }
    func goes(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? isSpace(scalar) }
    var rest = Substring(text).unicodeScalars
    if side != .right { while let first = rest.first, goes(first) { rest.removeFirst() } }
    if side != .left { while let last = rest.last, goes(last) { rest.removeLast() } }
    return String(rest)
  }

  // MARK: Looking for a part

  /// Offsets in UTF-8 where `part` starts in `text`, without overlaps, at most `limit`. A part of no bytes is
  /// before every code point and at the end, as in Python's `replace`.
  static func places(of part: [UInt8], in text: [UInt8], limit: Int = .max) -> [Int] {
    var found: [Int] = []
    guard let first = part.first else {
      // Every byte that starts a code point.
      for (index, byte) in text.enumerated() where byte & 0xC0 != 0x80 {
        if found.count == limit { return found }
        found.append(index)
      }
      if found.count < limit { found.append(text.count) }
      return found
    }
    var index = 0
    while index + part.count <= text.count, found.count < limit {
      if text[index] == first, text[index..<index + part.count].elementsEqual(part) {
        found.append(index)
        index += part.count
      } else {
        index += 1
      }
    }
    return found
  }

  static func contains(_ text: String, _ part: String) -> Bool {
    part.isEmpty || !places(of: Array(part.utf8), in: Array(text.utf8), limit: 1).isEmpty
  }

  static func hasPrefix(_ text: String, _ prefix: String) -> Bool { text.utf8.starts(with: prefix.utf8) }

  static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
    text.utf8.count >= suffix.utf8.count && text.utf8.reversed().starts(with: suffix.utf8.reversed())
  }

  /// What is cut between code points is UTF-8.
  private static func text(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: Array(bytes), as: UTF8.self)
  }

  static func replace(_ text: String, _ old: String, by new: String, limit: Int = .max) -> String {
    let bytes = Array(text.utf8)
    let part = Array(old.utf8)
    var result: [UInt8] = []
    var start = 0
    for place in places(of: part, in: bytes, limit: limit) {
      result += bytes[start..<place]
      result += new.utf8
      start = place + part.count
    }
    return Self.text(result + bytes[start...])
  }

  /// `split(separator, limit)` or `rsplit(separator, limit)`. The separator is not empty.
  static func split(_ text: String, by separator: String, limit: Int, fromRight: Bool = false) -> [String] {
    if fromRight {
      func reversed(_ text: String) -> String { string(text.unicodeScalars.reversed()) }
      return split(reversed(text), by: reversed(separator), limit: limit).reversed().map(reversed)
    }
    let bytes = Array(text.utf8)
    let part = Array(separator.utf8)
    var pieces: [String] = []
    var start = 0
    for place in places(of: part, in: bytes, limit: limit) {
      pieces.append(Self.text(bytes[start..<place]))
      start = place + part.count
    }
    return pieces + [Self.text(bytes[start...])]
  }

  /// `split()`: at runs of blanks, without empty pieces. The rest after `limit` cuts keeps its inner blanks.
  static func splitAtBlanks(_ text: String, limit: Int) -> [String] {
    var pieces: [String] = []
    var rest = Substring(text).unicodeScalars
    while true {
      rest = rest.drop(while: isSpace)
      if rest.isEmpty { return pieces }
      if pieces.count == limit { return pieces + [String(rest)] }
      let word = rest.prefix { !isSpace($0) }
      pieces.append(String(word))
      rest = rest[word.endIndex...]
    }
  }

  /// `splitlines()`.
  static func lines(of text: String) -> [String] {
    let ends: Set<Unicode.Scalar> = [
      "\n", "\r", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}", "\u{2029}",
    ]
    var lines: [String] = []
    var rest = Substring(text).unicodeScalars
    while !rest.isEmpty {
      let line = rest.prefix { !ends.contains($0) }
      lines.append(String(line))
      rest = rest[line.endIndex...]
      rest = rest.dropFirst(rest.starts(with: "\r\n".unicodeScalars) ? 2 : 1)
    }
    return lines
  }

  // MARK: Upper and lower case

  static func isUpper(_ text: String) -> Bool { has(\.isUppercase, text) && !has(\.isLowercase, text) }
  static func isLower(_ text: String) -> Bool { has(\.isLowercase, text) && !has(\.isUppercase, text) }

  private static func has(_ property: KeyPath<Unicode.Scalar.Properties, Bool>, _ text: String) -> Bool {
    text.unicodeScalars.contains { $0.properties[keyPath: property] }
  }

  /// `str.capitalize`
  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first else { return text }
    return first.properties.titlecaseMapping + string(text.unicodeScalars.dropFirst()).lowercased()
  }

  /// `str.title`: every row of letters.
  static func titled(_ text: String) -> String {
    var result = ""
    var inWord = false
    for scalar in text.unicodeScalars {
      result += inWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
      inWord = scalar.properties.isCased
    }
    return result
  }

  /// Jinja's filter `title`, which starts words after blanks, hyphens and opening brackets only.
  static func titledWords(_ text: String) -> String {
    var result = ""
    var atStart = true
    for scalar in text.unicodeScalars {
      result += atStart ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
      atStart = isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
    }
    return result
  }

  // MARK: As source text

  /// `repr`: in single quotes, unless there are some within and no double ones.
  static func quote(_ text: String, into result: inout String) {
    let quote: Unicode.Scalar =
      text.unicodeScalars.contains("'") && !text.unicodeScalars.contains("\"") ? "\"" : "'"
    result.unicodeScalars.append(quote)
    for scalar in text.unicodeScalars {
      switch scalar {
      case quote, "\\":
        result.unicodeScalars.append("\\")
        result.unicodeScalars.append(scalar)
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if isPrintable(scalar) {
          result.unicodeScalars.append(scalar)
        } else {
          let (letter, digits) =
            scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
          result += "\\" + letter + hexadecimal(scalar.value, digits: digits)
        }
      }
    }
    result.unicodeScalars.append(quote)
  }

  static func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }
}
