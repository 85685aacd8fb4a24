import Checkpoints
import PluginRuntime
import RunRecords
import Tensors
import Transformer

/// Why a prune stage fails.
public enum PruningError: Error, Equatable, CustomStringConvertible {
  case nothingToRemove(stage: String, measure: String, now: Int, goal: Int)
  /// - Parameter most: the most that earlier stages leave.
  case nothingLeftToRemove(stage: String, measure: String, most: Int, goal: Int)
  /// - Parameter whole: whether the stage removes whole sublayers or layers.
  case outOfReach(stage: String, measure: String, goal: Int, smallest: Int, whole: Bool)
  case noBlockLeft(stage: String)
  /// `round_to` or `same_size` can't hold.
  case unequalWidths(stage: String, reason: String)
  case noProgress(stage: String, measure: String, now: Int, goal: Int, iteration: Int)

  public var description: String {
    switch self {
    case .nothingToRemove(let stage, let measure, let now, let goal):
      "stage \(stage): the target of \(goal) \(measure) is not below the \(now) that the model has; ask for fewer"
    case .nothingLeftToRemove(let stage, let measure, let most, let goal):
      "stage \(stage): the target of \(goal) \(measure) is not below the \(most) that the stages before it leave at "
        + "most; ask for fewer"
    case .outOfReach(let stage, let measure, let goal, let smallest, let whole):
      "stage \(stage): the target of \(goal) \(measure) is out of reach; "
        + (whole
          ? "with all gone that may go, at least one sublayer or layer staying, "
          : "with one unit left in each family that is pruned ") + "the model still has \(smallest)"
    case .noBlockLeft(let stage):
      "stage \(stage): the allocator leaves no layer with attention or an MLP; at least one sublayer must stay"
    case .unequalWidths(let stage, let reason): "stage \(stage): \(reason)"
    case .noProgress(let stage, let measure, let now, let goal, let iteration):
      "stage \(stage): iteration \(iteration) removed nothing, at \(now) \(measure) of a target of \(goal); "
        + "does the allocator protect too much?"
    }
  }
}

/// A prune stage at work. Each iteration gathers statistics in one pass, scores every unit, allocates the budget, and
/// removes the units with the lowest scores of each family.
struct Pruning {
  let stage: PruneStage
  let context: StageContext
  let sequences: [[Int32]]
  let criterion: CriterionInstance
  let allocator: AllocatorInstance
  let compensator: CompensatorInstance?
  /// The first iteration's scores, if another run has already computed them on the same model.
  var first: ScoredModel?

  /// - Parameter sequences: calibration data.
  init(_ stage: PruneStage, in context: StageContext, sequences: [[Int32]]) throws {
    self.stage = stage
    self.context = context
    self.sequences = sequences
    criterion = try context.criterion(stage.criterion)
    allocator = try context.allocator(stage.allocator)
    compensator = try stage.compensator.map(context.compensator)
  }

  var label: String { context.label }
  var model: LoadedModel { context.model }
  var decoder: Decoder { model.decoder }
  var measure: Target.Measure { stage.target.measure }
  var families: [Family] { stage.families }

  /// Writes new values and biases into the model in iteration `number`. `forEachParameter` passes every parameter to its
  /// closure.
  typealias Rewrite = (
    _ number: Int, _ biases: Biases,
    _ forEachParameter: ((String, UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
  ) throws -> Void

  /// Prunes to the target. Passes each finished iteration, its scores and its duration to `record`.
  func run(
    rewrite: Rewrite,
    record: (_ iteration: IterationRecord, _ scores: [[Family: [Float]]], _ seconds: Double) throws -> Void
  ) throws {
    let (start, goal) = (spent, goal)
    try checkReach(goal)
    var sparsities = sparsitiesNow
    var iteration = 0
    // A compensator can restore in a later iteration what an earlier one lost.
    let whole = try compensator?.followsCut == true ? decoder.copy() : nil
    // An allocator that meets goals takes the planned number of steps. Another one goes on until it passes the goal.
    while allocator.meetsGoal ? iteration < stage.iterations : spent > goal {
      let clock = ContinuousClock.now
      let title =
        "\(label), iteration \(iteration + 1)" + (allocator.meetsGoal ? " of \(stage.iterations)" : "")
      let known = iteration == 0 ? first : nil
      let scored = try known ?? gather(title)
      let (scores, distances) = (scored.scores, scored.distances)
      let before = spent
      let uncut = try compensator == nil ? nil : decoder.copy()
      let layers = (0..<decoder.layerCount).map { layer in
        LayerRequest(
          families: families.map { request($0, layer, scores[layer][$0] ?? [], sparsities[layer][$0] ?? 0) },
          statistics: distances?.statistics(of: layer) ?? [:])
      }
      let shares = try shares(
        of: layers,
        BudgetRequest(
          measure: measure.rawValue, now: before, original: original, goal: goal,
          iterationGoal: allocator.meetsGoal
            ? start - Int((Double(start - goal) * Double(iteration + 1) / Double(stage.iterations)).rounded())
            : goal,
          iteration: iteration, iterations: stage.iterations
        ).leavingRoom(for: costOfBiases))
      guard leavesAnything(shares) else { throw PruningError.noBlockLeft(stage: label) }
      for (layer, shares) in shares.enumerated() {
        for (family, share) in zip(families, shares) {
          sparsities[layer][family] = share.sparsity
          try remove(family, layer, scores[layer][family] ?? [], keep: share.keep)
        }
      }
      iteration += 1
      if let compensator, let uncut { try compensate(compensator, uncut, whole, title, iteration, rewrite) }
      guard spent < before || spent <= goal || allocator.meetsGoal || iteration < 3 else {
        throw PruningError.noProgress(
          stage: label, measure: measure.words, now: spent, goal: goal, iteration: iteration)
      }
      let done = IterationRecord {
        $0.number = iteration
        $0.stage = label
        $0.iteration = iteration
        $0.layers = records(sparsities, distances)
        $0.parameters = decoder.parameters
        $0.macs = decoder.multiplyAccumulates
        $0.scoresCompare = criterion.scoresCompare
        $0.miniBatches = stage.calibration?.miniBatches
      }
      try record(done, scores, (ContinuousClock.now - clock) / .seconds(1))
    }
  }

  /// Returns the allocator's shares, changed to equal widths if the stage asks for them.
  private func shares(of layers: [LayerRequest], _ budget: BudgetRequest) throws -> [[Share]] {
    let answer = try allocator.allocate(
      model: modelSummary, budget: budget, layers: layers, scoresCompare: criterion.scoresCompare)
    do {
      let adjusted = try stage.widths.adjusted(answer, of: layers, budget: budget)
      if stage.widths.sameSize, budget.iteration == 0 { tellLevelled(answer, adjusted, layers) }
      return adjusted
    } catch { throw PruningError.unequalWidths(stage: label, reason: "\(error)") }
  }

  /// Tells the user where `same_size` overrules the allocator.
  private func tellLevelled(_ asked: [[Share]], _ made: [[Share]], _ layers: [LayerRequest]) {
    for (place, family) in families.enumerated() {
      let present = layers.indices.filter { layers[$0].families[place].count > 0 }
      let counts = present.map { asked[$0][place].keep }
      guard let least = counts.min(), let most = counts.max(), most > least + 1, let first = present.first
      else { continue }
      context.reporter.note(
        "\(label): same_size keeps \(made[first][place].keep) units of \(family.rawValue) in every layer, where "
          + "\(stage.allocator.id) would keep \(least) to \(most)")
    }
  }

  /// The share of each layer's units that earlier stages have removed.
  var sparsitiesNow: [[Family: Double]] {
    decoder.allSizes.enumerated().map { layer, sizes in
      families.reduce(into: [:]) { sparsities, family in
        let original = decoder.originalCount(of: family, layer: layer)
        sparsities[family] = original > 0 ? 1 - Double(sizes.count(of: family)) / Double(original) : 0
      }
    }
  }

  /// Whether some layer still has attention or an MLP after the cut.
  private func leavesAnything(_ shares: [[Share]]) -> Bool {
    zip(decoder.allSizes, shares).contains { sizes, shares in
      let gone = zip(families, shares).filter { $1.keep == 0 }.flatMap(\.0.widths)
      return Family.widths.contains { sizes.count(of: $0) > 0 && !gone.contains($0) }
    }
  }

  // MARK: - The budget

  var spent: Int { measure == .parameters ? decoder.parameters : decoder.multiplyAccumulates }
  var original: Int {
    measure == .parameters ? model.originalParameters : model.originalMultiplyAccumulates
  }

  var goal: Int { stage.target.goal(original: original, now: spent) }

  private func checkReach(_ goal: Int) throws {
    guard goal < spent else {
      throw PruningError.nothingToRemove(stage: label, measure: measure.words, now: spent, goal: goal)
    }
    do {
      try stage.widths.check(
        decoder.allSizes, families: families, measure: measure, spent: spent, goal: goal)
    } catch { throw PruningError.unequalWidths(stage: label, reason: "\(error)") }
    let smallest = spent - reach.removable + costOfBiases
    guard smallest <= goal else {
      throw PruningError.outOfReach(
        stage: label, measure: measure.words, goal: goal, smallest: smallest, whole: isWhole)
    }
  }

  /// Whether the stage removes whole sublayers or layers. A manifest does not mix them with parts.
  private var isWhole: Bool { families.contains(where: \.isWhole) }

  /// What the stage can remove.
  var reach: Reach {
    Reach(
      layers: decoder.allSizes, families: Set(families), measure: measure, minimum: stage.widths.minimum)
  }

  func request(_ family: Family, _ layer: Int, _ scores: [Float], _ sparsity: Double) -> FamilyRequest {
    let sizes = decoder.sizes(layer)
    return FamilyRequest(
      name: family.rawValue, count: sizes.count(of: family),
      originalCount: decoder.originalCount(of: family, layer: layer),
      positions: family == .attention ? sizes.headDimension : 1, cost: sizes.cost(of: family, in: measure),
      minimum: stage.widths.minimum(family), previousSparsity: sparsity, scores: scores)
  }

  var modelSummary: ModelSummary { ModelSummary(model) }

  // MARK: - Statistics and scores

  private func gather(_ title: String) throws -> ScoredModel {
    var scores = [[Family: [Float]]](repeating: [:], count: decoder.layerCount)
    let summary = modelSummary
    let kept = decoder.kept
    func score(_ layer: CalibratedLayer) throws {
      scores[layer.layer] = try criterion.scores(
        of: layer, families: families, kept: kept[layer.layer], model: summary)
    }
    let needs = criterion.statistics + allocator.statistics
    guard !needs.isEmpty else {
      try context.followingLayers(title + ": scores") { advance in
        try decoder.forEachLayer(workers: context.workers) { layer in
          try score(layer)
          try advance(decoder.layerCount - layer.layer)
        }
      }
      return ScoredModel(scores: scores, distances: nil)
    }
    var batchSize = 16
    if let sample = stage.calibration { batchSize = sample.batchSize }
    let request = CalibrationRequest(
      sequences: sequences, batchSize: batchSize, statistics: needs, families: families, seed: context.seed)
    let result = try context.calibrate(request, title: title, visit: score)
    return ScoredModel(scores: scores, distances: result.distances)
  }

  // MARK: - The cut

  /// Removes the units with the lowest scores. Of two equal scores the earlier unit goes.
  private func remove(_ family: Family, _ layer: Int, _ scores: [Float], keep: Int) throws {
    guard keep < scores.count else { return }
    let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
    let staying = order.dropFirst(scores.count - keep).sorted().map { CurrentUnit($0) }
    try decoder.keep(staying, of: family, layer: layer)
  }

  private func records(
    _ sparsities: [[Family: Double]], _ distances: LayerDistances?
  ) -> [IterationRecord.Layer] {
    let kept = decoder.kept
    return (0..<decoder.layerCount).map { layer in
      let statistics = distances?.statistics(of: layer) ?? [:]
      return IterationRecord.Layer(
        statistics: allocator.statistics.map { Named($0.name, statistics[$0] ?? .nan) },
        families: families.map { family in
          Named(
            family.rawValue,
            IterationRecord.Removal(
              targetSparsity: sparsities[layer][family] ?? 0,
              originalCount: decoder.originalCount(of: family, layer: layer),
              kept: .units(kept[layer].units(of: family).map(\.value))))
        })
    }
  }
}

extension RunSession {
  /// Prunes to the stage's target, and records each iteration.
  func execute(_ stage: PruneStage, in context: StageContext) throws {
    var sequences: [[Int32]] = []
    if let sample = stage.calibration { sequences = try context.sequences(of: sample) }
    var pruning = try Pruning(stage, in: context, sequences: sequences)
    pruning.first = try firstScores(stage, in: context)
    var rewritten: RunState.ModelPlace?
    let before = keeper.state.iterations
    var done = 0
    try pruning.run { iteration, biases, forEachParameter in
      let place = try keeper.write(
        model, configure: { $0.biases.formUnion(biases) }, name: "model-\(number)-\(iteration)",
        forEachParameter: forEachParameter)
      try keeper.open(place, in: model)
      // The state does not name the previous iteration's model.
      if let before = rewritten?.folder { keeper.discard(before) }
      rewritten = place
    } record: { iteration, scores, seconds in
      var record = iteration
      record.number += before
      try folder.write(record)
      if stage.recordsScores { try writeScores(scores, number: record.number) }
      try tellIteration(
        record.number, seconds: seconds, title: "\(context.label), iteration \(iteration.number)")
      done = iteration.number
    }
    atStageEnd { state in
      state.iterations = before + done
      if let rewritten { state.model = rewritten }
    }
  }

  /// Returns the scores of the unpruned model, if another run has computed them.
  private func firstScores(_ stage: PruneStage, in context: StageContext) throws -> ScoredModel? {
    guard isUnpruned, let shared, let job = try SharedCalibration.Job(stage, in: context, shared: shared),
      let (model, seconds) = shared.scores(job.key, seed: context.seed)
    else { return nil }
    try tellSpared(.calibration, of: stage.criterion.id, seconds: seconds)
    return model
  }

  private func writeScores(_ scores: [[Family: [Float]]], number: Int) throws {
    let file = try folder.place(RunLayout.scores(number))
    try SafetensorsWriter.write(
      .init(
        uniqueKeysWithValues: scores.enumerated().flatMap { layer, families in
          Family.allCases.compactMap { family in
            families[family].map { ("layers.\(layer).\(family.rawValue)", (shape: [$0.count], values: $0)) }
          }
        }), to: file)
  }
}

extension Target {
  /// The size that the target allows, in its measure.
  func goal(original: Int, now: Int) -> Int {
    switch amount {
    case .count(let count): count
    case .fraction(let fraction, .original): Int((fraction * Double(original)).rounded(.down))
    case .fraction(let fraction, .current): Int((fraction * Double(now)).rounded(.down))
    }
  }
}

extension Target.Measure {
  var words: String { self == .parameters ? "parameters" : "multiply-accumulates a token" }
}
