import JSON
import Transformer

/// What training changes, and what it is asked to come near.
public enum Recovery: Sendable, Equatable {
  case full
  case lowRank(rank: Int, alpha: Double, targets: [String])
  case normsAndBiases
  /// All parameters, guided by the model as it was before the run.
  case distill(DistillationOptions)

  var words: String {
    switch self {
    case .full: "all parameters"
    case .normsAndBiases: "norms and biases"
    case .lowRank(let rank, _, let targets):
      "adapters of rank \(rank) on \(targets.joined(separator: ", "))"
    case .distill: "all parameters, taught by the original model"
    }
  }
}

/// What a pipeline says of low-rank adapters.
private struct LowRankWords {
  var rank = 8
  /// nil: twice the rank.
  var alpha: Double?
  var targets = LowRankOptions.allTargets

  static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .integer("rank", \.rank, 1...4096, "The adapters' inner size."),
        .number(
          "alpha", \.alpha, above: 0,
          "The adapters' product is scaled by alpha / rank. Default: twice the rank."),
        Field(
          "targets", "The projections that get an adapter. Default: all seven.",
          schema: [
            "type": "array", "minItems": 1,
            "items": ["enum": .array(LowRankOptions.allTargets.map { .string($0) })],
          ], read: { words, reader, _ in words.readTargets(reader) },
          write: { .array($0.targets.map { .string($0) }) }
        ).standing(),
      ])
  }

  private mutating func readTargets(_ reader: ObjectReader) {
    guard let value = reader.object["targets"] else { return }
    let place = reader.path.key("targets")
    guard let words = value.arrayValue, !words.isEmpty else {
      reader.reading.problem(place, value.shown, expected: "a list of projections such as \"q_proj\"")
      return
    }
    for (index, word) in words.enumerated() where !targets.contains(word.stringValue ?? "") {
      reader.reading.problem(
        place.index(index), word.shown, expected: targets.joined(separator: ", "))
    }
    targets = targets.filter { target in words.contains { $0.stringValue == target } }
  }
}

extension DistillationOptions {
  fileprivate static var fields: Fields<Self> {
    Fields(
      Self(temperature: 1, weight: 1, hiddenWeight: 0),
      [
        .number("temperature", \.temperature, above: 0, "Both distributions are softened by it."),
        .number("weight", \.weight, 0...1, "Of the teacher's distribution; the labels have the rest."),
        .number(
          "hidden_weight", \.hiddenWeight, 0...1e9,
          "Of the squared difference to the teacher's residual stream, added to the loss."),
      ])
  }
}

// MARK: - In a pipeline

extension Recovery {
  private enum Kind: String, CaseIterable {
    case full, lora
    case normsAndBiases = "norms-and-biases"
    case distill

    var options: [String] {
      switch self {
      case .full, .normsAndBiases: []
      case .lora: LowRankWords.fields.keys
      case .distill: DistillationOptions.fields.keys
      }
    }
  }

  private static let help =
    """
    What training changes, and what it is asked to come near. full: all parameters. lora: low-rank adapters beside the \
    projections, merged at the stage's end. norms-and-biases: these alone. distill: all parameters, guided by the \
    model as it was before the run.
    """

  /// A kind alone, or an object with its options.
  static func field<Owner>(_ key: String, _ place: WritableKeyPath<Owner, Recovery>) -> Field<Owner> {
    Field(
      key, help, schema: .reference("recovery"), definitions: ["recovery": schema],
      read: { owner, reader, stage in
        guard let value = reader.object[key] else { return }
        owner[keyPath: place] = read(value, at: reader.path.key(key), stage) ?? owner[keyPath: place]
      }, write: { $0[keyPath: place].json }
    ).standing(for: "full")
  }

  private static func read(_ value: JSONValue, at place: JSONPath, _ stage: StageReading) -> Recovery? {
    let whole: JSONValue = value.stringValue == nil ? value : ["kind": value]
    let keys = ["kind"] + Kind.allCases.flatMap(\.options)
    let kinds = Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
    guard let inner = ObjectReader(whole, at: place, keys: keys, reading: stage.reading),
      let word = inner.required("kind", expected: kinds)
    else { return nil }
    guard let kind = word.stringValue.flatMap(Kind.init(rawValue:)) else {
      stage.reading.unknownChoice(word, at: place.key("kind"), of: Kind.allCases.map(\.rawValue))
      return nil
    }
    for key in inner.object.keys where key != "kind" && keys.contains(key) && !kind.options.contains(key) {
      stage.reading.problem(
        place.key(key), "\"\(kind.rawValue)\" has no such option", advice: "leave it out")
    }
    switch kind {
    case .full: return .full
    case .normsAndBiases: return .normsAndBiases
    case .lora:
      var words = LowRankWords()
      LowRankWords.fields.read(&words, inner, stage)
      return .lowRank(
        rank: words.rank, alpha: words.alpha ?? 2 * Double(words.rank), targets: words.targets)
    case .distill:
      var options = DistillationOptions.fields.blank
      DistillationOptions.fields.read(&options, inner, stage)
      return .distill(options)
    }
  }

  private var json: JSONValue {
    func kind(_ kind: Kind, _ options: JSONObject = [:]) -> JSONValue {
      .object(JSONObject([("kind", .string(kind.rawValue))] + options.members.map { ($0.key, $0.value) }))
    }
    return switch self {
    case .full: kind(.full)
    case .normsAndBiases: kind(.normsAndBiases)
    case .lowRank(let rank, let alpha, let targets):
      kind(.lora, LowRankWords.fields.json(of: LowRankWords(rank: rank, alpha: alpha, targets: targets)))
    case .distill(let options): kind(.distill, DistillationOptions.fields.json(of: options))
    }
  }

  private static var schema: JSONValue {
    func object(_ kind: JSONValue, _ options: JSONObject = [:]) -> JSONValue {
      let properties = [("kind", kind)] + options.members.map { ($0.key, $0.value) }
      return [
        "type": "object", "additionalProperties": false, "required": ["kind"],
        "properties": .object(JSONObject(properties)),
      ]
    }
    return [
      "anyOf": [
        ["enum": .array(Kind.allCases.map { .string($0.rawValue) })],
        object(
          ["enum": .array(Kind.allCases.filter(\.options.isEmpty).map { .string($0.rawValue) })]),
        object(["const": "lora"], LowRankWords.fields.properties),
        object(["const": "distill"], DistillationOptions.fields.properties),
      ]
    ]
  }
}
