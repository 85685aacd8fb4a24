import Foundation
import PluginRuntime
import Tensors
import Transformer

/// One evaluator at work on the model as it is now.
struct Evaluation {
  let use: PluginUse
  let label: String
  let model: LoadedModel
  let workers: Workers
  let reporter: any ProgressReporter
  let cancellation: Cancellation

  /// An evaluation of fewer says so.
  private static let fewTokens = 100

  /// What the plugin's data option names.
  func data(_ option: String) throws -> HostServices.Corpus {
    guard let source = use.data[option] else {
      throw EvaluationError.noSuchData(plugin: use.id, option: option)
    }
    let corpus = try model.corpus(of: source)
    return HostServices.Corpus(name: corpus.name, documents: corpus.documents)
  }

  func run(plugin: LoadedPlugin, services: HostServices) throws -> EvaluationRecord {
    let clock = ContinuousClock.now
    let decoder = model.decoder
    var services = services
    services.openData = { option, _ in try data(option) }
    var scored = 0
    services.logLikelihood = { sequences in
      scored += sequences.reduce(0) { $0 + max(0, $1.tokens.count - max(1, $1.first)) }
      let found = try reporter.following(label, cancellation) { observer in
        try decoder.logLikelihoods(
          sequences.map { ($0.tokens, $0.first) }, workers: workers, observer: observer
        ).map { $0.map { Float($0) } }
      }
      // Said here, since an evaluator could only hand it on.
      guard !found.joined().contains(where: \.isNaN) else { throw EvaluationError.notNumbers(stage: label) }
      return found
    }
    let instance = try EvaluatorInstance(of: plugin, options: .object(use.options), services: services)
    let result = try instance.evaluate(
      model: ModelSummary(model))
    if scored > 0, scored < Self.fewTokens {
      reporter.note(
        "\(label): \(use.id) rests on \(scored) tokens; fewer than \(Self.fewTokens) say little about a model"
      )
    }
    return EvaluationRecord(
      stage: label, evaluator: use.id, parameters: decoder.parameters, macs: decoder.multiplyAccumulates,
      seconds: (ContinuousClock.now - clock) / .seconds(1), result: result)
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
