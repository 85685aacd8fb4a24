import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// Small random models with what transformers computes of them, and the same as llama.cpp's converter lays them out
/// (scripts/make-architecture-models.py; llama.cpp's logits of those files are transformers').
@Suite("A small model of each newer architecture")
struct SmallArchitectureTests {
  static let names = ["gemma2", "gemma3", "phi3", "phi3_longrope", "olmo2", "smollm3", "granite"]
  private static let fixtures = NewerArchitectureTests.fixtures

  /// The last token's logits, after all 40 tokens and after the first 12.
  private func logits(_ decoder: Decoder, _ ids: [Int32]) throws -> [Float] {
    try [40, 12].flatMap {
      try decoder.logits(Array(ids.prefix($0)), workers: Workers(count: 2)).suffix(decoder.vocabulary)
    }
  }

  private func expected(_ name: String) throws -> (ids: [Int32], logits: [Float]) {
    let file = try SafetensorsFile(path: "\(Self.fixtures)/\(name)/expected.safetensors")
    return (
      try #require(file.tensors["input_ids"]).integers().map { Int32($0) }, try file.floats("logits")
    )
  }

  @Test("computes what transformers computes, from its folder and from a GGUF file", arguments: names)
  func logits(_ name: String) throws {
    let (ids, expected) = try expected(name)
    for place in [name, name + ".gguf"] {
      let found = try logits(try Decoder(Checkpoint.open("\(Self.fixtures)/\(place)")), ids)
      let error = relativeError(found, expected)
      #expect(error < 1e-4, "\(place): \(error)")
    }
  }

  @Test("is the same model in a GGUF file", arguments: names)
  func gguf(_ name: String) throws {
    let folder = try Checkpoint.open("\(Self.fixtures)/\(name)")
    let file = try Checkpoint.open("\(Self.fixtures)/\(name).gguf")
    var (ours, theirs) = (file.configuration, folder.configuration)
    ours.otherKeys = [:]
    theirs.otherKeys = [:]
    // float32 has the factors that the metadata have.
    for (found, expected) in zip(ours.ropes, theirs.ropes) {
      #expect(abs(found.attentionFactor - expected.attentionFactor) < 1e-6)
      #expect(
        zip(found.frequencies(headDimension: 4), expected.frequencies(headDimension: 4)).allSatisfy {
          abs($0 - $1) < 1e-6 * $1
        })
    }
    #expect(abs((ours.design.attentionScale ?? 1) - (theirs.design.attentionScale ?? 1)) < 1e-6)
    for key in [\DecoderDesign.embeddingScale, \.residualMultiplier, \.logitScale] {
      #expect(abs(ours.design[keyPath: key] - theirs.design[keyPath: key]) < 1e-6)
      ours.design[keyPath: key] = theirs.design[keyPath: key]
    }
    ours.design.attentionScale = theirs.design.attentionScale
    ours.ropes = theirs.ropes
    ours.rmsNormEpsilon = theirs.rmsNormEpsilon
    #expect(ours == theirs)
    for tensor in folder.configuration.parameters.keys {
      let (found, expected) = (try file.tensor(named: tensor), try folder.tensor(named: tensor))
      #expect(found.shape == expected.shape)
      // 1 has been added to Gemma's norms, in float32, and taken off.
      #expect(relativeError(try found.floats(), try expected.floats()) < 1e-6, "\(tensor)")
    }
  }

  @Test("is written by itself and read again, from either file", arguments: names)
  func written(_ name: String) throws {
    for place in [name, name + ".gguf"] {
      let configuration = try Checkpoint.open("\(Self.fixtures)/\(place)").configuration
      var again = try ModelConfiguration(json: configuration.json, file: "config.json")
      again.otherKeys = configuration.otherKeys
      if place != name {
        // A number passes through another key: 1 / √scalar, 1 / scaling.
        #expect(abs((again.design.attentionScale ?? 1) - (configuration.design.attentionScale ?? 1)) < 1e-12)
        again.design.attentionScale = configuration.design.attentionScale
        again.design.logitScale = configuration.design.logitScale
        // In a GGUF file it is a float32; in config.json it follows from two lengths.
        #expect(abs(again.rope.attentionFactor - configuration.rope.attentionFactor) < 1e-6)
        if configuration.rope.lengthOfChange != nil { again.ropes = configuration.ropes }
      }
      #expect(again == configuration, "\(place)")
    }
  }

  @Test(
    "generates piece by piece what it computes at once, beyond a change of LongRoPE too", arguments: names)
  func generation(_ name: String) throws {
    let (ids, expected) = try expected(name)
    let decoder = try Decoder(Checkpoint.open("\(Self.fixtures)/\(name)"))
    let generator = try Generator(decoder, capacity: 40, workers: Workers(count: 2))
    var found = try generator.read(Array(ids[..<12]))
    #expect(relativeError(found, Array(expected[decoder.vocabulary...])) < 1e-4)
    for start in [12, 13, 14, 20, 21] {
      let end = start == 14 ? 20 : start == 21 ? 40 : start + 1
      found = try generator.read(Array(ids[start..<end]))
    }
    #expect(relativeError(found, Array(expected[..<decoder.vocabulary])) < 1e-4)
    #expect(generator.position == 40)
  }

  @Test("can't be sliced where norms stand behind its sublayers", arguments: ["gemma2", "gemma3", "olmo2"])
  func slicing(_ name: String) throws {
    let decoder = try Decoder(Checkpoint.open("\(Self.fixtures)/\(name)"))
    #expect(throws: DecoderError.normsBehind(file: "\(Self.fixtures)/\(name)")) {
      _ = try decoder.residualPlaces()
    }
  }

  /// Without a cut the least squares over the very inputs and targets give the projection back.
  @Test("a compensator is asked for what the projection answers", arguments: names, [false, true])
  func compensation(_ name: String, followsCut: Bool) throws {
    let (ids, _) = try expected(name)
    let decoder = try Decoder(Checkpoint.open("\(Self.fixtures)/\(name)"))
    let cut = try decoder.copy()
    for layer in 0..<cut.layerCount {
      try cut.keep(Array(0..<23), of: .mlp, layer: layer)
      try cut.keep([1], of: .attention, layer: layer)
    }
    var visited = 0
    try decoder.compensate(
      cut,
      CompensationRequest(
        sequences: [ids], families: [.attention, .mlp], followsCut: followsCut, addsBias: false),
      workers: Workers(count: 2),
      solve: { projection in
        let (rows, columns) = (projection.rows, projection.columns)
        // Σ t xᵀ = W Σ x xᵀ + b Σ xᵀ, since t = W x + b: where the streams are one, that is in the first sublayer.
        if !followsCut || visited == 0 {
          var expected = [Float](repeating: 0, count: rows * columns)
          for row in 0..<rows {
            for column in 0..<columns {
              var sum = Double((projection.bias?[row] ?? 0) * projection.inputMean.base[column])
              for index in 0..<columns {
                sum +=
                  Double(projection.weight.base[row * columns + index])
                  * Double(projection.inputGram.base[index * columns + column])
              }
              expected[row * columns + column] = Float(sum)
            }
          }
          let error = relativeError(projection.targetProduct.values.prefix(rows * columns), expected)
          #expect(error < 1e-4, "\(name) layer \(projection.layer) \(projection.family): \(error)")
        }
        visited += 1
        var kept: [Float] = []
        for row in 0..<rows {
          for column in projection.kept { kept.append(projection.weight.base[row * columns + column]) }
        }
        return (kept, projection.bias)
      }, body: { _, _ in })
    #expect(visited == 2 * decoder.layerCount)
  }
}
