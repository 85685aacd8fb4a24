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
      var object: JSONObject = ["stage": "evaluate", "name": .string(name)]
      object["isolate"] = stage.evaluators.first?.isolation?.json
      object["evaluators"] = .array(stage.evaluators.map(\.json))
      return .object(object)
    case .prune(let stage):
      var object: JSONObject = ["stage": "prune", "name": .string(name)]
      object["isolate"] = stage.criterion.isolation?.json
      object["criterion"] = stage.criterion.json
      object["allocator"] = stage.allocator.json
      if let compensator = stage.compensator { object["compensator"] = compensator.json }
      if case .sample(let sample) = stage.calibration { object["calibration"] = sample.json }
      object["target"] = stage.target.json
      object["iterations"] = .integer(stage.iterations)
      object["families"] = .array(stage.families.map { .string($0.rawValue) })
      object["round_to"] = .integer(stage.roundTo)
      object["same_size"] = .bool(stage.sameSize)
      object["record_scores"] = .bool(stage.recordsScores)
      return .object(object)
    case .transform(let stage):
      var object: JSONObject = ["stage": "transform", "name": .string(name)]
      object["isolate"] = stage.transform.isolation?.json
      object["transform"] = stage.transform.json
      object["calibration"] = [
        "data": stage.calibration.data.json, "sequences": .integer(stage.calibration.sequences),
        "length": .integer(stage.calibration.length),
      ]
      object["target"] = stage.target?.json
      return .object(object)
    case .train(let stage):
      var object: JSONObject = ["stage": "train", "name": .string(name)]
      for member in stage.json.members { object[member.key] = member.value }
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

extension Isolation {
  /// As it stands in a resolved manifest.
  var json: JSONValue {
    var object: JSONObject = ["time_limit_seconds": .number(timeLimit)]
    // Not where it is the usual one: manifests of earlier versions are the same text.
    if loadTimeLimit != Isolation().loadTimeLimit {
      object["load_time_limit_seconds"] = .number(loadTimeLimit)
    }
    object["memory_limit_megabytes"] = .integer(memoryLimit >> 20)
    return .object(object)
  }
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
      var object: JSONObject = [measure.rawValue: .number(share), "of": .string(base.rawValue)]
      if spreads { object["spread_over_rounds"] = true }
      return .object(object)
    }
  }
}

extension TrainStage {
  /// As it stands in a resolved manifest, without what all stages have.
  var json: JSONObject {
    [
      "data": .array(data.map(\.json)), "recovery": recovery.json, "steps": .integer(steps),
      "share": .string(share.rawValue), "length": .integer(length), "batch_size": .integer(batchSize),
      "gradient_accumulation_steps": .integer(accumulation), "packing": .bool(packs),
      "optimizer": [
        "learning_rate": .number(optimizer.learningRate), "beta1": .number(optimizer.adamW.beta1),
        "beta2": .number(optimizer.adamW.beta2), "epsilon": .number(optimizer.adamW.epsilon),
        "weight_decay": .number(optimizer.adamW.weightDecay),
        "max_grad_norm": .number(optimizer.maxGradientNorm ?? 0),
        "carry_moments": .bool(optimizer.carriesMoments),
      ],
      "schedule": schedule.json, "activation_megabytes": .integer(activationBytes >> 20),
      "checkpoint_steps": .integer(checkpointSteps),
      "keep_checkpoints": .integer(keptCheckpoints), "tensorboard": .bool(writesTensorBoard),
    ]
  }
}

extension TrainingInput {
  var json: JSONValue {
    var object: JSONObject = ["path": .string(path)]
    switch format {
    case .text(let separator):
      object["format"] = "text"
      if let separator { object["separator"] = .string(separator) }
    case .jsonl(let field):
      object["format"] = "jsonl"
      object["field"] = .string(field)
    case .instruction(let fields):
      object["format"] = "instruction"
      object["fields"] = fields.json
      object["completions_only"] = .bool(completionsOnly)
    case .chat:
      object["format"] = "chat"
      object["completions_only"] = .bool(completionsOnly)
      if let date { object["date"] = .string(date.description) }
    case .tokens: object["format"] = "tokens"
    }
    if let weight { object["weight"] = .number(weight) }
    object["skip_broken"] = .bool(skipsBroken)
    return .object(object)
  }
}

extension TrainingInput.InstructionFields {
  var json: JSONValue {
    var object: JSONObject = [
      "instruction": .string(instruction), "input": .string(input), "output": .string(output),
    ]
    if let promptWithInput { object["prompt_with_input"] = .string(promptWithInput) }
    if let promptWithoutInput { object["prompt_without_input"] = .string(promptWithoutInput) }
    return .object(object)
  }
}

extension Recovery {
  var json: JSONValue {
    switch self {
    case .full: ["kind": "full"]
    case .normsAndBiases: ["kind": "norms-and-biases"]
    case .lowRank(let rank, let alpha, let targets):
      [
        "kind": "lora", "rank": .integer(rank), "alpha": .number(alpha),
        "targets": .array(targets.map { .string($0) }),
      ]
    case .distill(let options):
      [
        "kind": "distill", "temperature": .number(options.temperature), "weight": .number(options.weight),
        "hidden_weight": .number(options.hiddenWeight),
      ]
    }
  }
}

extension Schedule {
  var json: JSONValue {
    var object: JSONObject = ["kind": .string(kind.rawValue), "warmup": .number(warmup)]
    if kind == .wsd {
      object["decay"] = .number(decay)
      object["minimum"] = .number(minimum)
    }
    return .object(object)
  }
}
