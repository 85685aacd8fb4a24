/// Text that comes from a file, a plugin or a user, as people may see it. It can neither steer a terminal nor stand
/// in another order than it has, and it is never longer than one reads.
public enum ShownText {
  /// Whether a character can do something to the text around it instead of being seen. These are controls (C0, C1,
  /// DEL), line and paragraph separators, and Unicode's category Cf, which changes the direction of text or joins it
  /// unseen.
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

  /// One value within a sentence: hidden characters and line breaks as `\u001b`, at most `longest` characters.
  public static func value(_ text: String, longest: Int = 200) -> String {
    let scalars = text.unicodeScalars
    let kept = String(String.UnicodeScalarView(scalars.prefix(longest)))
    return escaped(kept, keeping: []) + (scalars.dropFirst(longest).isEmpty ? "" : "…")
  }

  /// Text on one line: hidden characters and line breaks as `\u001b`.
  public static func oneLine(_ text: String) -> String { escaped(text, keeping: []) }

  /// Sentences and tables for a terminal, a log or a pipe between them: line breaks are kept. What no person would read is
  /// cut: words that are longer than 200 characters (paths than 1,024), and the middle of lines that are longer than 2,000.
  public static func lines(_ text: String) -> String {
    // Nearly all that is shown is plain and short.
    if text.utf8.count <= longestWord, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) || $0 == 0x0A }) {
      return text
    }
    return escaped(text, keeping: ["\n"]).split(separator: "\n", omittingEmptySubsequences: false)
      .map { cut($0) }.joined(separator: "\n")
  }

  /// A JSON text, which stays the same value: hidden characters, which stand in its strings only, are escaped as JSON does.
  public static func json(_ text: String) -> String { escaped(text, keeping: ["\n"]) }

  /// What a model or a report has made, for a terminal: it is the result and stays as it is, but for what would steer the
  /// terminal.
  public static func withoutControls(_ text: String) -> String {
    if text.unicodeScalars.allSatisfy({ !steers($0) }) { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.filter { !steers($0) }))
  }

  private static let longestWord = 200
  private static let longestPath = 1024
  private static let longestLine = 2000

  /// Controls other than line breaks and tabs, and what changes the direction of the text behind it.
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
        // As JSON writes it: two halves beyond 16 bits.
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

  /// Counts scalars: one character, as people count, may have a million of them.
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
