import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// What the optimizer knows goes on with the units that it knows it of, whatever has become of the model in between.
/// Expected values are PyTorch's, whose state was sliced by hand (Tests/Fixtures/moments).
@Suite struct CarriedMomentsTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures")

  private let workers = Workers(count: 2)
  private let scratch: URL

  init() throws {
    scratch = FileManager.default.temporaryDirectory.appendingPathComponent("moments-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
  }

  private func trainer(_ decoder: Decoder) throws -> Trainer {
    try Trainer(
      decoder, .full, optimizer: AdamWOptions(), maxGradientNorm: nil,
      room: TrainingRoom(tokens: 64, longest: 24, activationLimit: 1 << 20), workers: workers)
  }

  private func cases() throws -> JSONValue {
    let file = Self.fixtures.appendingPathComponent("moments/cases.json")
    return try JSONValue(parsing: Array(Data(contentsOf: file)))
  }

  /// The steps of a model, each one micro-batch of whole rows.
  private func steps(_ model: JSONValue) throws -> [[TrainingSequence]] {
    try #require(model["steps"]?.arrayValue).map { step in
      let rows = try #require(step["micro_batches"]?.arrayValue?.first?.arrayValue)
      return try rows.map { row in
        let ids = try #require(row["ids"]?.arrayValue).compactMap { $0.integerValue.map { Int32($0) } }
        try #require(row["documents"]?.arrayValue?.count == 1)
        return TrainingSequence(
          tokens: ids, isTarget: try #require(row["targets"]?.arrayValue).map { $0.integerValue == 1 })
      }
    }
  }

  private func cuts(_ model: JSONValue) throws -> [[KeptUnits<Numbering.Original>]] {
    func units(_ value: JSONValue?) throws -> [OriginalUnit] {
      try #require(value?.arrayValue).compactMap { $0.integerValue.map { OriginalUnit($0) } }
    }
    return try #require(model["cuts"]?.arrayValue).map { layers in
      try #require(layers.arrayValue).map { layer in
        try KeptUnits { try units(layer[$0.rawValue]) }
      }
    }
  }

  /// Keeps units that are named in the original model's numbering.
  private func keep(_ units: [KeptUnits<Numbering.Original>], in decoder: Decoder) throws {
    let now = zip(decoder.kept, decoder.selected)
    try decoder.select(
      zip(now, units).map { now, units in
        KeptUnits { family in
          zip(now.0.units(of: family), now.1.units(of: family))
            .filter { units.units(of: family).contains($0.0) }.map(\.1)
        }
      })
  }

  /// The model as a stage writes it, whose rows are numbered anew.
  private func rewritten(
    _ decoder: Decoder, _ name: String, adding biases: [String: [Float]] = [:],
    forEachParameter: ((String, UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
  ) throws -> Decoder {
    var configuration = decoder.prunedConfiguration
    if biases.keys.contains(where: { $0.contains("o_proj") }) { configuration.biases.attentionOutput = true }
    if biases.keys.contains(where: { $0.contains("down_proj") }) { configuration.biases.down = true }
    let folder = scratch.appendingPathComponent(name).path
    let writer = try ModelWriter(folder: folder, configuration: configuration)
    try forEachParameter { try writer.append($1, to: $0) }
    for (name, values) in biases { try writer.append(values, to: name) }
    try writer.finish()
    return try Decoder(Checkpoint.open(folder), origin: decoder.origin)
  }

  /// How a run may come from the end of a round to the training of the next: by one cut, with the model written anew
  /// between two cuts (by a compensator, or another train stage), or after the last.
  enum Way: String, CaseIterable, Sendable { case oneCut, writtenBetween, writtenAfter }

  private func goOn(
    _ way: Way, from trained: Trainer, _ decoder: Decoder, _ cuts: [[KeptUnits<Numbering.Original>]],
    _ biases: [String: [Float]]
  ) throws -> Decoder {
    var model = try rewritten(decoder, "trained") { try trained.forEachParameter(body: $0) }
    func write(_ name: String, adding biases: [String: [Float]] = [:]) throws {
      let before = model
      model = try rewritten(before, name, adding: biases) { body in
        try before.forEachParameter(workers: workers, body: body)
      }
    }
    if way == .writtenBetween {
      try keep(cuts[0], in: model)
      try write("between")
    }
    try keep(cuts[1], in: model)
    if way == .writtenAfter || !biases.isEmpty { try write("after", adding: biases) }
    return model
  }

  @Test(arguments: ["llama", "qwen3"], Way.allCases)
  func theStepsAfterACutArePyTorchs(_ name: String, _ way: Way) throws {
    defer { try? FileManager.default.removeItem(at: scratch) }
    let cases = try cases()
    let model = try #require(cases["models"]?[name])
    let (steps, cuts) = (try steps(model), try cuts(model))
    let rate = try #require(cases["optimizer"]?["learning_rate"]?.numberValue)
    let before = try #require(cases["steps_before_the_cut"]?.integerValue)
    let goldens = Self.fixtures.appendingPathComponent("moments").path
    for title in try #require(model["cases"]?.arrayValue).compactMap(\.stringValue) {
      let decoder = try Decoder(
        Checkpoint.open(Self.fixtures.appendingPathComponent("training/\(name)").path))
      let first = try trainer(decoder)
      for step in steps.prefix(before) { _ = try first.step([step], learningRate: rate) }
      let moments = scratch.appendingPathComponent("moments.safetensors").path
      try first.writeMoments(to: moments)

      var biases: [String: [Float]] = [:]
      if title == "compensated" {
        for (name, tensor) in try SafetensorsFile(path: goldens + "/\(name).biases.safetensors").tensors {
          biases[name] = try tensor.floats()
        }
      }
      let next = try goOn(way, from: first, decoder, cuts, biases)
      #expect(next.kept == cuts[1])
      let second = try trainer(next)
      try second.adoptMoments(from: moments, optimizerSteps: first.optimizerSteps)
      for (number, step) in steps.dropFirst(before).enumerated() {
        if number == 1 {
          // A state that is put back has each tensor's own steps with it.
          let state = scratch.appendingPathComponent("state.safetensors").path
          try second.writeState(to: state)
          try second.restoreState(from: state, optimizerSteps: second.optimizerSteps)
        }
        _ = try second.step([step], learningRate: rate)
        let golden = try SafetensorsFile(path: goldens + "/\(name).\(title).\(number + 1).safetensors")
        let values = second.namedValues
        #expect(Set(values.map(\.name)) == Set(golden.tensors.keys), "\(title)")
        for (name, values) in values {
          let expected = try golden.floats(name)
          #expect(
            values.count == expected.count && relativeError(values, expected) < 1e-5,
            "\(title), \(name) after step \(number + 1) of the second round")
        }
      }
    }
  }

  /// Moments that would land on other units are refused, whatever their shapes.
  @Test func momentsOfUnitsThatTheModelDidNotHaveAreRefused() throws {
    defer { try? FileManager.default.removeItem(at: scratch) }
    let folder = try SmallModel(.biased, seed: 3).write()
    defer { try? FileManager.default.removeItem(at: folder) }
    func decoder(keeping channels: [CurrentUnit]) throws -> Decoder {
      let decoder = try Decoder(Checkpoint.open(folder.path))
      for layer in 0..<decoder.layerCount { try decoder.keep(channels, of: .mlp, layer: layer) }
      return decoder
    }
    let (file, state) = ("moments.safetensors", "state.safetensors")
    let writer = try trainer(decoder(keeping: [0, 2, 5]))
    try writer.writeMoments(to: scratch.appendingPathComponent(file).path)
    try writer.writeState(to: scratch.appendingPathComponent(state).path)
    // As many channels, and others.
    let other = try trainer(decoder(keeping: [0, 2, 6]))
    func words(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return ""
    }
    let moments = words {
      try other.adoptMoments(from: scratch.appendingPathComponent(file).path, optimizerSteps: 1)
    }
    #expect(moments.contains("layers.0.mlp") && moments.contains("no unit 6"), "\(moments)")
    let whole = words {
      try other.restoreState(from: scratch.appendingPathComponent(state).path, optimizerSteps: 1)
    }
    #expect(whole.contains("layers.0.mlp") && whole.contains("others"), "\(whole)")

    // A file of an earlier version does not say whose its rows are.
    let old = scratch.appendingPathComponent("old.safetensors").path
    let parts = try SafetensorsFile(path: scratch.appendingPathComponent(file).path)
    let copy = try SafetensorsWriter(
      path: old,
      tensors: parts.tensors.values.map { TensorDeclaration(name: $0.name, shape: $0.shape, type: .float32) })
    for tensor in parts.tensors.values { try copy.append(tensor.floats(), to: tensor.name) }
    try copy.finish()
    let unknown = words { try other.adoptMoments(from: old, optimizerSteps: 1) }
    #expect(unknown.contains("found nothing") && unknown.contains("start the run anew"), "\(unknown)")
  }

  /// A matrix without moments is a damaged file: only biases come into being.
  @Test func aMatrixWithoutMomentsIsRefused() throws {
    defer { try? FileManager.default.removeItem(at: scratch) }
    let folder = try SmallModel(.untied, seed: 3).write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let trainer = try trainer(Decoder(Checkpoint.open(folder.path)))
    let file = scratch.appendingPathComponent("moments.safetensors").path
    try trainer.writeMoments(to: file)
    let parts = try SafetensorsFile(path: file)
    let rest = parts.tensors.values.filter { !$0.name.hasSuffix("layers.1.mlp.up_proj.weight") }
    let writer = try SafetensorsWriter(
      path: file, tensors: rest.map { TensorDeclaration(name: $0.name, shape: $0.shape, type: .float32) },
      metadata: parts.metadata)
    for tensor in rest { try writer.append(tensor.floats(), to: tensor.name) }
    try writer.finish()
    let error = #expect(throws: CheckpointError.self) {
      try trainer.adoptMoments(from: file, optimizerSteps: 1)
    }
    #expect("\(error as Any)".contains("layers.1.mlp.up_proj.weight"), "\(error as Any)")
  }
}
