import Tensors

/// All parameters in float32, the master copy that the optimizer changes.
final class FullTrainee: Trainee {
  private let layers: [LayerParameters]
  private let gradients: [LayerParameters]
  private let residentEnds: ResidentEnds
  let tensors: [TrainableTensor]
  let endGradients: Head.Gradients
  let embeddingGradient: Buffer?

  /// Dequantizes the whole model.
  /// - Throws: `CheckpointError`.
  init(_ decoder: Decoder, workers: Workers) throws {
    let sizes = decoder.allSizes
    layers = sizes.map { LayerParameters(roomFor: [$0]) }
    gradients = sizes.map { LayerParameters(roomFor: [$0]) }
    for (index, layer) in layers.enumerated() {
      try decoder.dequantize(layer: index, into: layer, workers: workers)
    }
    residentEnds = try ResidentEnds(decoder)
    decoder.releasePages()
    let dHead = Buffer(residentEnds.matrix.count)
    endGradients = Head.Gradients(norm: Buffer(decoder.hidden), head: dHead)
    let tied = residentEnds.embedding === residentEnds.matrix
    let dEmbedding = tied ? dHead : Buffer(residentEnds.embedding.count)
    embeddingGradient = dEmbedding

    func matrix(_ name: String, _ value: Buffer, _ gradient: Buffer) -> TrainableTensor {
      TrainableTensor(
        name: name, rows: decoder.vocabulary, columns: decoder.hidden, value: value.base,
        gradient: gradient.base)
    }
    var list = [matrix("model.embed_tokens.weight", residentEnds.embedding, dEmbedding)]
    for (index, (values, gradients)) in zip(layers, gradients).enumerated() {
      list += TrainableTensor.list(layer: index, values.named, gradients.named)
    }
    list.append(.finalNorm(residentEnds.norm, endGradients.norm))
    if !tied { list.append(matrix("lm_head.weight", residentEnds.matrix, dHead)) }
    tensors = list
  }

  var ends: any ModelEnds { residentEnds }

  func weights(_ layer: Int, workspace: LayerParameters, workers: Workers) -> LayerParameters {
    layers[layer]
  }

  func target(_ layer: Int) -> GradientTarget { GradientTarget(sum: gradients[layer], matrices: .sum) }
}

extension TrainableTensor {
  static func finalNorm(_ value: Buffer, _ gradient: Buffer) -> TrainableTensor {
    TrainableTensor(
      name: "model.norm.weight", rows: value.count, columns: 1, isVector: true, value: value.base,
      gradient: gradient.base)
  }

  /// A layer's parameters with their gradients, which have the same order.
  static func list(layer: Int, _ values: [NamedParameter], _ gradients: [NamedParameter]) -> [TrainableTensor]
  {
    zip(values, gradients).map { value, gradient in
      TrainableTensor(
        name: "model.layers.\(layer).\(value.name)", rows: value.rows, columns: value.columns,
        isVector: value.isVector, rowOwner: value.spec.rows, columnOwner: value.spec.columns, layer: layer,
        value: value.base, gradient: gradient.base)
    }
  }
}

/// The whole ends in float32.
final class ResidentEnds: ModelEnds {
  let norm: Buffer
  /// [vocabulary, hidden]
  let embedding: Buffer
  /// [vocabulary, hidden]; the embedding where both are tied.
  let matrix: Buffer
  private let hidden: Int
  private let decoder: Decoder

  init(_ decoder: Decoder) throws {
    self.decoder = decoder
    hidden = decoder.hidden
    norm = try decoder.finalNorm()
    let (count, overflow) = decoder.vocabulary.multipliedReportingOverflow(by: hidden)
    guard !overflow else { throw DecoderError.tooLarge(file: decoder.checkpoint.location) }
    func whole(_ name: String) throws -> Buffer {
      let buffer = Buffer(count)
      try decoder.checkpoint.tensor(named: name).dequantize(into: buffer.prefix(count))
      return buffer
    }
    embedding = try whole("model.embed_tokens.weight")
    matrix = decoder.configuration.tiedEmbeddings ? embedding : try whole("lm_head.weight")
  }

  /// The ids were checked against the vocabulary.
  func embed(_ tokens: [Int32], into target: UnsafeMutablePointer<Float>) {
    for (row, token) in tokens.enumerated() {
      (target + row * hidden).update(from: embedding.at(Int(token) * hidden), count: hidden)
    }
    decoder.scaleEmbeddings(target, count: tokens.count * hidden)
  }

  func head(_ rows: Range<Int>, workers: Workers) -> Rows {
    matrix.rows(hidden, from: rows.lowerBound * hidden)
  }
}
