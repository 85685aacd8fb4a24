import JSON
import PluginRuntime

extension Manifest {
  /// The manifest with everything spelled out: a manifest itself, which resolves to this one again.
  public var json: JSONValue {
    [
      "name": .string(name), "description": .string(description), "seed": .integer(seed),
      "stages": .array(stages.map(\.json)),
    ]
  }
}

extension Stage {
  var json: JSONValue {
    switch work {
    case .evaluate(let stage):
      return [
        "stage": "evaluate", "name": .string(name), "evaluators": .array(stage.evaluators.map(\.json)),
      ]
    case .prune(let stage):
      var object: JSONObject = [
        "stage": "prune", "name": .string(name), "criterion": stage.criterion.json,
        "allocator": stage.allocator.json,
      ]
      if case .sample(let sample) = stage.calibration { object["calibration"] = sample.json }
      object["target"] = stage.target.json
      object["iterations"] = .integer(stage.iterations)
      object["families"] = .array(stage.families.map { .string($0.rawValue) })
      object["record_scores"] = .bool(stage.recordsScores)
      return .object(object)
    case .save(let stage):
      return [
        "stage": "save", "name": .string(name), "type": .string(stage.type.rawValue),
        "directory": .string(stage.directory),
      ]
    case .repeated(let stage):
      return [
        "stage": "repeat", "name": .string(name), "times": .integer(stage.times),
        "stages": .array(stage.stages.map(\.json)),
      ]
    }
  }
}

extension PluginUse {
  /// As it stands in a resolved manifest.
  public var json: JSONValue { ["id": .string(id), "options": .object(options)] }
}

extension CalibrationSample {
  var json: JSONValue {
    [
      "data": data.json, "sequences": .integer(sequences), "length": .integer(length),
      "batch_size": .integer(batchSize),
    ]
  }
}

extension Target {
  /// As it stands in a resolved manifest.
  public var json: JSONValue {
    switch amount {
    case .count(let count): return .object([measure.rawValue: .integer(count)])
    case .fraction(let share, let base):
      return .object([measure.rawValue: .number(share), "of": .string(base.rawValue)])
    }
  }
}
