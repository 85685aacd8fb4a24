import Foundation
import JSON
import PluginRuntime
import Tensors
import Transformer
import Wording

/// The problems of a run that has not begun.
public struct WorkRefused: Error, CustomStringConvertible {
  /// A path is the stage's place in the manifest. Nil: the problem concerns the whole run.
  public typealias Problem = (path: JSONPath?, sentence: String)

  public let problems: [Problem]

  public var description: String { problems.map(\.sentence).joined(separator: "\n") }

  /// The problems in the form of a resolver's.
  public func manifestProblems(of file: String) -> [ManifestProblem] {
    problems.map { ManifestProblem(source: file, path: $0.path?.description ?? "", found: $0.sentence) }
  }
}

/// Finds the problems of a run before it begins. It looks at the sizes of the model, the data, the plugins' answers about
/// options and model, and the available memory. It writes nothing.
package struct WorkCheck {
  private let manifest: Manifest
  private let context: StageContext
  /// The context of the plugins' rehearsals.
  let rehearsing: StageContext

  /// - Parameter folder: the run's folder, for scratch files. Nil: not known yet.
  init(manifest: Manifest, context: StageContext, folder: String?) {
    self.manifest = manifest
    self.context = context
    var rehearsing = context.rehearsing
    if let folder { rehearsing.scratchFolder = folder }
    self.rehearsing = rehearsing
  }

  var model: LoadedModel { context.model }

  /// - Parameter rate: this machine's rate. Nil: it is measured.
  /// - Throws: `WorkRefused` with all problems; `Interrupted`.
  func run(rate: MatrixRate? = nil) throws -> WorkEstimate {
    var findings = WorkFindings(model: model, threads: context.workers.count)
    let canChange: Void? = findings.attempt(nil) { try manifest.checkCanChange(model) }
    guard canChange != nil else { throw WorkRefused(problems: findings.problems) }
    let executions = manifest.executions
    context.reporter.begin(ProgressTask(title: "checking", total: executions.count, unit: "stages"))
    defer { context.reporter.end() }
    for (index, execution) in executions.enumerated() {
      try context.cancellation.check()
      defer { context.reporter.advance(to: index + 1) }
      execution.work.check(execution, self, &findings)
    }
    findings.requireMemory()
    guard findings.problems.isEmpty else { throw WorkRefused(problems: findings.problems) }
    return findings.estimate(rate ?? MatrixRate(model.decoder, workers: context.workers))
  }
}

/// The results of a check so far.
package struct WorkFindings {
  private let model: LoadedModel
  private(set) var problems: [WorkRefused.Problem] = []
  var sizes: PlannedSizes
  private(set) var counting: NeedsCounting
  private var needs: [(execution: StageExecution, needs: StageNeeds)] = []
  private var rehearsals: [String: EvaluationRehearsal?] = [:]
  private var read: [CalibrationSample] = []

  init(model: LoadedModel, threads: Int) {
    self.model = model
    sizes = PlannedSizes(model)
    counting = NeedsCounting(model: model, threads: threads)
  }

  /// The largest share of the original multiply-accumulates that the model may have now.
  var share: Double {
    min(
      Double(sizes.most(.macs)) / Double(max(1, model.originalMultiplyAccumulates)),
      Double(sizes.most(.parameters)) / Double(max(1, model.originalParameters)))
  }

  // MARK: Problems

  /// Notes a problem, unless another stage has the same one.
  mutating func note(_ execution: StageExecution?, _ sentence: String) {
    let stage = execution.map { "stage \($0.label)" } ?? ""
    let whole = execution == nil || sentence.hasPrefix("stage ") ? sentence : "\(stage): \(sentence)"
    func bare(_ text: String) -> Substring { text.hasPrefix("stage ") ? text.drop { $0 != ":" } : text[...] }
    guard !problems.contains(where: { bare($0.sentence) == bare(whole) }) else { return }
    problems.append((execution?.path, whole))
  }

  /// - Returns: nil where there is a problem, which is noted.
  @discardableResult
  mutating func attempt<Value>(_ execution: StageExecution?, _ body: () throws -> Value) -> Value? {
    do { return try body() } catch {
      note(execution, "\(error)")
      return nil
    }
  }

  mutating func rehearsed(
    _ use: PluginUse, _ execution: StageExecution, _ body: () throws -> EvaluationRehearsal
  ) -> EvaluationRehearsal? {
    let key = use.json.compact
    if let known = rehearsals[key] { return known }
    let rehearsal = attempt(execution, body)
    rehearsals[key] = rehearsal
    return rehearsal
  }

  /// Notes a calibration text with too few tokens.
  mutating func read(_ sample: CalibrationSample, _ execution: StageExecution) {
    guard !read.contains(sample) else { return }
    read.append(sample)
    let model = model
    attempt(execution) { _ = try sample.sequences(from: model.corpus(of: sample.data)) }
  }

  // MARK: Needs

  mutating func need(_ stage: StageNeeds, _ execution: StageExecution) {
    needs.append((execution, stage))
    counting.share = share
  }

  mutating func requireMemory() {
    guard let available = AvailableMemory.now else { return }
    for (execution, needs) in needs where needs.bytes > available.bytes {
      let bytes = HumanFormat.bytes(needs.bytes)
      let amount = needs.bytes == .max ? "more memory than can be counted" : "about \(bytes) of memory"
      note(
        execution,
        "stage \(execution.label) needs \(amount), and \(available.limit) \(HumanFormat.bytes(available.bytes)); "
          + execution.work.memoryAdvice)
    }
  }

  func estimate(_ rate: MatrixRate) -> WorkEstimate {
    let own = ProcessMemory.resident
    return WorkEstimate(
      stages: needs.map { execution, needs in
        WorkEstimate.Stage(
          label: execution.label, seconds: rate.seconds(needs), bytes: Saturating.sum(own, needs.bytes))
      })
  }
}
