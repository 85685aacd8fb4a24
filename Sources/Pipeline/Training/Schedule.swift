import Foundation
import JSON

/// The schedule of the learning rate: a factor in 0…1 for each step of a run. One schedule spans all rounds of a repeat,
/// as in the published scripts.
///
/// The shapes are those of transformers' `get_*_schedule_with_warmup` and `get_wsd_schedule`. One thing differs: the
/// warm-up of `wsd` begins at 0, not at its minimum, as in Adapt-Pruner's `CustomWSDScheduler`
/// (LLMPruner/post_training/trainer.py).
public struct Schedule: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case constant, linear, cosine
    /// Warm-up, stable, decay.
    case wsd
  }

  public internal(set) var kind: Kind
  /// Share of all steps in which the rate rises from 0.
  public internal(set) var warmup: Double
  /// Share of all steps, at the end, in which `wsd` falls.
  public internal(set) var decay: Double
  /// The factor that `wsd` falls to.
  public internal(set) var minimum: Double

  public init(kind: Kind = .cosine, warmup: Double = 0.03, decay: Double = 0.1, minimum: Double = 0) {
    (self.kind, self.warmup, self.decay, self.minimum) = (kind, warmup, decay, minimum)
  }

  /// - Parameters:
  ///   - step: from 0.
  ///   - total: the steps of the whole run.
  public func factor(step: Int, total: Int) -> Double {
    let warmupSteps = Schedule.count(warmup, of: total)
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let progress = Double(step - warmupSteps) / Double(max(1, total - warmupSteps))
    switch kind {
    case .constant: return 1
    case .linear: return max(0, 1 - progress)
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * progress)))
    case .wsd:
      let decaySteps = Schedule.count(decay, of: total)
      let stableEnd = total - decaySteps
      if step < stableEnd { return 1 }
      if step >= total { return minimum }
      let fall = 1 - Double(step - stableEnd) / Double(max(1, decaySteps))
      return (1 - minimum) * fall + minimum
    }
  }

  /// A share of the steps in whole steps, rounded up, as `TrainingArguments.get_warmup_steps` does.
  private static func count(_ share: Double, of total: Int) -> Int {
    Int((share * Double(total)).rounded(.up))
  }
}

// MARK: - In a pipeline

extension Schedule {
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
        ).ofWSD(),
        Field.number(
          "minimum", \.minimum, 0...1, "Of wsd: the share of the largest rate that the rate falls to."
        ).ofWSD(),
      ])
  }

  /// A kind alone, or an object with its options.
  static func field<Owner>(_ key: String, _ place: WritableKeyPath<Owner, Schedule>) -> Field<Owner> {
    Field(
      key, "How the learning rate changes over the steps of all rounds together.",
      schema: .reference("schedule"), definitions: ["schedule": schema, "scheduleKind": kind],
      read: { owner, reader, stage in
        let inner = ObjectReader(
          reader.object[key] ?? [:], short: "kind", at: reader.path.key(key), keys: fields.keys,
          reading: reader.reading)
        if let inner { fields.read(&owner[keyPath: place], inner, stage) }
      }, write: { .object(fields.json(of: $0[keyPath: place])) }
    ).standing(for: .string(Schedule().kind.rawValue))
  }

  private static var kind: JSONValue { fields.properties["kind"] ?? [:] }

  private static var schema: JSONValue {
    var object = fields.schema
    var properties = fields.properties
    properties["kind"] = .object(.reference("scheduleKind"))
    object["properties"] = .object(properties)
    let wsd: JSONValue = ["properties": ["kind": ["const": "wsd"]], "required": ["kind"]]
    object["dependentSchemas"] = ["decay": wsd, "minimum": wsd]
    return ["anyOf": [.object(.reference("scheduleKind")), .object(object)]]
  }
}

extension Field<Schedule> {
  fileprivate func ofWSD() -> Field {
    only(
      when: { $0.kind == .wsd },
      refuse: { schedule, reader in
        // Nothing is known of a kind that doesn't exist.
        guard reader.object["kind"].map({ $0.stringValue == schedule.kind.rawValue }) ?? true else { return }
        reader.problem(key, "only \"wsd\" has it", advice: "leave it out")
      })
  }
}
