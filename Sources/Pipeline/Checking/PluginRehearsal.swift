import PluginRuntime
import Transformer

// The rehearsal of plugins. Before any work it asks them whether they take this model with these options. It makes the
// calls of the work itself, on instances of their own. The arguments are made up, so answers and most errors mean nothing.
// But a plugin that answers AP_INVALID_OPTIONS or AP_UNSUPPORTED would answer the same later.

extension PluginError {
  /// Whether the plugin refuses the options, the model, the family or the statistics that it gets.
  var isAboutWhatIsAsked: Bool {
    if case .refused(_, _, .invalidOptions, _) = self { return true }
    if case .refused(_, _, .unsupported, _) = self { return true }
    return false
  }

  /// Throws such a refusal, and no other error.
  static func telling<Answer>(_ call: @autoclosure () throws(PluginError) -> Answer) throws(PluginError) {
    do throws(PluginError) { _ = try call() } catch {
      if error.isAboutWhatIsAsked { throw error }
    }
  }
}

/// Why a stage can't do what it is asked, as its rehearsal shows.
enum RehearsalError: Error, CustomStringConvertible {
  case lackingStatistic(plugin: String, family: Family, statistic: Statistic)
  case outOfReach(stage: String, measure: String, goal: Int, smallest: Int)

  var description: String {
    switch self {
    case .lackingStatistic(let plugin, let family, let statistic):
      "\(plugin) needs the statistic \"\(statistic)\", which units of the family \"\(family.rawValue)\" do not have; give "
        + "the stage other \"families\", or another criterion"
    case .outOfReach(let stage, let measure, let goal, let smallest):
      "stage \(stage): the target of \(goal) \(measure) is out of reach; with one column of the residual stream left "
        + "everywhere the model still has \(smallest)"
    }
  }
}

extension Pruning {
  /// Has the criterion score a layer of zeros for each family.
  func rehearseScores() throws {
    let request = CalibrationRequest(
      sequences: [], batchSize: 1, statistics: criterion.statistics, families: families, seed: context.seed)
    for family in families {
      let layer = decoder.kept.firstIndex { !$0.units(of: family).isEmpty }
      guard let layer else { continue }
      let blank = decoder.blankLayer(layer, for: request)
      let units = blank.request(family, original: decoder.kept[layer].units(of: family))
      if let lacking = criterion.statistics.first(where: { !units.has($0) }) {
        throw RehearsalError.lackingStatistic(
          plugin: criterion.plugin.id, family: family, statistic: lacking)
      }
      try PluginError.telling(try criterion.score(model: modelSummary, units: units))
    }
  }

  /// Has the allocator share out the stage's first goal. Only a refusal that doesn't depend on the scores counts.
  /// - Parameter isFirst: whether the stage is the first that prunes. A later one meets a model that is not known yet. There
  ///   the goal is one unit less.
  func rehearseAllocation(isFirst: Bool) throws {
    let now = spent
    let sparsities = sparsitiesNow
    let dearest = reach.dearest
    let goal = isFirst ? self.goal : now - dearest
    guard dearest > 0, goal > 0, goal < now else { return }
    if isFirst {
      do {
        try stage.widths.check(
          decoder.allSizes, families: families, measure: measure, spent: now, goal: goal)
      } catch { throw PruningError.unequalWidths(stage: label, reason: "\(error)") }
    }
    let steps = isFirst ? stage.iterations : 1
    let first =
      allocator.meetsGoal ? now - Int((Double(now - goal) / Double(max(1, steps))).rounded()) : goal
    var budget = BudgetRequest(
      measure: measure.rawValue, now: now, original: original, goal: goal, iterationGoal: first, iteration: 0,
      iterations: steps)
    if isFirst { budget = budget.leavingRoom(for: costOfBiases) }
    func ask(_ score: (_ unit: Int, _ count: Int) -> Float, _ distance: (_ layer: Int) -> Double)
      throws(PluginError)
    {
      let layers = (0..<decoder.layerCount).map { layer in
        LayerRequest(
          families: families.map { family in
            let count = decoder.sizes(layer).count(of: family)
            return request(
              family, layer, (0..<count).map { score($0, count) }, sparsities[layer][family] ?? 0)
          },
          statistics: Dictionary(
            uniqueKeysWithValues: Set(allocator.statistics).map { ($0, distance(layer)) }))
      }
      try PluginError.telling(
        try allocator.allocate(
          model: modelSummary, budget: budget, layers: layers, scoresCompare: criterion.scoresCompare))
    }
    let layerCount = Double(decoder.layerCount)
    do throws(PluginError) {
      try ask({ Float($0 + 1) / Float($1) }, { 0.5 + 0.4 * Double($0) / layerCount })
    } catch {
      try ask({ 1000 * Float($1 - $0) }, { 1.5 - Double($0) / layerCount })
    }
  }
}

extension Transforming {
  /// Has the transform choose widths.
  func rehearse() throws {
    let places = try model.decoder.residualPlaces()
    let hidden = model.decoder.hidden
    let energies =
      needsEnergies
      ? places.places.map { _ in (0..<hidden).map { 1 / Double($0 + 1) } } : nil
    let residual = residual(places, requests(places, energies: energies))
    let smallest = residual.size([Int](repeating: 1, count: places.places.count))
    if let target = stage.target, let goal = residual.goal, goal < smallest {
      throw RehearsalError.outOfReach(
        stage: context.label, measure: target.measure.words, goal: goal, smallest: smallest)
    }
    try PluginError.telling(try transform.widths(model: ModelSummary(model), residual))
  }
}

/// The part of an evaluation that doesn't depend on the model's answers.
struct EvaluationRehearsal {
  /// Empty if they are not known.
  var metrics: [String] = []
  /// The lengths of the sequences that the model reads, call by call.
  var sequences: [[Int]] = []
  var predictions = 0
}

extension Evaluation {
  /// Has the evaluator do its work with made-up log-likelihoods, all −1.
  func rehearse() throws -> EvaluationRehearsal {
    let model = context.model
    var rehearsal = EvaluationRehearsal()
    var own: (any Error)?
    var services = context.services()
    func keeping<Value>(_ body: () throws -> Value) throws -> Value {
      do { return try body() } catch {
        own = error
        throw error
      }
    }
    services.openData = { option, _ in try keeping { try data(option) } }
    services.logLikelihood = { sequences in
      try keeping { try model.decoder.requireReadable(sequences.map(\.tokens)) }
      rehearsal.sequences.append(sequences.map(\.tokens.count))
      return sequences.map { sequence in
        rehearsal.predictions += sequence.tokens.count - sequence.first
        return [Float](repeating: -1, count: sequence.tokens.count - sequence.first)
      }
    }
    do throws(PluginError) {
      let instance = try EvaluatorInstance(of: plugin, options: .object(use.options), services: services)
      rehearsal.metrics = try instance.evaluate(model: ModelSummary(model)).metrics.map(\.name)
    } catch {
      if let own { throw own }
      // A refusal before the first likelihood doesn't depend on likelihoods.
      var isSettled = error.isAboutWhatIsAsked
      if case .refused = error, rehearsal.sequences.isEmpty { isSettled = true }
      if isSettled { throw error }
    }
    return rehearsal
  }
}
