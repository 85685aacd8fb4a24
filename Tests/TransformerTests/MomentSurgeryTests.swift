import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// The optimizer goes on after units have left: what it knew of those that stayed stays.
@Suite struct MomentSurgeryTests {
  private let workers = Workers(count: 2)
  private let kept = (groups: [0, 2], channels: [1, 2, 5, 9])

  private func trainer(_ decoder: Decoder) throws -> Trainer {
    try Trainer(
      decoder, .full, optimizer: AdamWOptions(), maxGradientNorm: nil,
      room: TrainingRoom(tokens: 32, longest: 16, activationLimit: 1 << 20), workers: workers)
  }

  /// Rows and columns by the units' own definition: a group has its key and value head and its query heads.
  private func selection(_ name: String, of shape: LayerShape) -> (rows: [Int]?, columns: [Int]?) {
    let repeats = shape.queryHeads / shape.keyValueHeads
    let d = shape.headDimension
    let keyValue = kept.groups.flatMap { $0 * d..<($0 + 1) * d }
    let query = kept.groups.flatMap { $0 * repeats * d..<($0 + 1) * repeats * d }
    if name.contains("q_proj") { return (query, nil) }
    if name.contains("k_proj") || name.contains("v_proj") { return (keyValue, nil) }
    if name.contains("o_proj.weight") { return (nil, query) }
    if name.contains("gate_proj") || name.contains("up_proj") { return (kept.channels, nil) }
    if name.contains("down_proj.weight") { return (nil, kept.channels) }
    return (nil, nil)
  }

  @Test(arguments: [SmallModel.Kind.biased, .qwen3, .untied])
  func rowsAndColumnsOfTheMomentsLeaveWithTheWeights(_ kind: SmallModel.Kind) throws {
    let model = SmallModel(kind, seed: 3)
    let folder = try model.write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let decoder = try Decoder(Checkpoint.open(folder.path))
    let before = try trainer(decoder)
    let sequences = [
      TrainingSequence(tokens: [3, 17, 9, 30, 2, 11, 8]), TrainingSequence(tokens: [1, 5, 5, 29, 21]),
    ]
    for _ in 0..<3 { _ = try before.step([sequences], learningRate: 0.01) }
    let file = folder.appendingPathComponent("moments.safetensors").path
    try before.writeMoments(to: file)

    for layer in 0..<decoder.layerCount {
      try decoder.keep(kept.groups.map { CurrentUnit($0) }, of: .attention, layer: layer)
      try decoder.keep(kept.channels.map { CurrentUnit($0) }, of: .mlp, layer: layer)
    }
    let after = try trainer(decoder)
    try after.adoptMoments(from: file, optimizerSteps: before.optimizerSteps)
    #expect(after.optimizerSteps == 3)
    let old = Dictionary(uniqueKeysWithValues: before.namedMoments.map { ($0.name, ($0.first, $0.second)) })
    for (name, first, second) in after.namedMoments {
      let shape = try #require(model.configuration.parameters.first { $0.0 == name }?.1)
      let columns = shape.count > 1 ? shape[1] : 1
      let chosen =
        name.contains("layers")
        ? selection(name, of: model.configuration.layers[0]) : (rows: nil, columns: nil)
      func cut(_ values: [Float]) -> [Float] {
        (chosen.rows ?? Array(0..<shape[0])).flatMap { row in
          (chosen.columns ?? Array(0..<columns)).map { values[row * columns + $0] }
        }
      }
      let (oldFirst, oldSecond) = try #require(old[name])
      #expect(first == cut(oldFirst), "\(name): first moment")
      #expect(second == cut(oldSecond), "\(name): second moment")
      #expect(first.contains { $0 != 0 } && second.contains { $0 != 0 }, "\(name) has moments at all")
    }
    // The next step is that of a model of the smaller size: finite, and of the loss's own gradient.
    #expect(try after.step([sequences], learningRate: 0.01).gradientNorm.isFinite)
  }

  /// What is gone leaves its moments behind, and the others' are as they were.
  @Test(arguments: [SmallModel.Kind.biased, .qwen3])
  func momentsOfWholeSublayersLeaveWithThem(_ kind: SmallModel.Kind) throws {
    let folder = try SmallModel(kind, seed: 3, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let decoder = try Decoder(Checkpoint.open(folder.path))
    let before = try trainer(decoder)
    let sequences = [TrainingSequence(tokens: [3, 17, 9, 30, 2, 11, 8])]
    for _ in 0..<2 { _ = try before.step([sequences], learningRate: 0.01) }
    let file = folder.appendingPathComponent("moments.safetensors").path
    try before.writeMoments(to: file)
    try decoder.keep([], of: .attentionBlock, layer: 0)
    try decoder.keep([], of: .layer, layer: 1)
    try decoder.keep([], of: .mlpBlock, layer: 2)
    let after = try trainer(decoder)
    try after.adoptMoments(from: file, optimizerSteps: before.optimizerSteps)
    let expected = before.namedMoments.filter { moment in
      let gone = ["0.self_attn", "0.input_l", "1.", "2.mlp", "2.post_"]
      return !gone.contains { moment.name.hasPrefix("model.layers.\($0)") }
    }
    #expect(!expected.isEmpty && after.namedMoments.map(\.name) == expected.map(\.name))
    for (found, expected) in zip(after.namedMoments, expected) {
      #expect(found.first == expected.first && found.second == expected.second, "\(found.name)")
    }
    // And a state of such a model comes back.
    let state = folder.appendingPathComponent("state.safetensors").path
    try after.writeState(to: state)
    let second = try trainer(decoder)
    try second.restoreState(from: state, optimizerSteps: after.optimizerSteps)
    for trainer in [after, second] { _ = try trainer.step([sequences], learningRate: 0.01) }
    #expect(!second.namedValues.isEmpty && second.namedValues.map(\.name) == after.namedValues.map(\.name))
    for ((name, values), (_, expected)) in zip(second.namedValues, after.namedValues) {
      #expect(values == expected, "\(name)")
    }
  }

  @Test func aStateComesBackAsItWas() throws {
    let folder = try SmallModel(.untied, seed: 3).write()
    defer { try? FileManager.default.removeItem(at: folder) }
    func fresh() throws -> Trainer { try trainer(Decoder(Checkpoint.open(folder.path))) }
    let batches = (0..<6).map { step in
      [TrainingSequence(tokens: (0..<9).map { Int32(($0 * 7 + step * 5) % 32) })]
    }
    let whole = try fresh()
    for batch in batches { _ = try whole.step([batch], learningRate: 0.01) }
    let first = try fresh()
    for batch in batches.prefix(3) { _ = try first.step([batch], learningRate: 0.01) }
    let file = folder.appendingPathComponent("state.safetensors").path
    try first.writeState(to: file)
    let second = try fresh()
    try second.restoreState(from: file, optimizerSteps: first.optimizerSteps)
    for batch in batches.suffix(3) { _ = try second.step([batch], learningRate: 0.01) }
    #expect(!second.namedValues.isEmpty && second.namedValues.map(\.name) == whole.namedValues.map(\.name))
    for ((name, values), (_, expected)) in zip(second.namedValues, whole.namedValues) {
      #expect(values == expected, "\(name)")
    }
  }

  @Test func aStateOfAnotherModelIsRefused() throws {
    let folder = try SmallModel(.untied, seed: 3).write()
    let other = try SmallModel(.untied, seed: 3, intermediate: 12).write()
    defer { for place in [folder, other] { try? FileManager.default.removeItem(at: place) } }
    let file = folder.appendingPathComponent("state.safetensors").path
    try trainer(Decoder(Checkpoint.open(folder.path))).writeState(to: file)
    let stranger = try trainer(Decoder(Checkpoint.open(other.path)))
    let error = #expect(throws: CheckpointError.self) {
      try stranger.restoreState(from: file, optimizerSteps: 1)
    }
    #expect("\(error as Any)".contains("mlp"), "\(error as Any)")
    #expect(throws: CheckpointError.self) { try stranger.adoptMoments(from: file, optimizerSteps: 1) }
  }

  /// A loss that is no number leaves the weights as they were.
  @Test func aStepThatIsNotFiniteChangesNothing() throws {
    var model = SmallModel(.untied, seed: 3)
    model.weights["model.norm.weight"] = model.weights["model.norm.weight"]?.map { _ in .infinity }
    let folder = try model.write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let broken = try trainer(Decoder(Checkpoint.open(folder.path)))
    let before = broken.namedValues.map(\.values)
    #expect(throws: DecoderError.notFinite(step: 1)) {
      _ = try broken.step([[TrainingSequence(tokens: [1, 2, 3])]], learningRate: 0.01)
    }
    #expect(broken.namedValues.map(\.values) == before)
    #expect(throws: DecoderError.noTargets) {
      _ = try broken.step([[TrainingSequence(tokens: [1])]], learningRate: 0.01)
    }
  }
}
