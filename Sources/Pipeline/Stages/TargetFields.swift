import JSON

// How a pipeline says how small a stage makes the model: `0.8`, `{"parameters": 0.8, "of": "current"}`,
// `{"macs": 90000000}`.

/// A target as it stands in a pipeline.
private struct TargetWords {
  var measure = Target.Measure.parameters
  /// A share or a count, literally.
  var number = JSONValue.null
  var base = Target.Base.original
  var spreads = false
  /// nil where `number` is neither.
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
          "of", \.base, "What a share is a share of: the model before the run, or as it enters the stage."
        ).followed { $0.settleAmount($1) }.unwritten { $0.isCount },
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
      reader.reading.problem(
        reader.path.key("of"), "a count is not a share of anything", advice: "leave \"of\" out")
    }
  }

  private func checkSpread(_ reader: ObjectReader) {
    if case .fraction(_, of: .original)? = amount { return }
    guard spreads else { return }
    reader.reading.problem(
      reader.path.key("spread_over_rounds"),
      "only a share of the original model can be approached from round to round",
      advice: "give a share, without \"of\"")
  }

  static func amount(
    _ value: JSONValue, of base: Target.Base, at place: JSONPath, _ reading: ManifestReading
  ) -> Target.Amount? {
    let expected = "a share above 0 and at most 1, or a count"
    guard let number = value.numberValue else {
      reading.problem(place, value.shown, expected: expected)
      return nil
    }
    if number <= 0 {
      reading.problem(place, "\(value.compact) leaves nothing of the model", expected: expected)
      return nil
    }
    if number <= 1 { return .fraction(number, of: base) }
    guard let count = value.integerValue else {
      reading.problem(
        place, "\(value.compact) is more than the whole model and no whole number", expected: expected)
      return nil
    }
    if count <= 100 {
      reading.problem(
        place, "\(count) is a count, and no model is so small", expected: expected,
        advice: "for \(count)% write \(Double(count) / 100)")
      return nil
    }
    return .count(count)
  }
}

extension Target {
  fileprivate static func read(_ stage: ObjectReader, _ reading: StageReading) -> Target? {
    let expected = "a share of the parameters such as 0.8, or an object with \"parameters\" or \"macs\""
    guard let value = stage.required("target", expected: expected) else { return nil }
    let place = stage.path.key("target")
    if value.numberValue != nil {
      return TargetWords.amount(value, of: .original, at: place, stage.reading)
        .map { Target(measure: .parameters, amount: $0) }
    }
    let fields = TargetWords.fields
    guard value.objectValue != nil,
      let reader = ObjectReader(value, at: place, keys: fields.keys, reading: stage.reading)
    else {
      stage.reading.problem(place, value.shown, expected: expected)
      return nil
    }
    var words = fields.blank
    let given = Measure.allCases.filter { value[$0.rawValue] != nil }
    guard let measure = given.first, given.count == 1, let number = value[measure.rawValue] else {
      stage.reading.problem(
        place, given.isEmpty ? "neither \"parameters\" nor \"macs\" is given" : "two targets are given",
        expected: "exactly one of \"parameters\" and \"macs\"")
      return nil
    }
    (words.measure, words.number) = (measure, number)
    fields.read(&words, reader, reading)
    return words.amount.map { Target(measure: measure, amount: $0, spreads: words.spreads) }
  }

  /// As it stands in a resolved manifest.
  public var json: JSONValue {
    var words = TargetWords(measure: measure, spreads: spreads, amount: amount)
    switch amount {
    case .count(let count): words.number = .integer(count)
    case .fraction(let share, let base): (words.number, words.base) = (.number(share), base)
    }
    return .object(TargetWords.fields.json(of: words))
  }

  /// Of its keys, for `docs/`.
  static var table: String { TargetWords.fields.table }

  fileprivate static var definitions: JSONObject {
    var object = TargetWords.fields.schema
    object["oneOf"] = .array(Measure.allCases.map { ["required": [.string($0.rawValue)]] })
    let shares = Measure.allCases.map { ($0.rawValue, JSONValue.object(.reference("share"))) }
    let original: JSONValue = ["const": .string(Base.original.rawValue)]
    object["allOf"] = [
      ["if": ["required": ["of"]], "then": ["properties": .object(JSONObject(shares))]],
      [
        "if": ["properties": ["spread_over_rounds": ["const": true]], "required": ["spread_over_rounds"]],
        "then": ["properties": .object(JSONObject(shares + [("of", original)]))],
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
    Field(
      "target", help, schema: .reference("target"), definitions: Target.definitions, isRequired: true,
      read: { owner, reader, stage in
        owner[keyPath: place] = Target.read(reader, stage) ?? owner[keyPath: place]
      }, write: { $0[keyPath: place].json })
  }

  static func target(_ place: Place<Target?>, _ help: String) -> Field {
    Field(
      "target", help, schema: .reference("target"), definitions: Target.definitions,
      read: { owner, reader, stage in
        owner[keyPath: place] = reader.object["target"] == nil ? nil : Target.read(reader, stage)
      }, write: { $0[keyPath: place]?.json })
  }
}
