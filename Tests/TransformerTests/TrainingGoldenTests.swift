import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// A case of `Tests/Fixtures/training`, whose README says what each number is.
struct TrainingCase: CustomTestStringConvertible {
  let model: String
  let name: String
  let json: JSONValue

  var testDescription: String { "\(model) \(name)" }

  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .appendingPathComponent("Fixtures/training")

  static let all: [TrainingCase] = ["llama", "qwen3"].flatMap { model -> [TrainingCase] in
    let file = fixtures.appendingPathComponent("\(model)-golden/cases.json")
    guard let data = try? Data(contentsOf: file), let json = try? JSONValue(parsing: Array(data)),
      case .object(let cases)? = json["cases"]
    else { return [] }
    return cases.keys.compactMap { name in
      cases[name].map { TrainingCase(model: model, name: name, json: $0) }
    }
  }

  func golden(_ file: String) throws -> SafetensorsFile? {
    guard let name = json["files"]?[file]?.stringValue else { return nil }
    return try SafetensorsFile(path: Self.fixtures.path + "/\(model)-golden/" + name)
  }

  func path(_ file: String) -> String? {
    json["files"]?[file]?.stringValue.map { Self.fixtures.path + "/\(model)-golden/" + $0 }
  }

  var steps: [JSONValue] { json["steps"]?.arrayValue ?? [] }

  func microBatches(_ step: JSONValue) throws -> [[TrainingSequence]] {
    try #require(step["micro_batches"]?.arrayValue).map { batch in
      try #require(batch.arrayValue).flatMap { row in
        let ids = try #require(row["ids"]?.arrayValue).compactMap { $0.integerValue.map { Int32($0) } }
        let targets = try #require(row["targets"]?.arrayValue).compactMap { $0.integerValue.map { $0 == 1 } }
        var start = 0
        return try #require(row["documents"]?.arrayValue).compactMap(\.integerValue).map { length in
          defer { start += length }
          return TrainingSequence(
            tokens: Array(ids[start..<start + length]), isTarget: Array(targets[start..<start + length]))
        }
      }
    }
  }

  func scope() throws -> TrainingScope {
    switch json["trained"]?.stringValue {
    case "vectors": return .normsAndBiases
    case "adapters":
      let names = try #require(json["adapted"]?.arrayValue).compactMap(\.stringValue)
      return .lowRank(
        LowRankOptions(
          rank: try #require(json["rank"]?.integerValue),
          alpha: Double(try #require(json["alpha"]?.integerValue)),
          targets: names.compactMap { $0.split(separator: ".").last.map(String.init) }, seed: 1))
    default: return .full
    }
  }

  func trainer(workers: Workers, activationLimit: Int = 1 << 20) throws -> Trainer {
    func decoder(_ name: String) throws -> Decoder {
      try Decoder(Checkpoint.open(Self.fixtures.appendingPathComponent(name).path))
    }
    let teacher: (Decoder, DistillationOptions)? = try json["teacher"]?.stringValue.map { name in
      (
        try decoder(name),
        DistillationOptions(
          temperature: try #require(json["temperature"]?.numberValue),
          weight: try #require(json["distillation"]?.numberValue),
          hiddenWeight: json["hidden_coefficient"]?.numberValue ?? 0)
      )
    }
    let student = try decoder(model)
    for pair in json["removed"]?.arrayValue ?? [] {
      let layer = try #require(pair.arrayValue?.first?.integerValue)
      let isAttention = pair.arrayValue?.last?.stringValue == "self_attn"
      try student.keep([], of: isAttention ? .attentionBlock : .mlpBlock, layer: layer)
    }
    let trainer = try Trainer(
      student, scope(), optimizer: AdamWOptions(), maxGradientNorm: json["clip"]?.numberValue,
      teacher: teacher, room: TrainingRoom(tokens: 96, longest: 24, activationLimit: activationLimit),
      workers: workers)
    if let start = path("start") { try trainer.restoreValues(from: start) }
    return trainer
  }
}

@Suite struct TrainingGoldenTests {
  /// What the fixture's README calls the loss.
  private func loss(_ step: TrainingStep, _ json: JSONValue, layers: Int, hidden: Int) -> Double {
    let n = Double(step.loss.targets)
    let w = json["distillation"]?.numberValue ?? 0
    let c = json["hidden_coefficient"]?.numberValue ?? 0
    return (1 - w) * step.loss.crossEntropy / n + w * step.loss.divergence / n
      + c * step.loss.hiddenDifference / Double(layers - 1) / Double(step.loss.tokens) / Double(hidden)
  }

  @Test func thereAreCases() { #expect(TrainingCase.all.count == 28) }

  /// The largest difference is taken relative to the tensor's largest value. Keeping activations and recomputing them
  /// must make no difference, nor must the number of threads beyond rounding.
  @Test(arguments: TrainingCase.all, [0, 1 << 20])
  func stepsEndWherePyTorchsDo(_ golden: TrainingCase, activationLimit: Int) throws {
    let trainer = try golden.trainer(workers: Workers(count: 2), activationLimit: activationLimit)
    for (index, json) in golden.steps.enumerated() {
      let batches = try golden.microBatches(json)
      let step = try trainer.step(batches, learningRate: try #require(json["learning_rate"]?.numberValue))
      let layers = golden.model == "llama" ? 3 : 2
      let expected = try #require(json["loss"]?.numberValue)
      #expect(abs(loss(step, golden.json, layers: layers, hidden: 32) - expected) < 1e-4 * expected)
      #expect(step.loss.targets == json["target_count"]?.integerValue)
      let norm = try #require(json["gradient_norm"]?.numberValue)
      #expect(abs(step.gradientNorm - norm) < 1e-4 * norm, "step \(index)")
      guard index == 0, let gradients = try golden.golden("gradients") else { continue }
      let found = trainer.namedGradients
      #expect(Set(found.map(\.name)) == Set(gradients.tensors.keys))
      for (name, values) in found {
        #expect(relativeError(values, try gradients.floats(name)) < 1e-4, "gradient of \(name)")
      }
    }
    let after = try #require(try golden.golden("after"))
    let values = trainer.namedValues
    #expect(Set(values.map(\.name)) == Set(after.tensors.keys))
    for (name, values) in values {
      #expect(relativeError(values, try after.floats(name)) < 1e-4, "\(name) after the last step")
    }
    if let merged = try golden.golden("merged") {
      var found: [String: [Float]] = [:]
      try trainer.forEachParameter { name, values in found[name, default: []] += values }
      for name in merged.tensors.keys {
        #expect(relativeError(try #require(found[name]), try merged.floats(name)) < 1e-4, "\(name) merged")
      }
    }
  }
}
