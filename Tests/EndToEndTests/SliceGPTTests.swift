import Checkpoints
import Foundation
import JSON
import Pipeline
import Tensors
import Testing
import Transformer

/// SliceGPT in its published mode, against what its code makes of the same models and token ids.
@Suite(
  .enabled(if: Support.reference != nil, Support.noReference),
  .enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct SliceGPTTests {
  private static func manifest(
    ids: String, sequences: Int, length: Int, sparsity: Double, orientation: String, evaluate: String? = nil
  ) -> JSONValue {
    var stages: [JSONValue] = [
      [
        "stage": "transform",
        "transform": [
          "id": "adapt-pruner.slicegpt",
          "options": [
            "sparsity": .number(sparsity), "round_to": 8, "center_embeddings": true,
            "orientation": .string(orientation),
          ],
        ],
        "calibration": [
          "data": ["path": .string(ids), "format": "ids"], "sequences": .integer(sequences),
          "length": .integer(length),
        ],
      ], ["stage": "save"],
    ]
    if let evaluate {
      stages.append([
        "stage": "evaluate",
        "evaluators": [
          ["id": "adapt-pruner.perplexity", "options": ["data": .string(evaluate), "window": 512]]
        ],
      ])
    }
    return ["name": "slicegpt", "stages": .array(stages)]
  }

  /// A random rotation of what stays is another file and the same model.
  @Test(arguments: ["llama_gqa", "llama_mha"], [(0.0, "pca"), (0.2, "pca"), (0.3, "pca"), (0.2, "random")])
  func smallModelsAreSlicedAsPublished(_ model: String, _ mode: (sparsity: Double, orientation: String))
    throws
  {
    let reference = try #require(Support.reference)
    let golden = try SafetensorsFile(
      path: reference.appendingPathComponent("tiny-methods/slicegpt_\(model).safetensors").path)
    let sequences = try FLAPTests.sequences(
      SafetensorsFile(path: reference.appendingPathComponent("tiny/\(model)/golden.safetensors").path))
    let folder = Support.temporaryFolder()
    let ids = folder.appendingPathComponent("ids.json")
    try JSONValue.array(sequences.map { .array($0.map { .integer(Int($0)) }) }).compact
      .write(to: ids, atomically: true, encoding: .utf8)
    let (summary, _) = try Support.run(
      Self.manifest(
        ids: ids.path, sequences: sequences.count, length: sequences[0].count, sparsity: mode.sparsity,
        orientation: mode.orientation), model: reference.appendingPathComponent("tiny/\(model)"), in: folder)
    let record = try Support.json(reference.appendingPathComponent("tiny-methods/slicegpt_\(model).json"))
    #expect(summary.final.parameters == record["runs"]?["\(mode.sparsity)"]?["params"]?.integerValue)
    let decoder = try Decoder(Checkpoint.open(try #require(summary.savedModels.first.map(summary.path(of:)))))
    #expect(decoder.parameters == summary.final.parameters)
    let logits = try sequences.flatMap { try decoder.logits($0, workers: Workers(count: 2)) }
    let expected = try golden.tensor(named: "s\(mode.sparsity)__logits").floats().map(Double.init)
    let error = relativeError(logits, expected)
    #expect(error < 1e-2, "\(error)")
  }

  /// 20% of SmolLM2's columns gone: its parameters become 109.6%, and its perplexity 48.56.
  @Test(.enabled(if: Support.smolLM2 != nil, "SmolLM2 is not on this machine; make demo fetches it"))
  func smolLM2IsSlicedAsPublished() throws {
    let golden = try #require(Support.reference).appendingPathComponent("smollm2")
    let model = try #require(Support.smolLM2)
    let calibration = golden.appendingPathComponent("calibration_ids.json")
    let (summary, _) = try Support.run(
      Self.manifest(
        ids: calibration.path, sequences: 64, length: 64, sparsity: 0.2, orientation: "random",
        evaluate: golden.appendingPathComponent("evaluation_ids.json").path), model: model)
    let published = try Support.json(golden.appendingPathComponent("slicegpt.json"))["runs"]?["0.2"]
    #expect(summary.final.parameters == published?["params"]?.integerValue)
    let share = Double(summary.final.parameters) / Double(summary.original.parameters)
    #expect(abs(share - 1.096) < 0.001)
    let expected = try #require(published?["eval"]?["ppl"]?.numberValue)
    let found = try #require(
      summary.evaluations.first?.metrics.first { $0.name.contains("token_perplexity") })
    #expect(abs(found.value - expected) < 0.02 * expected, "\(found.value) and \(expected)")

    // Every spectrum on the way, each from what is left behind the places before.
    let tensor = try SafetensorsFile(path: golden.appendingPathComponent("slicegpt.safetensors").path)
      .tensor(named: "s0.2__pca_eigenvalues")
    let spectra = try tensor.floats().map(Double.init)
    let decoder = try Decoder(Checkpoint.open(model.path))
    let n = decoder.hidden
    let places = try decoder.residualPlaces().places
    #expect(tensor.shape == [places.count, n])
    let ids = try #require(Support.json(calibration)["ids"]?.arrayValue).map { $0.integers.map(Int32.init) }
    var place = 0
    try decoder.slice(
      SlicingRequest(sequences: ids, centersEmbeddings: true),
      widths: places.map { $0.kind == .head ? n : 456 }, workers: Workers(count: 2),
      orient: { gram in
        // The published matrix is a sum, with 0.01 of its mean diagonal on the diagonal.
        let damping = (0..<n).reduce(0) { $0 + gram.gram[$1 * n + $1] } / Double(n) * 0.01
        let (values, vectors) = try SymmetricMatrix(gram.gram, n: n).eigen()
        let worst =
          zip(values, spectra[(place * n)..<((place + 1) * n)]).map { value, expected in
            abs((value + damping) * Double(gram.tokens) - expected) / expected
          }.max() ?? .infinity
        #expect(worst < 1e-3, "place \(place): \(worst)")
        place += 1
        return vectors
      }, body: { _, _ in })
  }
}
