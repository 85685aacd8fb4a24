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
      SlicingRequest(sequences: sequences, centersEmbeddings: centered), widths: widths, workers: workers,
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

  private let tokens: [Int32] = [3, 17, 9, 30, 2, 11, 8, 1, 5, 5, 29, 21]
  private let sequences: [[Int32]] = [
    [3, 17, 9, 30, 2, 11, 8, 4, 28, 16], [1, 5, 5, 29, 21, 6, 7, 22], [12, 0, 31, 4, 13, 14, 15, 26],
  ]

  private func withDecoder(_ model: SmallModel, _ body: (Decoder) throws -> Void) throws {
    let folder = try model.write()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(Decoder(Checkpoint.open(folder.path)))
  }

  /// Whatever writes the stream writes nothing into its last two columns, so that six directions hold all of it.
  private func flat(_ kind: SmallModel.Kind, layers: Int = 3) -> SmallModel {
    var model = SmallModel(kind, seed: 5, layers: layers)
    for (name, values) in model.weights {
      let shape = model.configuration.parameters[name] ?? []
      if name.contains("embed_tokens") {
        model.weights[name] = values.enumerated().map { $0.offset % 8 < 6 ? $0.element : 0 }
      } else if name.contains("o_proj") || name.contains("down_proj") {
        let columns = shape.count > 1 ? shape[1] : 1
        model.weights[name] = values.enumerated().map { $0.offset / columns < 6 ? $0.element : 0 }
      }
    }
    return model
  }

  /// With biases, sliding windows, norms of queries and keys, a tied embedding or none: the norms still divide by all eight.
  @Test(arguments: SmallModel.Kind.allCases)
  func aStreamThatLiesInSixDirectionsLosesNothingWithSixColumns(_ kind: SmallModel.Kind) throws {
    try withDecoder(flat(kind)) { decoder in
      let model = try sliced(decoder, sequences, widths: widths(decoder, 6, head: 6))
      let error = try relativeError(
        model.logits(tokens, workers: workers), decoder.logits(tokens, workers: workers))
      #expect(error < 1e-4, "\(error)")
      // Five columns are too few.
      let narrow = try sliced(decoder, sequences, widths: widths(decoder, 5, head: 5))
      let lost = try relativeError(
        narrow.logits(tokens, workers: workers), decoder.logits(tokens, workers: workers))
      #expect(lost > 1e-2, "\(lost)")
    }
  }

  @Test(arguments: RemovedSublayerTests.removals.indices)
  func aModelWithoutSomeSublayersIsTurnedAsWell(_ index: Int) throws {
    try withDecoder(SmallModel(.biased, seed: 11, layers: 3)) { decoder in
      for (family, layer) in RemovedSublayerTests.removals[index] {
        try decoder.keep([], of: family, layer: layer)
      }
      let model = try sliced(decoder, sequences, widths: widths(decoder, 8))
      let error = try relativeError(
        model.logits(tokens, workers: workers), decoder.logits(tokens, workers: workers))
      #expect(error < 1e-4, "\(error)")
    }
  }

  // MARK: - Sizes

  /// What a transform is told that widths cost is what the written model has, counted tensor by tensor.
  @Test(arguments: SmallModel.Kind.allCases, RemovedSublayerTests.removals.indices)
  func widthsCostWhatTheModelHasThen(_ kind: SmallModel.Kind, _ index: Int) throws {
    try withDecoder(SmallModel(kind, seed: 3, layers: 3)) { decoder in
      for (family, layer) in RemovedSublayerTests.removals[index] {
        try decoder.keep([], of: family, layer: layer)
      }
      if let layer = decoder.allSizes.firstIndex(where: \.hasAttention) {
        try decoder.keep([0, 2], of: .attention, layer: layer)
      }
      let places = try decoder.residualPlaces()
      let widths = places.places.indices.map { 1 + ($0 * 5 + 2) % 8 }
      let products = zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
      let told = zip(places.places, widths).reduce(places.fixedParameters + products) {
        $0 + $1.0.parameters * $1.1
      }
      let model = try sliced(decoder, sequences, widths: widths)
      #expect(model.configuration.parameterCount == told)
      #expect(model.parameters == told)
      let macs = zip(places.places, widths).reduce(products) { $0 + $1.0.multiplyAccumulates * $1.1 }
      #expect(model.multiplyAccumulates == macs)
    }
  }

  // MARK: - Running

  @Test(arguments: SmallModel.Kind.allCases)
  func readingPieceByPieceIsReadingAtOnce(_ kind: SmallModel.Kind) throws {
    try withDecoder(SmallModel(kind, seed: 8, layers: 3)) { decoder in
      let places = try decoder.residualPlaces().places
      let model = try sliced(decoder, sequences, widths: places.indices.map { 3 + $0 % 5 })
      let whole = try model.logits(tokens, workers: workers)
      let generator = try Generator(model, capacity: tokens.count, workers: workers)
      _ = try generator.read(Array(tokens[..<7]))
      for token in tokens[7..<11] { _ = try generator.read([token]) }
      let last = try generator.read([tokens[11]])
      #expect(relativeError(last, Array(whole.suffix(model.vocabulary))) < 1e-5)
      // ln p of the token that follows, from the logits.
      let row = Array(whole[(4 * model.vocabulary)...].prefix(model.vocabulary)).map(Double.init)
      let total = row.reduce(0) { $0 + Foundation.exp($1) }
      let expected = row[Int(tokens[5])] - Foundation.log(total)
      let found = try model.logLikelihoods([(tokens, 5)], workers: workers)[0][0]
      #expect(abs(found - expected) < 1e-5)
    }
  }

  @Test func whatChangesOrTrainsAModelRefusesASlicedOne() throws {
    try withDecoder(SmallModel(.llama, seed: 8)) { decoder in
      let model = try sliced(decoder, sequences, widths: widths(decoder, 6))
      let refusal = DecoderError.sliced(file: model.checkpoint.location)
      #expect(throws: refusal) { try model.keep([0], of: .mlp, layer: 0) }
      #expect(throws: refusal) { try model.residualPlaces() }
      #expect(throws: refusal) {
        try model.calibrate(
          CalibrationRequest(sequences: sequences, batchSize: 1, gradients: .none), workers: workers
        ) { _ in }
      }
      for (student, teacher) in [(model, nil), (decoder, model)] as [(Decoder, Decoder?)] {
        #expect(throws: refusal) {
          try Trainer(
            student, .full, optimizer: AdamWOptions(), maxGradientNorm: nil,
            teacher: teacher.map { ($0, DistillationOptions(temperature: 1, weight: 1, hiddenWeight: 0)) },
            room: TrainingRoom(tokens: 8, longest: 8, activationLimit: 0),
            workers: workers)
        }
      }
    }
  }

  @Test func widthsThatDoNotFitAreRefused() throws {
    try withDecoder(SmallModel(.llama, seed: 8)) { decoder in
      for widths in [[8, 8, 8], [8, 8, 8, 8, 9], [0, 8, 8, 8, 8]] {
        #expect(throws: DecoderError.badWidths(places: 5, hidden: 8)) {
          try decoder.slice(
            SlicingRequest(sequences: sequences), widths: widths, workers: workers,
            orient: pca, body: { _, _ in })
        }
      }
    }
  }

  /// The trace of a Gram matrix is the sum of its eigenvalues; at the first place it is the embeddings' mean square.
  @Test func energiesAddUpToTheMeanSquareOfTheEmbeddings() throws {
    let small = SmallModel(.untied, seed: 8, layers: 2)
    try withDecoder(small) { decoder in
      let energies = try decoder.residualEnergies(SlicingRequest(sequences: sequences), workers: workers)
      #expect(energies.count == 5 && energies.allSatisfy { $0.count == 8 })
      #expect(energies.allSatisfy { zip($0, $0.dropFirst()).allSatisfy(>=) })
      let table = try #require(small.weights["model.embed_tokens.weight"])
      let all = sequences.flatMap(\.self)
      let squares = all.reduce(0.0) { sum, token in
        (0..<8).reduce(sum) { $0 + Double(table[Int(token) * 8 + $1] * table[Int(token) * 8 + $1]) }
      }
      #expect(abs(energies[0].reduce(0, +) - squares / Double(all.count)) < 1e-5)
      // With every token brought to a mean square of 1 (but for the norm's epsilon) the trace is the width.
      let alike = try decoder.residualEnergies(
        SlicingRequest(sequences: sequences, normalisesTokens: true), workers: workers)
      #expect(alike.allSatisfy { abs($0.reduce(0, +) - 8) < 1e-2 })
      // As it is sliced, too: with nothing lost the spectra are those of the dense model.
      var place = 0
      try decoder.slice(
        SlicingRequest(sequences: sequences, normalisesTokens: true), widths: [8, 8, 8, 8, 8],
        workers: workers,
        orient: { gram in
          let (values, vectors) = try SymmetricMatrix(gram.gram, n: 8).eigen()
          #expect(values.count == 8)
          #expect(zip(values, alike[place]).allSatisfy { abs($0 - $1) < 1e-4 }, "place \(place)")
          place += 1
          return vectors
        }, body: { _, _ in })
      #expect(place == 5)
    }
  }
}
