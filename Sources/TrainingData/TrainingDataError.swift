import Wording

/// Says why data can't be trained on.
public enum TrainingDataError: Error, Sendable, Equatable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  case parquet(path: String)
  /// The file was given as text and is something else.
  case notProse(path: String, NotProse)
  /// The file was given as JSON lines and is something else.
  case notLines(path: String, NotProse)
  /// The tokenizer has a token that the model has no embedding for.
  case beyondModel(path: String, id: Int, vocabularySize: Int)
  /// A chat template that can't be read, or takes more work than any conversation needs.
  case template(reason: String)
  /// There is no document in it.
  case empty(path: String)
  /// `byte` is the offset of the first byte that is no part of UTF-8.
  case notUTF8(path: String, byte: Int)
  /// `line` counts from 1.
  case brokenLine(path: String, line: Int, reason: String)
  /// `place` as in `offsets[3]`.
  case brokenTokens(path: String, place: String, reason: String)
  case badOption(name: String, reason: String)
  /// A whole epoch went by without one token.
  case noTokens(sources: [String])
  /// The saved state belongs to another stream.
  case otherStream(reason: String)

  public var description: String { ShownText.oneLine(sentence) }

  private var sentence: String {
    switch self {
    case .unreadable(let path, let reason): "\(path) can't be read: \(reason)"
    case .parquet(let path):
      "\(path): Parquet is not read; make JSONL of it with Python: python3 -c \"import pandas; "
        + "pandas.read_parquet('\(path)').to_json('\(path.dropLast(".parquet".count)).jsonl', "
        + "orient='records', lines=True, force_ascii=False)\""
    case .notProse(let path, let found):
      "\(path) is \(found.kind): it is no text; \(found.advice(for: .training))"
    case .notLines(let path, let found):
      "\(path) is \(found.kind): it has no object a line; \(found.advice(for: .training))"
    case .beyondModel(let path, let id, let size):
      "\(path) has a text whose token \(id) the tokenizer has and the model lacks: its ids are 0 to \(size - 1); take "
        + "the token out of the text"
    case .template(let reason): reason
    case .empty(let path): "\(path) has no document"
    case .notUTF8(let path, let byte):
      "\(path) is not UTF-8 text: the byte at offset \(byte) is no part of a character"
    case .brokenLine(let path, let line, let reason): "\(path), line \(line): \(reason)"
    case .brokenTokens(let path, let place, let reason): "\(path): \(place): \(reason)"
    case .badOption(let name, let reason): "\"\(name)\": \(reason)"
    case .noTokens(let sources):
      "no document of \(sources.joined(separator: ", ")) has any token that can be trained on"
    case .otherStream(let reason): "the saved place in the training data can't be taken up: \(reason)"
    }
  }

  /// Whether `skipsBroken` passes over it: what is wrong with one document, not with its file.
  var isOfOneDocument: Bool {
    switch self {
    case .notUTF8, .brokenLine, .brokenTokens: true
    default: false
    }
  }
}
