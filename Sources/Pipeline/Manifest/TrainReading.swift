import ChatTemplates
import Foundation
import JSON
import PluginRuntime
import TrainingData
import Transformer

/// Reads a train stage. What is wrong is noted in the readers; what is returned then is of no use.
struct TrainReading {
  var data: DataReading

  static let keys = [
    "stage", "name", "data", "recovery", "steps", "share", "length", "batch_size",
    "gradient_accumulation_steps", "packing", "optimizer", "schedule", "activation_megabytes",
    "checkpoint_steps", "keep_checkpoints", "tensorboard",
  ]

  mutating func stage(_ reader: ObjectReader) -> TrainStage? {
    _ = reader.required("steps", expected: "optimizer steps, an integer of at least 1")
    let expected = "a list of files to train on"
    let inputs = reader.required("data", expected: expected).flatMap { value -> [TrainingInput]? in
      self.inputs(value, at: reader.path.key("data"), reader.reading)
    }
    let recovery = recovery(reader)
    let stage = TrainStage(
      data: inputs ?? [], recovery: recovery ?? .full,
      steps: reader.integer("steps", default: 1, in: 1...100_000_000),
      share: reader.choice("share", default: .constant),
      length: reader.integer("length", default: 512, in: 2...1_000_000),
      batchSize: reader.integer("batch_size", default: 8, in: 1...100_000),
      accumulation: reader.integer("gradient_accumulation_steps", default: 1, in: 1...100_000),
      packs: reader.flag("packing", default: true), optimizer: optimizer(reader), schedule: schedule(reader),
      activationBytes: reader.integer("activation_megabytes", default: 1536, in: 0...10_000_000) << 20,
      checkpointSteps: reader.integer("checkpoint_steps", default: 100, in: 0...100_000_000),
      keptCheckpoints: reader.integer("keep_checkpoints", default: 2, in: 1...1000),
      writesTensorBoard: reader.flag("tensorboard", default: false))
    return inputs == nil || recovery == nil ? nil : stage
  }

  // MARK: - Data

  private mutating func inputs(
    _ value: JSONValue, at place: JSONPath, _ reading: ManifestReading
  ) -> [TrainingInput]? {
    // One input can stand without its list.
    guard let elements = value.arrayValue else { return input(value, at: place, reading).map { [$0] } }
    if elements.isEmpty { reading.problem(place, "the list is empty", expected: "at least one file") }
    var inputs: [TrainingInput] = []
    for (index, element) in elements.enumerated() {
      if let input = input(element, at: place.index(index), reading) { inputs.append(input) }
    }
    if inputs.contains(where: { $0.weight != nil }), inputs.count == elements.count {
      for (index, input) in inputs.enumerated() where input.weight == nil {
        reading.problem(
          place.index(index).key("weight"), "missing, and other files have one",
          expected: "a weight for each file or for none")
      }
    }
    return inputs.count == elements.count && !inputs.isEmpty ? inputs : nil
  }

  private enum FormatWord: String, CaseIterable { case auto, text, jsonl, instruction, chat, tokens }

  private static let inputKeys = [
    "input", "path", "format", "separator", "field", "fields", "weight", "completions_only", "skip_broken",
    "date",
  ]

  private mutating func input(
    _ value: JSONValue, at place: JSONPath, _ reading: ManifestReading
  ) -> TrainingInput? {
    let whole: JSONValue = value.stringValue == nil ? value : ["path": value]
    guard let reader = ObjectReader(whole, at: place, keys: Self.inputKeys, reading: reading),
      let path = data.path(reader)
    else { return nil }
    var word = reader.choice("format", default: FormatWord.auto)
    // What belongs to a format that doesn't exist can't be told.
    let isKnown = reader.object["format"].map { FormatWord(rawValue: $0.stringValue ?? "") != nil } ?? true
    if word == .auto {
      word =
        switch (path as NSString).pathExtension.lowercased() {
        case "jsonl", "ndjson": .jsonl
        case "safetensors": .tokens
        default: .text
        }
    }
    func only(_ key: String, for words: [FormatWord]) {
      guard isKnown, reader.object[key] != nil, !words.contains(word) else { return }
      reading.problem(
        place.key(key), "data read as \(word.rawValue) has none",
        expected: "format \(words.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))")
    }
    only("separator", for: [.text])
    only("field", for: [.jsonl])
    only("fields", for: [.instruction])
    only("completions_only", for: [.instruction, .chat])
    only("date", for: [.chat])
    let date = reader.optionalString("date").flatMap { text -> TemplateDate? in
      if let date = TemplateDate(text) { return date }
      reading.problem(place.key("date"), "“\(text)” is no day", expected: "a day such as \"2025-01-31\"")
      return nil
    }
    let format: TrainingInput.Format =
      switch word {
      case .jsonl: .jsonl(field: reader.optionalString("field") ?? "text")
      case .instruction: .instruction(fields(reader))
      case .chat: .chat
      case .tokens: .tokens
      case .text, .auto: .text(separator: reader.optionalString("separator"))
      }
    let instructs = word == .instruction || word == .chat
    return TrainingInput(
      path: path, format: format,
      weight: reader.object["weight"].map { _ in reader.number("weight", default: 1, above: 0) },
      completionsOnly: reader.flag("completions_only", default: instructs),
      skipsBroken: reader.flag("skip_broken", default: false), date: date)
  }

  private func fields(_ reader: ObjectReader) -> TrainingInput.InstructionFields {
    let names = ["instruction", "input", "output"]
    let prompts = ["prompt_with_input", "prompt_without_input"]
    let given = reader.nested("fields", keys: names + prompts)
    // Or else a task, or what it is about, would be lost without a word.
    for (prompt, parts) in zip(prompts, [["{instruction}", "{input}"], ["{instruction}"]]) {
      guard let given, let text = given.object[prompt]?.stringValue, !text.isEmpty else { continue }
      for part in parts where !text.contains(part) {
        reader.reading.problem(
          given.path.key(prompt), "there is no \(part) in it", expected: parts.joined(separator: " and "))
      }
    }
    return TrainingInput.InstructionFields(
      instruction: given?.optionalString(names[0]) ?? names[0],
      input: given?.optionalString(names[1]) ?? names[1],
      output: given?.optionalString(names[2]) ?? names[2],
      promptWithInput: given?.optionalString(prompts[0]),
      promptWithoutInput: given?.optionalString(prompts[1]))
  }

  // MARK: - What is trained

  private enum Kind: String, CaseIterable {
    case full, lora
    case normsAndBiases = "norms-and-biases"
    case distill
  }

  private func recovery(_ reader: ObjectReader) -> Recovery? {
    let place = reader.path.key("recovery")
    guard let value = reader.object["recovery"] else { return .full }
    let whole: JSONValue = value.stringValue == nil ? value : ["kind": value]
    let keys = ["kind", "rank", "alpha", "targets", "temperature", "weight", "hidden_weight"]
    guard let inner = ObjectReader(whole, at: place, keys: keys, reading: reader.reading),
      inner.required("kind", expected: Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))
        != nil
    else { return nil }
    guard let kind = inner.object["kind"]?.stringValue.flatMap(Kind.init(rawValue:)) else {
      reader.reading.unknownChoice(inner.object["kind"] ?? .null, at: place.key("kind"), of: Kind.self)
      return nil
    }
    let own: [Kind: [String]] = [
      .lora: ["rank", "alpha", "targets"], .distill: ["temperature", "weight", "hidden_weight"],
    ]
    for key in inner.object.keys where key != "kind" && keys.contains(key) && own[kind]?.contains(key) != true
    {
      reader.reading.problem(
        place.key(key), "\"\(kind.rawValue)\" has no such option", advice: "leave it out")
    }
    switch kind {
    case .full: return .full
    case .normsAndBiases: return .normsAndBiases
    case .lora:
      let rank = inner.integer("rank", default: 8, in: 1...4096)
      return .lowRank(
        rank: rank, alpha: inner.number("alpha", default: 2 * Double(rank), above: 0), targets: targets(inner)
      )
    case .distill:
      return .distill(
        DistillationOptions(
          temperature: inner.number("temperature", default: 1, above: 0),
          weight: inner.number("weight", default: 1, in: 0...1),
          hiddenWeight: inner.number("hidden_weight", default: 0, in: 0...1e9)))
    }
  }

  private func targets(_ reader: ObjectReader) -> [String] {
    guard let value = reader.object["targets"] else { return LowRankOptions.allTargets }
    let place = reader.path.key("targets")
    guard let words = value.arrayValue, !words.isEmpty else {
      reader.reading.problem(place, value.shown, expected: "a list of projections such as \"q_proj\"")
      return LowRankOptions.allTargets
    }
    for (index, word) in words.enumerated() where !LowRankOptions.allTargets.contains(word.stringValue ?? "")
    {
      reader.reading.problem(
        place.index(index), word.shown,
        expected: LowRankOptions.allTargets.joined(separator: ", "))
    }
    return LowRankOptions.allTargets.filter { target in words.contains { $0.stringValue == target } }
  }

  // MARK: - The optimizer

  private func optimizer(_ reader: ObjectReader) -> OptimizerSettings {
    let keys = [
      "learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "max_grad_norm", "carry_moments",
    ]
    let inner = reader.nested("optimizer", keys: keys)
    func number(_ key: String, _ standard: Double, _ range: ClosedRange<Double>) -> Double {
      inner?.number(key, default: standard, in: range) ?? standard
    }
    let clip = number("max_grad_norm", 1, 0...1e9)
    return OptimizerSettings(
      learningRate: number("learning_rate", 1e-4, 0...1e3),
      adamW: AdamWOptions(
        beta1: number("beta1", 0.9, 0...0.999_999), beta2: number("beta2", 0.95, 0...0.999_999_9),
        epsilon: number("epsilon", 1e-8, 1e-30...1), weightDecay: number("weight_decay", 0, 0...1e3)),
      maxGradientNorm: clip == 0 ? nil : clip,
      carriesMoments: inner?.flag("carry_moments", default: true) ?? true)
  }

  private func schedule(_ reader: ObjectReader) -> Schedule {
    let place = reader.path.key("schedule")
    var whole = reader.object["schedule"] ?? "cosine"
    if whole.stringValue != nil { whole = ["kind": whole] }
    let inner = ObjectReader(
      whole, at: place, keys: ["kind", "warmup", "decay", "minimum"], reading: reader.reading)
    let kind = inner?.choice("kind", default: Schedule.Kind.cosine) ?? .cosine
    let isKnown = inner?.object["kind"].map { $0.stringValue == kind.rawValue } ?? true
    for key in ["decay", "minimum"] where inner?.object[key] != nil && isKnown && kind != .wsd {
      reader.reading.problem(place.key(key), "only \"wsd\" has it", advice: "leave it out")
    }
    return Schedule(
      kind: kind, warmup: inner?.number("warmup", default: 0.03, in: 0...1) ?? 0.03,
      decay: inner?.number("decay", default: 0.1, in: 0...1) ?? 0.1,
      minimum: inner?.number("minimum", default: 0, in: 0...1) ?? 0)
  }
}
