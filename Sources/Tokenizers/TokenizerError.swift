import Wording

/// An error in a tokenizer's file.
///
/// `description` says what was wrong, in which file and at which JSON path, what was expected and what to do.
public enum TokenizerError: Error, Equatable, Sendable {
  /// The file could not be read at all.
  case unreadable(file: String, reason: String)
  /// The file is not JSON: `problem` says what stands at `line`, `column` (both from 1; columns in characters).
  case malformedJSON(file: String, line: Int, column: Int, problem: String)
  /// The value at `path` is missing or of another type than `expected`.
  case unexpectedValue(file: String, path: String, expected: String, found: String)
  /// The tokenizer uses something that this module does not support.
  case unsupported(file: String, path: String, feature: String, supported: String)
  /// The vocabulary contradicts itself.
  case brokenVocabulary(file: String, path: String, fault: VocabularyFault)
}

/// A contradiction in a vocabulary.
public enum VocabularyFault: Error, Equatable, Sendable {
  case empty
  /// `id` belongs to no token, although `count` tokens should have the ids `0 ..< count`.
  case hole(id: Int, count: Int)
  case duplicateID(id: Int, first: String, second: String)
  /// One spelling, two ids: which of them a text means would be a guess.
  case duplicateToken(token: String, first: Int, second: Int)
  /// Merge number `index` (from 0) names `token`, which has no id.
  case mergeOfUnknownToken(index: Int, token: String)
  /// Merge number `index` is not two tokens with one space between them.
  case malformedMerge(index: Int, text: String)
  /// A list that goes with the tokens, one entry each, has another length.
  case countMismatch(list: String, count: Int, tokens: Int)
  /// A special token is named, which is not in the vocabulary.
  case unknownSpecialToken(role: String, token: String)
  /// A file beside `tokenizer.json` gives a token another id than it has there, or would get there.
  case otherID(token: String, stated: Int, actual: Int, isKnown: Bool)
}

extension TokenizerError: CustomStringConvertible {
  public var description: String { ShownText.oneLine(sentence) }

  private var sentence: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file): the file cannot be read (\(reason)). Check the path and its permissions."
    case .malformedJSON(let file, let line, let column, let problem):
      "\(file):\(line):\(column): not valid JSON: \(problem). The file may be incomplete; fetch it again."
    case .unexpectedValue(let file, let path, let expected, let found):
      "\(file): at \(path): expected \(expected), found \(found). "
        + (path.hasPrefix("tokenizer.ggml")
          ? "Write the file again with its converter."
          : "Check that this is a Hugging Face `tokenizers` file.")
    case .unsupported(let file, let path, let feature, let supported):
      "\(file): at \(path): \(feature) is not supported. Supported here: \(supported)."
    case .brokenVocabulary(let file, let path, let fault):
      "\(file): at \(path): \(fault.description) Export the tokenizer again from its source."
    }
  }
}

extension VocabularyFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .empty:
      "the vocabulary has no tokens."
    case .hole(let id, let count):
      "no token has the id \(id), but \(count) tokens must have the ids 0 to \(count - 1)."
    case .duplicateID(let id, let first, let second):
      "the id \(id) is given to two tokens, \(quoted(first)) and \(quoted(second))."
    case .duplicateToken(let token, let first, let second):
      "the token \(quoted(token)) has two ids, \(first) and \(second)."
    case .mergeOfUnknownToken(let index, let token):
      "merge \(index) needs the token \(quoted(token)), which is not in the vocabulary."
    case .malformedMerge(let index, let text):
      "merge \(index) is \(quoted(text)), expected two tokens with one space between them."
    case .countMismatch(let list, let count, let tokens):
      "\(list) has \(count) entries for \(tokens) tokens, expected one for each."
    case .unknownSpecialToken(let role, let token):
      "the \(role) token is \(quoted(token)), which is not in the vocabulary."
    case .otherID(let token, let stated, let actual, let isKnown):
      isKnown
        ? "the token \(quoted(token)) has the id \(stated) here, but tokenizer.json gives it the id \(actual)."
        : "the token \(quoted(token)) has the id \(stated) here, but tokenizer.json lacks it, and behind its last token "
          + "the id would be \(actual)."
    }
  }
}

/// A token as it may stand in a message: quoted, control characters visible, never longer than a line.
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars.prefix(80) {
    result += scalar.escaped(asASCII: false)
  }
  return result + (text.unicodeScalars.count > 80 ? "…\"" : "\"")
}
