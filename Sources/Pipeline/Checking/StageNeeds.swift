import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// What carrying out a stage takes.
struct StageNeeds: Equatable {
  /// Of memory, in bytes: what its buffers come to.
  var bytes = 0
  /// Floating-point operations in matrix products.
  var operations = 0.0
  /// Bytes that go through memory or to the disk besides.
  var traffic = 0.0

  mutating func add(_ other: StageNeeds) {
    bytes = max(bytes, other.bytes)
    operations += other.operations
    traffic += other.traffic
  }
}

/// Counts what stages need of a model that has come down to a share of its size.
struct NeedsCounting {
  let model: LoadedModel
  let threads: Int
  /// Of the original model's multiply-accumulates, at the stage.
  var share = 1.0

  private var decoder: Decoder { model.decoder }
  private var layers: [LayerSizes] { decoder.allSizes }

  /// Of each token in the layers, attention over half of a sequence's length included.
  private func perToken(length: Int) -> Double {
    let projections = layers.reduce(0.0) { $0 + Double($1.multiplyAccumulates) }
    let context = layers.reduce(0.0) { $0 + Double($1.queryWidth) } * Double(length)
    return 2 * share * (projections + context)
  }

  private var perPrediction: Double { 2 * Double(decoder.vocabulary) * Double(decoder.hidden) }
  /// Widening every layer once.
  private var widening: Double { 8 * share * Double(decoder.parameters) }

  private func memory(rows: Int, longest: Int) -> PassMemory {
    PassMemory(decoder, threads: threads, rows: rows, longest: longest)
  }

  func evaluation(_ rehearsal: EvaluationRehearsal) -> StageNeeds {
    var needs = StageNeeds()
    for lengths in rehearsal.sequences {
      let rows = lengths.reduce(0, +)
      let longest = lengths.max() ?? 0
      needs.add(
        StageNeeds(
          bytes: memory(rows: rows, longest: longest).scoring,
          operations: lengths.reduce(0.0) { $0 + Double($1) * perToken(length: $1) }, traffic: widening))
    }
    needs.operations += Double(rehearsal.predictions) * perPrediction
    return needs
  }

  /// - Parameter iterations: nil where the allocator goes its own way; then one for each unit is taken where units are whole
  ///   sublayers.
  func pruning(_ stage: PruneStage, scratchFolder: String, compensates: Bool, iterations: Int) -> StageNeeds {
    let times = Double(iterations)
    let statistics = Set(stage.criterion.statistics + stage.allocator.statistics)
    var needs = StageNeeds(bytes: 0, operations: 0, traffic: times * widening)
    guard case .sample(let sample) = stage.calibration else { return needs }
    let rows = Saturating.product(sample.sequences, sample.length)
    let memory = memory(rows: rows, longest: sample.length)
    var request = CalibrationRequest(
      sequences: [], batchSize: sample.batchSize, statistics: statistics, families: stage.families, seed: 0)
    request.scratchFolder = scratchFolder
    let forward = Double(rows) * perToken(length: sample.length)
    if !statistics.isEmpty {
      needs.bytes = memory.calibration(request)
      var passes = 1.0
      if request.goesBack {
        // Back through weights and inputs, and part of the inside once more.
        passes += 2.7 + (request.gradients == .sumAndSquares ? 1 : 0)
        passes += 2.5 * Double(max(0, request.outputGradients.count - 1))
        needs.operations += times * 3 * Double(rows) * perPrediction
        needs.traffic += times * widening
      }
      needs.operations += times * passes * forward
      if request.inputs.contains(.gram) { needs.operations += times * Double(rows) * grams }
      if !request.removals.isEmpty {
        // Of a model without one unit, what lies behind the unit.
        let units = Double(layers.count * stage.families.count)
        needs.operations += times * units * (forward / 2 + Double(rows) * perPrediction)
      }
    }
    if compensates {
      needs.bytes = max(needs.bytes, memory.compensation)
      needs.operations += times * (2 * forward + Double(rows) * grams + solutions)
      needs.traffic += times * 3 * widening
    }
    return needs
  }

  /// Of each token, Gram matrices of what output projections read; half of each, the other is its mirror.
  private var grams: Double {
    layers.reduce(0.0) { sum, sizes in
      sum + Double(sizes.queryWidth) * Double(sizes.queryWidth)
        + Double(sizes.intermediate) * Double(sizes.intermediate)
    }
  }

  /// Cholesky factors of these, in double precision, and solutions for the hidden size.
  private var solutions: Double {
    layers.reduce(0.0) { sum, sizes in
      sum
        + [sizes.queryWidth, sizes.intermediate].reduce(0.0) { sum, width in
          let n = Double(width)
          return sum + 2 * (n * n * n / 3 + 2 * n * n * Double(sizes.hidden))
        }
    }
  }

  func slicing(_ stage: TransformStage) -> StageNeeds {
    let sample = stage.calibration
    let rows = Saturating.product(sample.sequences, sample.length)
    let n = Double(decoder.hidden)
    let places = Double(2 * layers.count + 1)
    return StageNeeds(
      bytes: memory(rows: rows, longest: sample.length).slicing,
      operations: 3 * Double(rows) * perToken(length: sample.length)
        + places * (Double(rows) * n * n + 9 * 2 * n * n * n),
      traffic: 4 * widening)
  }

  func training(_ stage: TrainStage, steps: Int) -> StageNeeds {
    let rows = Saturating.product(stage.batchSize, stage.length)
    var (changing, hasTeacher) = (decoder.parameters, false)
    switch stage.recovery {
    case .full: break
    case .normsAndBiases: changing = Saturating.product(layers.count, 4, decoder.hidden)
    case .lowRank(let rank, _, let targets):
      changing = layers.reduce(0) { sum, sizes in
        targets.reduce(sum) { Saturating.sum($0, Saturating.product(rank, sizes.edges(of: $1))) }
      }
    case .distill: hasTeacher = true
    }
    let tokens = Double(stage.accumulation) * Double(rows)
    let token = perToken(length: stage.length)
    // Forward, back through inputs, and back through weights where these change.
    let passes = (changing == decoder.parameters ? 3.2 : 2.5) + (hasTeacher ? 1 / max(share, 0.01) : 0)
    let step = tokens * (passes * token + (hasTeacher ? 4 : 3) * perPrediction)
    return StageNeeds(
      bytes: memory(rows: rows, longest: stage.length).training(
        changing: changing, activations: stage.activationBytes, teacher: hasTeacher),
      operations: Double(steps) * step,
      traffic: Double(steps) * (40 * Double(changing) * share + Double(stage.accumulation) * widening))
  }

  func saving(_ stage: SaveStage) -> StageNeeds {
    StageNeeds(bytes: 0, operations: 0, traffic: widening)
  }
}

extension LayerSizes {
  /// Rows and columns of a projection together.
  fileprivate func edges(of projection: String) -> Int {
    specs.reduce(0) {
      $0 + ($1.isProjection && $1.shortName == projection ? shape(of: $1).reduce(0, +) : 0)
    }
  }
}
