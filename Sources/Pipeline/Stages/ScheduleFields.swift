import JSON

// What a train stage says of its learning rate over time.

extension Schedule {
  private static let help = "How the learning rate changes over the steps of all rounds together."

  static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        Field.choice(
          "kind", \.kind,
          """
          After the warm-up: constant stays, linear and cosine fall to 0 over the rest, wsd stays and falls linearly \
          at the end.
          """),
        .number("warmup", \.warmup, 0...1, "Share of the steps in which the rate rises from 0."),
        Field.number(
          "decay", \.decay, 0...1, "Of wsd: share of the steps, at the end, in which the rate falls."
        )
        .ofWSD(),
        Field.number(
          "minimum", \.minimum, 0...1, "Of wsd: what the rate falls to, as a share of the largest."
        ).ofWSD(),
      ])
  }

  /// A kind alone, or an object with its options.
  static func field<Owner>(_ key: String, _ place: WritableKeyPath<Owner, Schedule>) -> Field<Owner> {
    Field(
      key, help, schema: .reference("schedule"),
      definitions: ["schedule": schema, "scheduleKind": .object(kind)],
      read: { owner, reader, stage in
        var whole = reader.object[key] ?? [:]
        if whole.stringValue != nil { whole = ["kind": whole] }
        guard
          let inner = ObjectReader(
            whole, at: reader.path.key(key), keys: fields.keys, reading: reader.reading)
        else { return }
        fields.read(&owner[keyPath: place], inner, stage)
      }, write: { .object(fields.json(of: $0[keyPath: place])) }
    ).standing(for: .string(Schedule().kind.rawValue))
  }

  private static var kind: JSONObject { fields.properties["kind"]?.objectValue ?? [:] }

  private static var schema: JSONValue {
    var object = fields.schema
    var properties = fields.properties
    properties["kind"] = .object(.reference("scheduleKind"))
    object["properties"] = .object(properties)
    let wsd: JSONValue = ["properties": ["kind": ["const": "wsd"]], "required": ["kind"]]
    object["dependentSchemas"] = ["decay": wsd, "minimum": wsd]
    return [
      "anyOf": [.object(.reference("scheduleKind")), .object(object)]
    ]
  }
}

extension Field<Schedule> {
  fileprivate func ofWSD() -> Field {
    only(
      when: { $0.kind == .wsd },
      refuse: { schedule, reader in
        // What belongs to a kind that doesn't exist can't be told.
        guard reader.object["kind"].map({ $0.stringValue == schedule.kind.rawValue }) ?? true else { return }
        reader.reading.problem(reader.path.key(key), "only \"wsd\" has it", advice: "leave it out")
      })
  }
}
