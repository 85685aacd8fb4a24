import PluginRuntime
import RunRecords
import Transformer

/// One evaluator, which measures the model in its current state.
struct Evaluation {
  let use: PluginUse
  let context: StageContext
  let plugin: LoadedPlugin

  init(_ use: PluginUse, in context: StageContext) throws {
    self.use = use
    self.context = context
    plugin = try context.loaded(use)
  }

  /// An evaluation of fewer tokens is reported as weak.
  private static let fewTokens = 100

  /// Returns the data that an option of the plugin names.
  func data(_ option: String) throws -> HostServices.Corpus {
    guard let source = use.data[option] else {
      throw EvaluationError.noSuchData(plugin: use.id, option: option)
    }
    let corpus = try context.model.corpus(of: source)
    return HostServices.Corpus(name: corpus.name, documents: corpus.documents)
  }

  /// - Parameter drewRandomNumbers: called when the result begins to depend on the seed.
  func run(drewRandomNumbers: @escaping @Sendable () -> Void = {}) throws -> EvaluationRecord {
    let clock = ContinuousClock.now
    let (label, decoder) = (context.label, context.model.decoder)
    var services = context.services(drewRandomNumbers: drewRandomNumbers)
    services.openData = { option, _ in try data(option) }
    var scored = 0
    services.logLikelihood = { sequences in
      scored += sequences.reduce(0) { $0 + max(0, $1.tokens.count - max(1, $1.first)) }
      let found = try context.following(label) { observer in
        try decoder.logLikelihoods(
          sequences.map { ($0.tokens, $0.first) }, workers: context.workers, observer: observer
        ).map { $0.map { Float($0) } }
      }
      // The plugin could not explain this error.
      guard !found.joined().contains(where: \.isNaN) else { throw EvaluationError.notNumbers(stage: label) }
      return found
    }
    let instance = try EvaluatorInstance(of: plugin, options: .object(use.options), services: services)
    let result = try instance.evaluate(model: ModelSummary(context.model))
    if scored > 0, scored < Self.fewTokens {
      context.reporter.note(
        "\(label): \(use.id) rests on \(scored) tokens; fewer than \(Self.fewTokens) say little about a model"
      )
    }
    return EvaluationRecord {
      $0.stage = label
      $0.evaluator = use.id
      $0.parameters = decoder.parameters
      $0.macs = decoder.multiplyAccumulates
      $0.seconds = (ContinuousClock.now - clock) / .seconds(1)
      $0.metrics = result.metrics.map {
        EvaluationRecord.Metric(
          name: $0.name, value: $0.value, standardError: $0.standardError, lowerIsBetter: $0.lowerIsBetter)
      }
      $0.items = result.items.map { Named($0.name, $0.values) }
    }
  }
}

extension RunSession {
  /// Measures the model with each evaluator.
  func execute(_ stage: EvaluateStage, in context: StageContext) throws {
    for use in stage.evaluators { try record(evaluated(use, in: context)) }
    let count = evaluations.count
    atStageEnd { $0.evaluations = count }
  }

  /// Measures the model. Reuses the measurement of another run while the model is unpruned.
  private func evaluated(_ use: PluginUse, in context: StageContext) throws -> EvaluationRecord {
    let evaluation = try Evaluation(use, in: context)
    guard isUnpruned, let shared else { return try evaluation.run() }
    let key = try shared.key(of: use, plugin: evaluation.plugin)
    if let record = shared.evaluation(key, seed: context.seed, stage: context.label) {
      try tellSpared(.evaluation, of: use.id, seconds: record.seconds)
      return record
    }
    let dependsOnSeed = Flag()
    let record = try evaluation.run(drewRandomNumbers: { dependsOnSeed.raise() })
    try shared.keep(record, key, seed: dependsOnSeed.isRaised ? context.seed : nil)
    return record
  }
}

enum EvaluationError: Error, CustomStringConvertible {
  case noSuchData(plugin: String, option: String)
  case notNumbers(stage: String)

  var description: String {
    switch self {
    case .noSuchData(let plugin, let option):
      "\(plugin) asked for the data of its option \"\(option)\", which its schema does not declare as data"
    case .notNumbers(let stage):
      "\(stage): the model's log-likelihoods are not numbers: what it computes is too large for float32. Its weights were finite "
        + "when it was read; if a stage before this one trained it, try a lower learning rate there"
    }
  }
}
