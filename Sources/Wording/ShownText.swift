/// Makes text from a file, a plugin or a user safe to show. It can't steer a terminal, change the order of characters, or
/// be longer than a person reads.
public enum ShownText {
  /// Returns whether a character is invisible and may change the text around it. These are controls (C0, C1, DEL), line
  /// and paragraph separators, and Unicode's category Cf, which changes the direction of text or joins it.
  public static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20..<0x7F: return false
    case ..<0xA0: return true
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: return true
      default: return false
      }
    }
  }

  /// Returns a value for a sentence: at most `longest` characters, hidden ones and line breaks as `\u001b`.
  public static func value(_ text: String, longest: Int = 200) -> String {
    let scalars = text.unicodeScalars
    let kept = String(String.UnicodeScalarView(scalars.prefix(longest)))
    return escaped(kept, keeping: []) + (scalars.dropFirst(longest).isEmpty ? "" : "…")
  }

  /// Returns text on one line: hidden characters and line breaks as `\u001b`.
  public static func oneLine(_ text: String) -> String { escaped(text, keeping: []) }

  /// Returns sentences and tables for a terminal or a log. Line breaks are kept. It cuts words longer than 200 characters
  /// (paths: 1,024), and the middle of lines longer than 2,000.
  public static func lines(_ text: String) -> String {
    // Nearly all text is plain and short.
    if text.utf8.count <= longestWord, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) || $0 == 0x0A }) {
      return text
    }
    return escaped(text, keeping: ["\n"]).split(separator: "\n", omittingEmptySubsequences: false)
      .map { cut($0) }.joined(separator: "\n")
  }

  /// Returns a JSON text of the same value. Hidden characters, which only its strings have, are escaped as in JSON.
  public static func json(_ text: String) -> String { escaped(text, keeping: ["\n"]) }

  /// Returns the text of a model or a report without the characters that steer a terminal.
  public static func withoutControls(_ text: String) -> String {
    if text.unicodeScalars.allSatisfy({ !steers($0) }) { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.filter { !steers($0) }))
  }

  private static let longestWord = 200
  private static let longestPath = 1024
  private static let longestLine = 2000

  /// Returns whether a character is a control other than a line break or a tab, or changes the direction of text.
  private static func steers(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0x202A...0x202E, 0x2066...0x2069: true
    default: scalar.properties.generalCategory == .control
    }
  }

  private static func escaped(_ text: String, keeping kept: [Unicode.Scalar]) -> String {
    if text.unicodeScalars.allSatisfy({ !isHidden($0) || kept.contains($0) }) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if !isHidden(scalar) || kept.contains(scalar) {
        result.append(scalar)
      } else {
        // JSON writes two halves beyond 16 bits.
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          result.append(contentsOf: "\\u".unicodeScalars)
          result.append(contentsOf: String(repeating: "0", count: 4 - digits.count).unicodeScalars)
          result.append(contentsOf: digits.unicodeScalars)
        }
      }
    }
    return String(result)
  }

  /// Counts scalars: one visible character may have a million of them.
  private static func cut(_ line: Substring) -> String {
    var line = line.unicodeScalars
    if line.count <= longestWord { return String(line) }
    var words = String.UnicodeScalarView()
    while let start = line.first {
      let isSpace = start == " "
      let word = line.prefix { ($0 == " ") == isSpace }
      line = line.dropFirst(word.count)
      let longest = isSpace ? word.count : start == "/" ? longestPath : longestWord
      words.append(contentsOf: word.prefix(longest))
      if word.count > longest { words.append("…") }
    }
    guard words.count > longestLine else { return String(words) }
    return String(Substring(words.prefix(longestLine * 2 / 3))) + " … "
      + String(Substring(words.suffix(longestLine / 3)))
  }
}
