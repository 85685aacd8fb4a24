import JSON

/// Something that the model's source holds and the folder of a saved model lacks.
public struct LeftBehind: Sendable, Equatable {
  /// A file of a folder, a folder in it (with a slash at its end), or a key of a GGUF file's metadata.
  public let name: String
  /// Why, where the name does not say it.
  public let reason: String?

  public init(_ name: String, because reason: String? = nil) {
    self.name = name
    self.reason = reason
  }

  /// What a folder can't be used for texts without.
  static func tokenizer(because reason: String) -> LeftBehind { LeftBehind(tokenizerName, because: reason) }
  var isTokenizer: Bool { name == Self.tokenizerName }
  private static let tokenizerName = "the tokenizer"

  /// More than this many are not told one by one.
  private static let mostTold = 12

  /// `README.md (it describes the source), original/`.
  public static func words(_ all: [LeftBehind]) -> String {
    let told = all.prefix(mostTold).map { $0.name + ($0.reason.map { " (\($0))" } ?? "") }
    let rest = all.count - told.count
    return told.joined(separator: ", ") + (rest > 0 ? " and \(rest) more, which events.jsonl names" : "")
  }
}

extension LeftBehind {
  /// Why something is left behind, as it may be thrown.
  struct Reason: Error, ExpressibleByStringLiteral {
    let words: String
    init(stringLiteral words: String) { self.words = words }
  }

  var json: JSONValue {
    var object: JSONObject = ["name": .string(name)]
    object["reason"] = reason.map { .string($0) }
    return .object(object)
  }

  init?(json: JSONValue) {
    guard let name = json["name"]?.stringValue else { return nil }
    self.init(name, because: json["reason"]?.stringValue)
  }
}
