import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// How the logits change without a sublayer or layer, against transformers' own model with each of them silenced in turn
/// (scripts/make-removal-fixtures.py).
@Suite struct RemovalStatisticsTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures")

  private func json(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Array(Data(contentsOf: Self.fixtures.appendingPathComponent(name))))
  }

  private func request(_ families: Set<Family>, limit: Int = 1 << 30) throws -> CalibrationRequest {
    var request = CalibrationRequest(
      sequences: try #require(try json("statistics/ids.json").arrayValue).map {
        try #require($0.arrayValue).compactMap(\.integerValue).map(Int32.init)
      }, batchSize: 3, gradients: .none)
    request.removals = families
    request.removalLimit = limit
    return request
  }

  private func decoder(_ model: String, cut: Bool = false) throws -> Decoder {
    let decoder = try Decoder(
      Checkpoint.open(Self.fixtures.appendingPathComponent("training/\(model)").path))
    if cut {
      try decoder.keep([], of: .attentionBlock, layer: 1)
      try decoder.keep([], of: .mlpBlock, layer: 0)
    }
    return decoder
  }

  private func changes(
    _ decoder: Decoder, _ request: CalibrationRequest, workers: Int = 2
  ) throws -> [[Family: OutputChange]] {
    var changes = [[Family: OutputChange]](repeating: [:], count: decoder.layerCount)
    _ = try decoder.calibrate(request, workers: Workers(count: workers)) { changes[$0.layer] = $0.removals }
    return changes
  }

  /// Against the whole model even where two sublayers have left: with all models in one walk, those of each layer in one of
  /// their own, or something between.
  @Test(arguments: ["llama", "qwen3"], [false, true])
  func changesAreTheReferences(_ model: String, _ cut: Bool) throws {
    let golden = try #require(try json("removals/changes.json")[model]?[cut ? "cut" : "whole"])
    let all: Set<Family> = [.attentionBlock, .mlpBlock, .layer]
    // 74 tokens of 32 floats: a stream takes 9472 bytes.
    for limit in [1 << 30, 0, 5 * 9472] {
      let found = try changes(try decoder(model, cut: cut), request(all, limit: limit))
      for family in all {
        let expected = try #require(golden[family.rawValue]?.arrayValue)
        #expect(expected.count == found.count)
        for (layer, expected) in expected.enumerated() {
          let change = found[layer][family]
          guard let numbers = expected.arrayValue?.compactMap(\.numberValue), numbers.count == 2 else {
            #expect(change == nil, "layer \(layer), \(family): it has left already")
            continue
          }
          let place: Comment = "layer \(layer), \(family), limit \(limit)"
          let angle = try #require(change?.angle, place)
          let norm = try #require(change?.norm, place)
          #expect(abs(angle - numbers[0]) < 1e-5 * numbers[0], place)
          #expect(abs(norm - numbers[1]) < 1e-5 * numbers[1], place)
        }
      }
    }
  }

  /// And a measure does not depend on what else is asked for, nor, but for rounding, on the number of threads.
  @Test func onlyWhatIsAskedForIsMeasured() throws {
    let decoder = try decoder("llama")
    let all = try changes(decoder, request([.attentionBlock, .mlpBlock, .layer]))
    let mlp = try changes(decoder, request([.mlpBlock]), workers: 1)
    #expect(all.allSatisfy { $0.count == 3 })
    #expect(mlp.map { Array($0.keys) } == [[.mlpBlock], [.mlpBlock], [.mlpBlock]])
    for (all, mlp) in zip(all, mlp) {
      let (wide, narrow) = (try #require(all[.mlpBlock]), try #require(mlp[.mlpBlock]))
      #expect(abs(wide.angle - narrow.angle) < 1e-6 * wide.angle)
    }
    // Channels and KV groups are no sublayers.
    #expect(try changes(decoder, request([.attention, .mlp])).allSatisfy(\.isEmpty))
    #expect(try changes(decoder, request([])).allSatisfy(\.isEmpty))
  }

  @Test func aPassCanBeStoppedBetweenLayers() throws {
    struct Stop: Error {}
    var phases: [String] = []
    #expect(throws: Stop.self) {
      _ = try decoder("llama").calibrate(
        request([.mlpBlock]), workers: Workers(count: 2),
        observer: {
          phases.append("\($0.phase) \($0.done)/\($0.total)")
          if $0.done == 2 { throw Stop() }
        }, visit: { _ in })
    }
    #expect(phases == ["removals 1/3", "removals 2/3"])
  }
}
