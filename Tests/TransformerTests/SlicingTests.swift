import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// A model whose residual stream was sliced, against the published code, the dense model, and algebra.
@Suite struct SlicingTests {
  private let workers = Workers(count: 2)

  private func pca(_ gram: ResidualGram) throws -> [Double] {
    let n = Int(Double(gram.gram.count).squareRoot())
    return try SymmetricMatrix(gram.gram, n: n).eigen().vectors
  }

  /// The model written with its stream sliced to `widths`, and read again.
  private func sliced(
    _ decoder: Decoder, _ sequences: [[Int32]], widths: [Int], centered: Bool = false,
    see: (ResidualGram) throws -> Void = { _ in }
  ) throws -> Decoder {
    var configuration = decoder.prunedConfiguration
    configuration.residualWidths = try decoder.residualPlaces().widths(widths)
    configuration.tiedEmbeddings = false
    configuration.declaredType = .float32
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sliced-\(UUID().uuidString)")
    let writer = try ModelWriter(folder: folder.path, configuration: configuration)
    try decoder.slice(
      SlicingRequest(sequences: sequences, centersEmbeddings: centered, widths: widths), workers: workers,
      orient: { gram in
        try see(gram)
        return try pca(gram)
      }, body: { name, values in try writer.append(values, to: name) })
    try writer.finish()
    return try Decoder(Checkpoint.open(folder.path))
  }

  private func widths(_ decoder: Decoder, _ width: Int, head: Int? = nil) throws -> [Int] {
    try decoder.residualPlaces().places.map { $0.kind == .head ? head ?? decoder.hidden : width }
  }

  // MARK: - The published code

  @Test(
    .enabled(if: Reference.folder != nil, Reference.missing), arguments: ["llama_gqa", "llama_mha"],
    [("0.0", 64), ("0.2", 48), ("0.3", 40)])
  func spectraAndLogitsArePublishedOnes(_ name: String, _ setting: (sparsity: String, width: Int)) throws {
    let decoder = try Reference.model(name)
    let sequences = try Reference.golden(name).sequences()
    let folder = try #require(Reference.folder).appendingPathComponent("tiny-methods")
    let golden = try SafetensorsFile(path: folder.appendingPathComponent("slicegpt_\(name).safetensors").path)
    let record = try JSONValue(
      parsing: Array(Data(contentsOf: folder.appendingPathComponent("slicegpt_\(name).json"))))
    let spectra = try golden.floats("s\(setting.sparsity)__pca_eigenvalues")
    var place = 0
    let model = try sliced(
      decoder, sequences, widths: widths(decoder, setting.width), centered: true
    ) { gram in
      let n = decoder.hidden
      // The published matrix is a sum, with 0.01 of its mean diagonal on the diagonal.
      let damping = (0..<n).reduce(0) { $0 + gram.gram[$1 * n + $1] } / Double(n) * 0.01
      let values = try SymmetricMatrix(gram.gram, n: n).eigen().values
      for (index, value) in values.enumerated() {
        let found = (value + damping) * Double(gram.tokens)
        let expected = Double(spectra[place * n + index])
        #expect(abs(found - expected) < 1e-3 * expected, "place \(place), eigenvalue \(index)")
      }
      place += 1
    }
    #expect(place == 9)
    #expect(model.parameters == record["runs"]?[setting.sparsity]?["params"]?.integerValue)
    let logits = try sequences.flatMap { try model.logits($0, workers: workers) }
    let error = try relativeError(logits, golden.floats("s\(setting.sparsity)__logits"))
    #expect(error < 1e-2, "\(error)")
  }

  // MARK: - The dense model

  @Test(
    .enabled(if: Reference.folder != nil, Reference.missing),
    arguments: [
      "llama_gqa", "llama_mha", "llama_bias", "mistral_swa16", "mobilellm_like_tied", "qwen2", "qwen3",
    ])
  func turnedWithoutLosingAColumnTheModelAnswersTheSame(_ name: String) throws {
    let decoder = try Reference.model(name)
    let golden = try Reference.golden(name)
    let model = try sliced(decoder, golden.sequences(), widths: widths(decoder, decoder.hidden))
    let logits = try golden.sequences().flatMap { try model.logits($0, workers: workers) }
    let error = try relativeError(logits, golden.floats("logits"))
    #expect(error < 1e-3, "\(error)")
  }
}
