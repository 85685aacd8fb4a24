import JSON

/// Reads how small a prune stage makes the model: `0.8`, `{"parameters": 0.8, "of": "current"}`,
/// `{"macs": 90000000}`.
enum TargetReading {
  static func target(_ stage: ObjectReader) -> Target? {
    let expected = "a share of the parameters such as 0.8, or an object with \"parameters\" or \"macs\""
    guard let value = stage.required("target", expected: expected) else { return nil }
    let place = stage.path.key("target")
    let reading = stage.reading
    if value.numberValue != nil {
      return amount(value, of: .original, at: place, reading)
        .map { Target(measure: .parameters, amount: $0) }
    }
    guard case .object(let object) = value else {
      reading.problem(place, value.shown, expected: expected)
      return nil
    }
    let measures = Target.Measure.allCases.map(\.rawValue)
    let reader = ObjectReader(
      object, at: place, keys: measures + ["of", "spread_over_rounds"], reading: reading)
    let given = Target.Measure.allCases.filter { object[$0.rawValue] != nil }
    guard let measure = given.first, given.count == 1, let number = object[measure.rawValue] else {
      reading.problem(
        place, given.isEmpty ? "neither \"parameters\" nor \"macs\" is given" : "two targets are given",
        expected: "exactly one of \"parameters\" and \"macs\"")
      return nil
    }
    let base = reader.choice("of", default: Target.Base.original)
    let amount = amount(number, of: base, at: place.key(measure.rawValue), reading)
    if case .count? = amount, object["of"] != nil {
      reading.problem(place.key("of"), "a count is not a share of anything", advice: "leave \"of\" out")
    }
    let spreads = reader.flag("spread_over_rounds", default: false)
    if spreads, case .fraction(_, of: .original)? = amount {
    } else if spreads {
      reading.problem(
        place.key("spread_over_rounds"),
        "only a share of the original model can be approached from round to round",
        advice: "give a share, without \"of\"")
    }
    return amount.map { Target(measure: measure, amount: $0, spreads: spreads) }
  }

  private static func amount(
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
