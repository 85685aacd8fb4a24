import TrainingData
import Wording

/// Why data can't be used.
public enum DataError: Error, Sendable, Equatable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  /// `byte` is the offset of the first byte that isn't UTF-8.
  case notUTF8(path: String, byte: Int)
  /// Given as text, but it plainly isn't.
  case notProse(path: String, NotProse)
  /// Given as JSON lines, but it plainly isn't.
  case notLines(path: String, NotProse)
  /// The tokenizer has a token for which the model has no embedding.
  case beyondModel(path: String, id: Int, vocabularySize: Int)
  /// The file has no text.
  case empty(path: String)
  /// `line` counts from 1.
  case brokenLine(path: String, line: Int, reason: String)
  /// `place` is a JSON path such as `ids[3][17]`.
  case brokenIDs(path: String, place: String, reason: String)
  case outOfVocabulary(path: String, place: String, id: Int, vocabularySize: Int)
  case tooFewTokens(path: String, tokens: Int, sequences: Int, length: Int)
  case tooFewSequences(path: String, sequences: Int, needed: Int)
  /// `sequence` counts from 0, in the order of the file.
  case shortSequence(path: String, sequence: Int, tokens: Int, length: Int)

  public var description: String { ShownText.oneLine(sentence) }

  private var sentence: String {
    switch self {
    case .unreadable(let path, let reason): "\(path) can't be read: \(reason)"
    case .notUTF8(let path, let byte):
      "\(path) is not UTF-8 text: the byte at offset \(byte) is no part of a character"
    case .notProse(let path, let found):
      "\(path) is \(found.kind): it is no text; \(found.advice(for: .measuring))"
    case .notLines(let path, let found):
      "\(path) is \(found.kind): it has no object a line; \(found.advice(for: .measuring))"
    case .beyondModel(let path, let id, let size):
      "\(path) has a text whose token \(id) the tokenizer has and the model lacks: its ids are 0 to \(size - 1); take "
        + "the token out of the text"
    case .empty(let path): "\(path) has no text"
    case .brokenLine(let path, let line, let reason): "\(path), line \(line): \(reason)"
    case .brokenIDs(let path, let place, let reason):
      place.isEmpty ? "\(path): \(reason)" : "\(path): \(place): \(reason)"
    case .outOfVocabulary(let path, let place, let id, let size):
      "\(path): \(place): \(id) is no token id of this model, whose ids are 0 to \(size - 1); "
        + "was the file made with another model's tokenizer?"
    case .tooFewTokens(let path, let tokens, let sequences, let length):
      "\(path) has \(tokens) tokens, and \(sequences) sequences of \(length) tokens need "
        + "\(sequences * length); give more text, or lower \"sequences\" or \"length\""
    case .tooFewSequences(let path, let sequences, let needed):
      "\(path) has \(sequences) sequences of token ids, and \(needed) are asked for; lower \"sequences\""
    case .shortSequence(let path, let sequence, let tokens, let length):
      "\(path): sequence \(sequence) has \(tokens) tokens, and \(length) are asked for; lower \"length\""
    }
  }
}
