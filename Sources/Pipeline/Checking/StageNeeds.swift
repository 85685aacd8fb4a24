import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// The memory and work that a stage needs.
struct StageNeeds: Equatable {
  /// Bytes of its buffers.
  var bytes = 0
  /// Floating-point operations in matrix products.
  var operations = 0.0
  /// Bytes besides that go through memory or to the disk.
  var traffic = 0.0

  mutating func add(_ other: StageNeeds) {
    bytes = max(bytes, other.bytes)
    operations += other.operations
    traffic += other.traffic
  }
}

/// Counts the needs of stages on a model of which a share is left.
struct NeedsCounting {
  let model: LoadedModel
  let threads: Int
  /// The share of the original model's multiply-accumulates at the stage.
  var share = 1.0

  private var decoder: Decoder { model.decoder }
  private var layers: [LayerSizes] { decoder.allSizes }

  /// Operations a token in the layers, with attention over half of a sequence's length.
  private func perToken(length: Int) -> Double {
    let projections = layers.reduce(0.0) { $0 + Double($1.multiplyAccumulates) }
    let context = layers.reduce(0.0) { $0 + Double($1.queryWidth) } * Double(length)
    return 2 * share * (projections + context)
  }

  private var perPrediction: Double { 2 * Double(decoder.vocabulary) * Double(decoder.hidden) }
  /// Bytes that dequantizing every layer once moves.
  var dequantizing: Double { 8 * share * Double(decoder.parameters) }

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
          operations: lengths.reduce(0.0) { $0 + Double($1) * perToken(length: $1) }, traffic: dequantizing))
    }
    needs.operations += Double(rehearsal.predictions) * perPrediction
    return needs
  }

  func pruning(_ stage: PruneStage, scratchFolder: String, iterations: Int) -> StageNeeds {
    let times = Double(iterations)
    let statistics = stage.criterion.statistics + stage.allocator.statistics
    var needs = StageNeeds(traffic: times * dequantizing)
    guard let sample = stage.calibration else { return needs }
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
        // The backward pass through weights and inputs, with some of the activations computed again.
        passes += 2.7 + (request.gradients == .sumAndSquares ? 1 : 0)
        passes += 2.5 * Double(max(0, request.outputGradients.count - 1))
        needs.operations += times * 3 * Double(rows) * perPrediction
        needs.traffic += times * dequantizing
      }
      needs.operations += times * passes * forward
      if request.inputs.contains(.gram) { needs.operations += times * Double(rows) * grams }
      if !request.removals.isEmpty {
        // The layers behind each removed unit.
        let units = Double(layers.count * stage.families.count)
        needs.operations += times * units * (forward / 2 + Double(rows) * perPrediction)
      }
    }
    if stage.compensator != nil {
      needs.bytes = max(needs.bytes, memory.compensation)
      needs.operations += times * (2 * forward + Double(rows) * grams + solutions)
      needs.traffic += times * 3 * dequantizing
    }
    return needs
  }

  /// The input widths of all output projections.
  private var outputWidths: [Double] { layers.flatMap { [Double($0.queryWidth), Double($0.intermediate)] } }

  /// Operations a token for the Gram matrices of these inputs. Only half of a symmetric matrix is computed.
  private var grams: Double { outputWidths.reduce(0) { $0 + $1 * $1 } }

  /// Operations for their Cholesky factors, in double precision, and for solutions of the hidden size.
  private var solutions: Double {
    outputWidths.reduce(0) { $0 + 2 * ($1 * $1 * $1 / 3 + 2 * $1 * $1 * Double(decoder.hidden)) }
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
      traffic: 4 * dequantizing)
  }

  func training(_ stage: TrainStage, steps: Int) -> StageNeeds {
    let rows = Saturating.product(stage.batchSize, stage.length)
    var (changing, hasTeacher) = (decoder.parameters, false)
    switch stage.recovery {
    case .full: break
    case .normsAndBiases: changing = Saturating.product(layers.count, 4, decoder.hidden)
    case .lowRank(let rank, _, let targets):
      // The rows and columns of each projection.
      changing = layers.reduce(0) { sum, sizes in
        sizes.specs.filter { $0.isProjection && targets.contains($0.shortName) }
          .reduce(sum) { Saturating.sum($0, Saturating.product(rank, sizes.shape(of: $1).reduce(0, +))) }
      }
    case .distill: hasTeacher = true
    }
    let tokens = Double(stage.accumulation) * Double(rows)
    let token = perToken(length: stage.length)
    // The forward pass, the backward pass through inputs, and that through weights if they change.
    let passes = (changing == decoder.parameters ? 3.2 : 2.5) + (hasTeacher ? 1 / max(share, 0.01) : 0)
    let step = tokens * (passes * token + (hasTeacher ? 4 : 3) * perPrediction)
    return StageNeeds(
      bytes: memory(rows: rows, longest: stage.length).training(
        changing: changing, activations: stage.activationBytes, teacher: hasTeacher),
      operations: Double(steps) * step,
      traffic: Double(steps) * (40 * Double(changing) * share + Double(stage.accumulation) * dequantizing))
  }
}
