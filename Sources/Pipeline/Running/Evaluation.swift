import Foundation
import PluginRuntime
import Transformer

/// One evaluator at work on the model as it is now.
struct Evaluation {
  let use: PluginUse
  let context: StageContext
  let plugin: LoadedPlugin

  init(_ use: PluginUse, in context: StageContext) throws {
    self.use = use
    self.context = context
    plugin = try context.loaded(use)
  }

  /// An evaluation of fewer says so.
  private static let fewTokens = 100

  /// What the plugin's data option names.
  func data(_ option: String) throws -> HostServices.Corpus {
    guard let source = use.data[option] else {
      throw EvaluationError.noSuchData(plugin: use.id, option: option)
    }
    let corpus = try context.model.corpus(of: source)
    return HostServices.Corpus(name: corpus.name, documents: corpus.documents)
  }

  /// - Parameter drewRandomNumbers: told once the answer depends on the seed.
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
      // Said here, since an evaluator could only hand it on.
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
    return EvaluationRecord(
      stage: label, evaluator: use.id, parameters: decoder.parameters, macs: decoder.multiplyAccumulates,
      seconds: (ContinuousClock.now - clock) / .seconds(1), result: result)
  }
}

extension RunSession {
  /// Measures the model with each of the evaluators.
  func execute(_ stage: EvaluateStage, in context: StageContext) throws {
    for use in stage.evaluators { try record(evaluated(use, in: context)) }
    let count = evaluations.count
    atStageEnd { $0.evaluations = count }
  }

  /// Measures the model, unless it is as it came and another run has measured that already.
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
