import JSON
import Transformer

/// What training changes, and what it comes near to.
public enum Recovery: Sendable, Equatable {
  case full
  case lowRank(rank: Int, alpha: Double, targets: [String])
  case normsAndBiases
  /// All parameters, taught by the model as it was before the run.
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

/// A recovery as it stands in a pipeline: a kind with its options.
private struct RecoveryWords {
  enum Kind: String, CaseIterable {
    case full, lora
    case normsAndBiases = "norms-and-biases"
    case distill

    var fields: Fields<RecoveryWords> {
      let list: [Field<RecoveryWords>] =
        switch self {
        case .full, .normsAndBiases: []
        case .lora:
          [
            .integer("rank", \.rank, 1...4096, "The adapters' inner size."),
            .number(
              "alpha", \.alpha, above: 0,
              "The adapters' product is scaled by alpha / rank. Default: twice the rank."),
            Field.value(
              "targets", \.targets, "The projections that get an adapter. Default: all seven.",
              schema: [
                "type": "array", "minItems": 1,
                "items": ["enum": .array(LowRankOptions.allTargets.map { .string($0) })],
              ], read: RecoveryWords.targets, write: { .array($0.map { .string($0) }) }
            ).standing(),
          ]
        case .distill:
          [
            .number(
              "temperature", \.distillation.temperature, above: 0, "Both distributions are softened by it."),
            .number(
              "weight", \.distillation.weight, 0...1,
              "The weight of the teacher's distribution; the labels have the rest."),
            .number(
              "hidden_weight", \.distillation.hiddenWeight, 0...1e9,
              "The weight of the squared difference to the teacher's residual stream, added to the loss."),
          ]
        }
      return Fields(RecoveryWords(), list)
    }
  }

  var rank = 8
  /// Nil: twice the rank.
  var alpha: Double?
  var targets = LowRankOptions.allTargets
  var distillation = DistillationOptions(temperature: 1, weight: 1, hiddenWeight: 0)

  private static func targets(_ reader: ObjectReader) -> [String]? {
    guard let value = reader.object["targets"] else { return nil }
    guard let words = value.arrayValue, !words.isEmpty else {
      reader.problem("targets", value.shown, expected: "a list of projections such as \"q_proj\"")
      return nil
    }
    let known = LowRankOptions.allTargets
    for (index, word) in words.enumerated() where !known.contains(word.stringValue ?? "") {
      reader.reading.problem(
        reader.path.key("targets").index(index), word.shown, expected: known.joined(separator: ", "))
    }
    // In the model's order, whatever the pipeline's.
    return known.filter { target in words.contains { $0.stringValue == target } }
  }
}

// MARK: - In a pipeline

extension Recovery {
  private typealias Kind = RecoveryWords.Kind

  /// A kind alone, or an object with its options.
  static func field<Owner>(_ key: String, _ place: WritableKeyPath<Owner, Recovery>) -> Field<Owner> {
    Field(
      key,
      """
      What training changes, and what it comes near to. full: all parameters. lora: low-rank adapters beside the \
      projections, merged at the stage's end. norms-and-biases: these alone. distill: all parameters, taught by the \
      model as it was before the run.
      """, schema: .reference("recovery"), definitions: ["recovery": schema],
      read: { owner, reader, stage in
        guard let value = reader.object[key] else { return }
        owner[keyPath: place] = read(value, at: reader.path.key(key), stage) ?? owner[keyPath: place]
      }, write: { $0[keyPath: place].json }
    ).standing(for: "full")
  }

  private static func read(_ value: JSONValue, at place: JSONPath, _ stage: StageReading) -> Recovery? {
    let keys = ["kind"] + Kind.allCases.flatMap(\.fields.keys)
    let kinds = Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
    guard let reader = ObjectReader(value, short: "kind", at: place, keys: keys, reading: stage.reading),
      reader.required("kind", expected: kinds) != nil, let kind: Kind = reader.choice("kind")
    else { return nil }
    let fields = kind.fields
    for key in reader.object.keys where key != "kind" && keys.contains(key) && !fields.keys.contains(key) {
      reader.problem(key, "\"\(kind.rawValue)\" has no such option", advice: "leave it out")
    }
    var words = fields.blank
    fields.read(&words, reader, stage)
    return switch kind {
    case .full: .full
    case .normsAndBiases: .normsAndBiases
    case .lora:
      .lowRank(rank: words.rank, alpha: words.alpha ?? 2 * Double(words.rank), targets: words.targets)
    case .distill: .distill(words.distillation)
    }
  }

  private var json: JSONValue {
    let (kind, words): (Kind, RecoveryWords) =
      switch self {
      case .full: (.full, RecoveryWords())
      case .normsAndBiases: (.normsAndBiases, RecoveryWords())
      case .lowRank(let rank, let alpha, let targets):
        (.lora, RecoveryWords(rank: rank, alpha: alpha, targets: targets))
      case .distill(let options): (.distill, RecoveryWords(distillation: options))
      }
    var object: JSONObject = ["kind": .string(kind.rawValue)]
    object.add(kind.fields.json(of: words))
    return .object(object)
  }

  private static var schema: JSONValue {
    func object(_ kind: JSONValue, _ options: JSONObject = [:]) -> JSONValue {
      var properties: JSONObject = ["kind": kind]
      properties.add(options)
      return .object(.closedObject(required: ["kind"], properties))
    }
    return [
      "anyOf": [
        ["enum": .words(Kind.allCases)],
        object(["enum": .words(Kind.allCases.filter(\.fields.keys.isEmpty))]),
        object(["const": "lora"], Kind.lora.fields.properties),
        object(["const": "distill"], Kind.distill.fields.properties),
      ]
    ]
  }
}
