import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// Against PyTorch (scripts/make-architecture-fixtures.py): architectures that normalise, cap and scale elsewhere than
/// Llama does.
@Suite(.enabled(if: Reference.folder != nil, Reference.missing))
struct NewerArchitectureTests {
  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/architectures").path
  /// One set of threads serves one pass at a time.
  static var workers: Workers { Workers(count: 2) }

  static func fixture(_ name: String) throws -> SafetensorsFile {
    try SafetensorsFile(path: "\(fixtures)/\(name).safetensors")
  }

  /// [layers]: the units that stay.
  static func kept(_ name: String, in file: SafetensorsFile) throws -> [[Int]] {
    let tensor = try #require(file.tensors[name])
    let all = try tensor.integers()
    return stride(from: 0, to: all.count, by: tensor.columns).map { Array(all[$0..<$0 + tensor.columns]) }
  }

  static func pruned(_ name: String) throws -> Decoder {
    let (decoder, file) = (try Reference.model(name), try fixture(name))
    for (layer, groups) in try kept("groups", in: file).enumerated() {
      try decoder.keep(groups.map { CurrentUnit($0) }, of: .attention, layer: layer)
    }
    for (layer, channels) in try kept("channels", in: file).enumerated() {
      try decoder.keep(channels.map { CurrentUnit($0) }, of: .mlp, layer: layer)
    }
    return decoder
  }

  /// The logits of the last four positions of both sequences.
  static func lastLogits(_ decoder: Decoder, _ name: String) throws -> [Float] {
    try Reference.golden(name).sequences().flatMap {
      try decoder.logits($0, workers: workers).suffix(4 * decoder.vocabulary)
    }
  }

  @Test(
    "a pruned model computes what PyTorch computes with the same units zeroed", arguments: Reference.newer)
  func pruningIsZeroing(_ name: String) throws {
    let found = try Self.lastLogits(try Self.pruned(name), name)
    let error = relativeError(found, try Self.fixture(name).floats("logits"))
    #expect(error < 1e-5, "\(name): \(error)")
  }

  @Test("the Taylor scores keep the units that PyTorch's keep", arguments: Reference.newer)
  func taylor(_ name: String) throws {
    let decoder = try Reference.model(name)
    let file = try Self.fixture(name)
    let (groups, channels) = (try Self.kept("groups", in: file), try Self.kept("channels", in: file))
    var visited = 0
    _ = try decoder.calibrate(
      CalibrationRequest(
        sequences: Reference.golden(name).sequences(), batchSize: 2, gradients: .sum, activationLimit: 0),
      workers: Self.workers
    ) { layer in
      let gradients = try #require(layer.gradients)
      let shape = decoder.configuration.layers[layer.layer]
      var scores: [Family: [Double]] = [
        .attention: Array(repeating: 0, count: shape.keyValueHeads),
        .mlp: Array(repeating: 0, count: shape.intermediateSize),
      ]
      for (weight, gradient) in zip(layer.weights.named, gradients.named) where !weight.isVector {
        for row in 0..<weight.rows {
          for column in 0..<weight.columns {
            let index = row * weight.columns + column
            let product = Double(abs(weight.base[index] * gradient.base[index]))
            let ownsRows = weight.spec.rows.owner != nil
            let (owner, place) = ownsRows ? (weight.spec.rows, row) : (weight.spec.columns, column)
            switch owner {
            case .queryHeads: scores[.attention]?[place / (shape.headDimension * shape.repeats)] += product
            case .keyValueHeads: scores[.attention]?[place / shape.headDimension] += product
            case .channels: scores[.mlp]?[place] += product
            default: break
            }
          }
        }
      }
      for (family, kept) in [(Family.attention, groups[layer.layer]), (.mlp, channels[layer.layer])] {
        let values = try #require(scores[family])
        let best = values.indices.sorted { values[$0] > values[$1] }.prefix(kept.count).sorted()
        #expect(best == kept, "\(name) layer \(layer.layer) \(family)")
        visited += 1
      }
    }
    #expect(visited == 2 * decoder.layerCount)
  }

  @Test("a model that was cut, written and read again computes the same", arguments: Reference.newer)
  func saving(_ name: String) throws {
    let decoder = try Self.pruned(name)
    try expectSameLogits(decoder, name)
    // Phi3Config counts LongRoPE's factors as if heads still divided the hidden size: it takes no model with fewer.
    guard name == "phi3_longrope" else { return try expectSameLogits(decoder, name, inTransformers: true) }
    let channels = try Reference.model(name)
    for layer in 0..<channels.layerCount {
      try channels.keep(Array(3..<100), of: .mlp, layer: layer)
    }
    try expectSameLogits(channels, name, inTransformers: true)
  }

  private func expectSameLogits(_ decoder: Decoder, _ name: String, inTransformers: Bool = false) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("newer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try ModelWriter(folder: folder.path, configuration: decoder.prunedConfiguration)
    try decoder.forEachParameter(workers: Self.workers) { try writer.append($1, to: $0) }
    try writer.finish()
    let again = try Decoder(Checkpoint.open(folder.path))
    #expect(try Self.lastLogits(again, name) == Self.lastLogits(decoder, name))
    // The files have the tensors that transformers has.
    let source = try SafetensorsFile(path: Reference.path(name) + "/model.safetensors")
    let written = try SafetensorsFile(path: folder.path + "/model.safetensors")
    #expect(Set(written.tensors.keys) == Set(source.tensors.keys))
    guard inTransformers,
      let python = ProcessInfo.processInfo.environment["ADAPT_PRUNER_TRANSFORMERS_PYTHON"]
    else { return }
    let logits = try Self.transformersLogits(python, folder.path, Reference.path(name))
    let error = relativeError(try Self.lastLogits(decoder, name), logits)
    #expect(error < 1e-5, "\(name) in transformers: \(error)")
  }

  /// The same logits as transformers computes them of a folder.
  private static func transformersLogits(
    _ python: String, _ folder: String, _ reference: String
  ) throws -> [Float] {
    let program = """
      import sys, torch
      from safetensors.torch import load_file, save_file
      from transformers import AutoModelForCausalLM
      model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager")
      ids = load_file(sys.argv[2] + "/golden.safetensors")["input_ids"].long()
      with torch.no_grad(): logits = model(input_ids=ids).logits[:, -4:]
      save_file({"logits": logits.contiguous()}, sys.argv[1] + "/logits.safetensors")
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", program, folder, reference]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return try SafetensorsFile(path: folder + "/logits.safetensors").floats("logits")
  }
}
