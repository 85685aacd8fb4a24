import Tensors

/// All parameters, held in float32: the master copy that the optimizer changes.
final class FullTrainee: Trainee {
  private let layers: [LayerParameters]
  private let gradients: [LayerParameters]
  private let residentEnds: ResidentEnds
  let tensors: [TrainableTensor]
  let endGradients: Head.Gradients
  let embeddingGradient: Buffer?

  /// Widens the whole model.
  /// - Throws: `CheckpointError`.
  init(_ decoder: Decoder, workers: Workers) throws {
    let sizes = decoder.allSizes
    layers = sizes.map { LayerParameters(roomFor: [$0]) }
    gradients = sizes.map { LayerParameters(roomFor: [$0]) }
    for (index, layer) in layers.enumerated() {
      try decoder.widen(layer: index, into: layer, workers: workers)
    }
    residentEnds = try ResidentEnds(decoder)
    decoder.releasePages()
    let dHead = Buffer(residentEnds.matrix.count)
    endGradients = Head.Gradients(norm: Buffer(decoder.hidden), head: dHead)
    let tied = residentEnds.embedding === residentEnds.matrix
    let dEmbedding = tied ? dHead : Buffer(residentEnds.embedding.count)
    embeddingGradient = dEmbedding

    func end(_ name: String, _ value: Buffer, _ gradient: Buffer, rows: Int, vector: Bool) -> TrainableTensor
    {
      TrainableTensor(
        name: name, rows: rows, columns: vector ? 1 : decoder.hidden, isVector: vector, rowOwner: nil,
        columnOwner: nil, layer: nil, value: value.base, gradient: gradient.base)
    }
    var list = [
      end(
        "model.embed_tokens.weight", residentEnds.embedding, dEmbedding, rows: decoder.vocabulary,
        vector: false)
    ]
    for (index, (values, gradients)) in zip(layers, gradients).enumerated() {
      list += TrainableTensor.list(layer: index, values.named, gradients.named)
    }
    list.append(
      end("model.norm.weight", residentEnds.norm, endGradients.norm, rows: decoder.hidden, vector: true))
    if !tied {
      list.append(end("lm_head.weight", residentEnds.matrix, dHead, rows: decoder.vocabulary, vector: false))
    }
    tensors = list
  }

  var ends: any ModelEnds { residentEnds }

  func weights(_ layer: Int, workspace: LayerParameters, workers: Workers) -> LayerParameters {
    layers[layer]
  }

  func target(_ layer: Int) -> GradientTarget { GradientTarget(sum: gradients[layer], matrices: .sum) }
}

extension TrainableTensor {
  /// A layer's parameters with their gradients, which come in the same order.
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

/// The ends in float32, whole.
final class ResidentEnds: ModelEnds {
  let norm: Buffer
  /// [vocabulary, hidden]
  let embedding: Buffer
  /// [vocabulary, hidden]; the embedding itself where both are tied.
  let matrix: Buffer
  private let hidden: Int

  init(_ decoder: Decoder) throws {
    hidden = decoder.hidden
    norm = try decoder.finalNorm()
    let (count, overflow) = decoder.vocabulary.multipliedReportingOverflow(by: hidden)
    guard !overflow else { throw DecoderError.tooLarge(file: decoder.checkpoint.location) }
    func whole(_ name: String) throws -> Buffer {
      let buffer = Buffer(count)
      try decoder.checkpoint.tensor(named: name)
        .widen(into: UnsafeMutableBufferPointer(start: buffer.base, count: count))
      return buffer
    }
    embedding = try whole("model.embed_tokens.weight")
    matrix = decoder.configuration.tiedEmbeddings ? embedding : try whole("lm_head.weight")
  }

  /// The ids have been checked against the vocabulary.
  func embed(_ tokens: [Int32], into target: UnsafeMutablePointer<Float>) {
    for (row, token) in tokens.enumerated() {
      (target + row * hidden).update(from: embedding.at(Int(token) * hidden), count: hidden)
    }
  }

  func head(_ rows: Range<Int>, workers: Workers) -> Rows {
    Rows(matrix.at(rows.lowerBound * hidden), stride: hidden)
  }
}
