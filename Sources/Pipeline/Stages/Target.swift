import JSON
import Wording

/// The size that a prune or transform stage aims at, and how a pipeline says it: `0.8`,
/// `{"parameters": 0.8, "of": "current"}`, `{"macs": 90000000}`.
public struct Target: Sendable, Equatable {
  public enum Measure: String, Sendable, CaseIterable { case parameters, macs }
  /// The whole that a fraction is a part of.
  public enum Base: String, Sendable, CaseIterable {
    /// The model as it was before the run.
    case original
    /// The model as it enters the stage.
    case current
  }
  public enum Amount: Sendable, Equatable {
    /// Above 0, at most 1.
    case fraction(Double, of: Base)
    case count(Int)
  }

  public let measure: Measure
  public let amount: Amount
  /// Whether the rounds of a repeat approach the target in equal steps and meet it in the last. Otherwise each round has
  /// it. Only a fraction of the original can spread.
  public let spreads: Bool

  public init(measure: Measure, amount: Amount, spreads: Bool = false) {
    (self.measure, self.amount, self.spreads) = (measure, amount, spreads)
  }

  /// Stands for a target that could not be read.
  static let unread = Target(measure: .parameters, amount: .fraction(1, of: .original))

  /// The target of one round out of several: 1 − (1 − share) · (round + 1) / rounds, as in the published scripts
  /// (experiments/iterative_Prune_Train_*.sh).
  func inRound(_ round: StageRound) -> Target {
    guard spreads, case .fraction(let share, .original) = amount else { return self }
    let part = 1 - (1 - share) * Double(round.time + 1) / Double(round.times)
    return Target(measure: measure, amount: .fraction(part, of: .original))
  }

  /// The same with another share. Nil if it is no share of the original model.
  func aiming(at share: Double) -> Target? {
    guard case .fraction(_, of: .original) = amount else { return nil }
    return Target(measure: measure, amount: .fraction(share, of: .original), spreads: spreads)
  }

  var words: String {
    let measure = measure == .macs ? "multiply-accumulates a token" : "parameters"
    switch amount {
    case .count(let count): return "\(HumanFormat.grouped(count)) \(measure)"
    case .fraction(let share, let base):
      let whole = base == .original ? "the original" : "the current"
      return "\(HumanFormat.percent(share)) of \(whole) \(measure)"
    }
  }
}

// MARK: - In a pipeline

/// A target as it stands in a pipeline.
private struct TargetWords {
  var measure = Target.Measure.parameters
  /// A share or a count, as the pipeline has it.
  var number = JSONValue.null
  var base = Target.Base.original
  var spreads = false
  /// Nil where `number` is neither a share nor a count.
  var amount: Target.Amount?

  static var fields: Fields<Self> {
    func amount(_ measure: Target.Measure, _ help: String) -> Field<Self> {
      Field(
        measure.rawValue, help, schema: .reference("amount"), read: { _, _, _ in },
        write: { $0.measure == measure ? $0.number : Optional.none }
      ).standing()
    }
    return Fields(
      Self(),
      [
        amount(.parameters, "Of the model's parameters: a share, or a count."),
        amount(.macs, "Of its multiply-accumulates a token: a share, or a count."),
        Field.choice(
          "of", \.base, "The whole of a share: the model before the run, or as it enters the stage."
        )
        .followed { $0.settleAmount($1) }.unwritten { $0.isCount },
        Field.flag(
          "spread_over_rounds", \.spreads,
          """
          In a repeat: approach the share in equal steps from round to round and meet it in the last. Otherwise each \
          round has it. Only of a share of the original.
          """
        ).followed { $0.checkSpread($1) }.unwritten { !$0.spreads },
      ])
  }

  private var isCount: Bool { if case .count? = amount { true } else { false } }

  private mutating func settleAmount(_ reader: ObjectReader) {
    amount = Self.amount(number, of: base, at: reader.path.key(measure.rawValue), reader.reading)
    if isCount, reader.object["of"] != nil {
      reader.problem("of", "a count is not a share of anything", advice: "leave \"of\" out")
    }
  }

  private func checkSpread(_ reader: ObjectReader) {
    if case .fraction(_, of: .original)? = amount { return }
    guard spreads else { return }
    reader.problem(
      "spread_over_rounds", "only a share of the original model can be approached from round to round",
      advice: "give a share, without \"of\"")
  }

  static func amount(
    _ value: JSONValue, of base: Target.Base, at place: JSONPath, _ reading: ManifestReading
  ) -> Target.Amount? {
    func problem(_ found: String, advice: String = "") -> Target.Amount? {
      reading.problem(
        place, found, expected: "a share above 0 and at most 1, or a count", advice: advice)
      return nil
    }
    guard let number = value.numberValue else { return problem(value.shown) }
    if number <= 0 { return problem("\(value.compact) leaves nothing of the model") }
    if number <= 1 { return .fraction(number, of: base) }
    guard let count = value.integerValue else {
      return problem("\(value.compact) is more than the whole model and no whole number")
    }
    if count > 100 { return .count(count) }
    return problem(
      "\(count) is a count, and no model is so small",
      advice: "for \(count)% write \(Double(count) / 100)")
  }
}

extension Target {
  fileprivate static func read(_ stage: ObjectReader, _ reading: StageReading) -> Target? {
    let expected = "a share of the parameters such as 0.8, or an object with \"parameters\" or \"macs\""
    guard let value = stage.required("target", expected: expected) else { return nil }
    if value.numberValue != nil {
      return TargetWords.amount(value, of: .original, at: stage.path.key("target"), stage.reading)
        .map { Target(measure: .parameters, amount: $0) }
    }
    let fields = TargetWords.fields
    guard value.objectValue != nil, let reader = stage.nested("target", keys: fields.keys) else {
      stage.problem("target", value.shown, expected: expected)
      return nil
    }
    var words = fields.blank
    let given = Measure.allCases.filter { value[$0.rawValue] != nil }
    guard let measure = given.first, given.count == 1, let number = value[measure.rawValue] else {
      stage.problem(
        "target", given.isEmpty ? "neither \"parameters\" nor \"macs\" is given" : "two targets are given",
        expected: "exactly one of \"parameters\" and \"macs\"")
      return nil
    }
    (words.measure, words.number) = (measure, number)
    fields.read(&words, reader, reading)
    return words.amount.map { Target(measure: measure, amount: $0, spreads: words.spreads) }
  }

  /// The target as it stands in a resolved manifest.
  public var json: JSONValue {
    var words = TargetWords(measure: measure, spreads: spreads, amount: amount)
    switch amount {
    case .count(let count): words.number = .integer(count)
    case .fraction(let share, let base): (words.number, words.base) = (.number(share), base)
    }
    return .object(TargetWords.fields.json(of: words))
  }

  /// The table of its keys in `docs/`.
  static var table: String { TargetWords.fields.table }

  fileprivate static var definitions: JSONObject {
    var object = TargetWords.fields.schema
    object["oneOf"] = .array(Measure.allCases.map { ["required": [.string($0.rawValue)]] })
    let shares = Measure.allCases.map { ($0.rawValue, JSONValue.object(.reference("share"))) }
    object["allOf"] = [
      ["if": ["required": ["of"]], "then": ["properties": .object(JSONObject(shares))]],
      [
        "if": ["properties": ["spread_over_rounds": ["const": true]], "required": ["spread_over_rounds"]],
        "then": ["properties": .object(JSONObject(shares + [("of", ["const": "original"])]))],
      ],
    ]
    return [
      "target": [
        "description": "A share of the model's parameters (0.8), or an object.",
        "anyOf": [.object(.reference("amount")), .object(object)],
      ],
      "amount": [
        "description": "A share above 0 and at most 1, or a count above 100.",
        "anyOf": [.object(.reference("share")), ["type": "integer", "minimum": 101]],
      ],
      "share": [
        "description": "Above 0 and at most 1.", "type": "number", "exclusiveMinimum": 0, "maximum": 1,
      ],
    ]
  }
}

extension Field {
  static func target(_ place: Place<Target>, _ help: String) -> Field {
    target(help, isRequired: true, { $0[keyPath: place] }, { $0[keyPath: place] = $1 })
  }

  static func target(_ place: Place<Target?>, _ help: String) -> Field {
    target(help, isRequired: false, { $0[keyPath: place] }, { $0[keyPath: place] = $1 })
  }

  private static func target(
    _ help: String, isRequired: Bool, _ get: @escaping (Owner) -> Target?,
    _ set: @escaping (inout Owner, Target) -> Void
  ) -> Field {
    Field(
      "target", help, schema: .reference("target"), definitions: Target.definitions, isRequired: isRequired,
      read: { owner, reader, stage in
        guard isRequired || reader.object["target"] != nil else { return }
        if let target = Target.read(reader, stage) { set(&owner, target) }
      }, write: { get($0)?.json })
  }
}
