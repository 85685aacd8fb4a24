import Files
import Foundation
import JSON
import PluginRuntime
import Report
import RunRecords
import Tensors
import Wording

/// What to compare, and how.
public struct CompareRequest: Sendable {
  /// The pipelines, and their files for messages.
  public let pipelines: [(file: String, manifest: Manifest)]
  /// The folders of earlier runs.
  public let folders: [String]
  public let registry: PluginRegistry
  /// The model of the pipelines. It may be nil if there are none.
  public let modelPath: String?
  /// The comparison's folder: missing, empty, or a comparison.
  public let outputPath: String
  /// Shares of the original model that replace the pipelines' own targets; empty to keep those.
  public let targets: [Double]
  /// How many runs of each pipeline and target, with successive seeds.
  public let seeds: Int
  public let threads: Int
  /// The texts that every model continues.
  public let prompts: [String]
  /// The most tokens of a sample; 0 for no samples.
  public let sampleTokens: Int

  public init(
    pipelines: [(file: String, manifest: Manifest)], folders: [String], registry: PluginRegistry,
    modelPath: String?, outputPath: String, targets: [Double], seeds: Int, threads: Int, prompts: [String],
    sampleTokens: Int
  ) {
    self.pipelines = pipelines
    self.folders = folders
    self.registry = registry
    self.modelPath = modelPath
    self.outputPath = outputPath
    self.targets = targets
    self.seeds = seeds
    self.threads = threads
    self.prompts = prompts
    self.sampleTokens = sampleTokens
  }
}

/// The outcome of a comparison.
public struct CompareSummary: Sendable, Equatable {
  /// The comparison's folder, an absolute path.
  public let folder: String
  /// The path of the page.
  public let report: String
  /// Tables for a terminal.
  public let text: String
  public let failures: [ComparisonRecord.Failure]
}

extension Operations {
  /// Makes the missing runs, one after the other, and puts all runs side by side. The work that they have in common is
  /// done once. A failed run is reported at the end, and the others go on.
  public static func compare(
    _ request: CompareRequest, progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> CompareSummary {
    try Comparing(request, progress: progress, cancellation: cancellation).run()
  }
}

/// A comparison at work.
private final class Comparing {
  private let request: CompareRequest
  private let progress: any ProgressReporter
  private let cancellation: Cancellation
  private let folder: String
  private let plan: ComparePlan
  private var record = ComparisonRecord.blank
  /// Keeps other processes out of the comparison's folder.
  private var claim: RunFolder?

  init(
    _ request: CompareRequest, progress: any ProgressReporter, cancellation: Cancellation
  ) throws {
    self.request = request
    self.progress = progress
    self.cancellation = cancellation
    folder = URL(fileURLWithPath: request.outputPath).standardizedFileURL.path
    plan = try ComparePlan(request.pipelines, targets: request.targets, seeds: request.seeds)
    if let first = request.pipelines.first, request.modelPath == nil {
      throw CompareError.noModel(pipeline: first.file)
    }
    if ComparisonRecord.isIn(folder) {
      try takeEarlier()
    } else {
      try Self.refusing { try RunFolder.requireUsable(folder) }
    }
  }

  private func takeEarlier() throws {
    claim = try RunFolder.open(folder, command: "compare")
    for place in [folder, folder + "/" + ComparisonLayout.shared] { RunFolder.removeLeftovers(in: place) }
    record = try ComparisonRecord(folder: folder)
  }

  /// Words a refusal for a comparison.
  private static func refusing<Result>(_ work: () throws -> Result) throws -> Result {
    do {
      return try work()
    } catch RunFolderError.notEmpty(let path) {
      throw CompareError.notEmpty(path: path)
    }
  }

  func run() throws -> CompareSummary {
    do {
      return try compare()
    } catch {
      // Without a list of runs there is no comparison to keep.
      if !ComparisonRecord.isIn(folder) { claim?.clearIfHalfMade() }
      throw error
    }
  }

  private func compare() throws -> CompareSummary {
    let earlier = request.folders.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
    for path in earlier { _ = try RunReport.page(of: path) }
    // Everything is checked before any work.
    let context = try request.modelPath.map {
      try StageContext(
        modelPath: $0, registry: request.registry, seed: 0, threads: request.threads, reporter: progress,
        cancellation: cancellation)
    }
    let files = try context?.model.recordedFiles() ?? []
    let states = try context.map { context in try plan.all.map { try state(of: $0, files, context) } } ?? []
    let refused = try context.map { try check(states, $0) } ?? [:]

    if claim == nil {
      // Another process may have made a comparison meanwhile. Then look at the folder again.
      if ComparisonRecord.isIn(folder) {
        try takeEarlier()
        return try compare()
      }
      claim = try Self.refusing { try RunFolder.claim(at: folder, command: "compare") }
    }
    if let doubt = claim?.doubt { progress.note(doubt) }
    var names = record.runs
    for name in plan.all.map(\.folder) + earlier where !names.contains(name) { names.append(name) }
    record.runs = names
    record.failures = []
    record.savings = nil
    try record.write(to: folder)

    if let path = request.modelPath, let context {
      let shared = SharedWork(
        folder: folder + "/" + ComparisonLayout.shared, modelHashes: files.compactMap(\.sha256),
        threads: request.threads)
      try calibrate(context, states, Set(refused.keys), shared)
      for (index, (run, state)) in zip(plan.all, states).enumerated() where state != .finished {
        try cancellation.check()
        if let reason = refused[run.name] {
          record.failures.append(ComparisonRecord.Failure(run: run.folder, reason: "\(reason)"))
          continue
        }
        progress.note("run \(index + 1) of \(plan.all.count): \(run.name)")
        try carryOut(run, state, modelPath: path, shared)
      }
    }
    // A failed run without a manifest has nothing to show.
    let failed = record.failures.map(\.run)
    record.runs.removeAll {
      failed.contains($0) && !FileManager.default.fileExists(atPath: path(of: $0) + "/" + RunLayout.manifest)
    }
    try record.write(to: folder)
    try addSamples()
    try addSavings()
    return CompareSummary(
      folder: folder, report: try ComparisonReport.write(of: folder),
      text: try ComparisonReport.terminalText(of: folder), failures: record.failures)
  }

  // MARK: - Runs

  private func path(of run: String) -> String { run.hasPrefix("/") ? run : folder + "/" + run }

  private func state(
    of run: ComparePlan.Run, _ files: [RunRecord.File], _ context: StageContext
  ) throws -> EarlierRun.State {
    var plugins: [String: String] = [:]
    for use in run.manifest.pluginUses where plugins[use.id] == nil {
      plugins[use.id] = try FileHash.sha256(context.loaded(use).library)
    }
    return try EarlierRun.state(
      of: path(of: run.folder), name: run.folder,
      expected: EarlierRun.Expected(
        manifest: run.manifest.json, modelFiles: EarlierRun.hashes(files.map { ($0.name, $0.sha256) }),
        plugins: plugins, threads: request.threads))
  }

  /// Checks every run that has not begun.
  /// - Returns: why a run is refused, by its name.
  /// - Throws: `WorkRefused` if every run of the pipelines is refused.
  private func check(_ states: [EarlierRun.State], _ context: StageContext) throws -> [String: WorkRefused] {
    let rate = MatrixRate(context.model.decoder, workers: context.workers)
    var refused: [String: WorkRefused] = [:]
    var estimates: [WorkEstimate] = []
    for (run, state) in zip(plan.all, states).dropFirst(plan.dense.count) where state == .absent {
      let check = WorkCheck(
        manifest: run.manifest, context: context.silent.seeded(run.manifest.seed), folder: folder)
      do { estimates.append(try check.run(rate: rate)) } catch let error as WorkRefused {
        refused[run.name] = error
      }
    }
    if let first = plan.runs.first.flatMap({ refused[$0.name] }), refused.count == plan.runs.count {
      throw first
    }
    for run in plan.runs {
      if let reason = refused[run.name] { progress.note("\(run.name) cannot be carried out: \(reason)") }
    }
    if !estimates.isEmpty {
      let seconds = estimates.reduce(0) { $0 + $1.seconds }
      let bytes = estimates.map(\.bytes).max() ?? 0
      progress.note(
        "\(estimates.count) \(estimates.count == 1 ? "run takes" : "runs take") at most about "
          + "\(HumanFormat.duration(seconds: seconds)), with about \(HumanFormat.bytes(bytes)) of memory")
    }
    return refused
  }

  private func carryOut(
    _ run: ComparePlan.Run, _ state: EarlierRun.State, modelPath: String, _ shared: SharedWork
  ) throws {
    let path = path(of: run.folder)
    // Each run has its own peak of memory.
    Buffer.returnFreeMemory()
    ProcessMemory.resetPeak()
    do {
      if state == .unfinished {
        _ = try Operations.resume(
          folder: path, registry: request.registry, isLocked: true, sharing: shared, progress: progress,
          cancellation: cancellation)
      } else {
        _ = try Operations.run(
          run.manifest, registry: request.registry, modelPath: modelPath, outputPath: path,
          threads: request.threads, sharing: shared, progress: progress, cancellation: cancellation)
      }
    } catch {
      if cancellation.isBehind(error) {
        progress.note("the same command goes on from here, with the other runs too")
        throw Interrupted()
      }
      progress.end()
      progress.note("\(run.name) failed: \(error)")
      record.failures.append(ComparisonRecord.Failure(run: run.folder, reason: "\(error)"))
    }
  }

  /// Makes the passes over the unpruned model with which several runs begin. After a failure each run makes its own pass,
  /// and may fail alone.
  private func calibrate(
    _ context: StageContext, _ states: [EarlierRun.State], _ refused: Set<String>, _ shared: SharedWork
  ) throws {
    let jobs = try zip(plan.all, states).compactMap { run, state -> SharedCalibration.Job? in
      let change = run.manifest.executions.first { !$0.work.leavesModel }
      guard state != .finished, !refused.contains(run.name), let stage = change?.work as? PruneStage else {
        return nil
      }
      return try SharedCalibration.Job(stage, in: context.seeded(run.manifest.seed), shared: shared)
    }
    do {
      try SharedCalibration(context: context, shared: shared).make(jobs)
    } catch {
      if cancellation.isBehind(error) { throw Interrupted() }
      progress.end()
      progress.note("calibration is left to the runs: \(error)")
    }
  }

  // MARK: - Samples

  /// Adds samples of each setting's first seed and of the unpruned model.
  private func addSamples() throws {
    guard request.sampleTokens > 0, !request.prompts.isEmpty else {
      record.samples = []
      return
    }
    let earlier = record.samples
    record.samples = []
    for (run, model) in try sampledModels() {
      for prompt in request.prompts {
        try cancellation.check()
        let known = earlier.first {
          $0.run == run && $0.prompt == prompt && $0.maximumTokens == request.sampleTokens
        }
        if let known {
          record.samples.append(known)
          continue
        }
        progress.note("sample of \(run ?? "the unpruned model")")
        do {
          record.samples.append(try sample(of: model, run: run, prompt: prompt))
        } catch {
          if cancellation.isBehind(error) { throw Interrupted() }
          progress.note("\(run ?? "the unpruned model") has no sample: \(error)")
        }
      }
    }
    try record.write(to: folder)
  }

  private func sample(of model: String, run: String?, prompt: String) throws -> ComparisonRecord.Sample {
    var pieces: [String] = []
    try Operations.generate(
      .text(prompt), modelPath: model, maximumTokens: request.sampleTokens, shortensToFit: true,
      temperature: 0, seed: 0, threads: request.threads, progress: SilentProgress(),
      cancellation: cancellation
    ) { pieces.append($0) }
    // The first piece is the prompt.
    return ComparisonRecord.Sample(
      run: run, prompt: prompt, text: pieces.dropFirst().joined(), maximumTokens: request.sampleTokens)
  }

  /// Returns runs with the models that they saved last. The unpruned model has no run.
  private func sampledModels() throws -> [(run: String?, model: String)] {
    let comparison = try Comparison(folder: folder, bootstrap: PairedBootstrap(draws: 1))
    var models: [(run: String?, model: String)] = []
    let unpruned = request.modelPath ?? comparison.runs.lazy.compactMap(\.modelPath).first
    if let unpruned, FileManager.default.fileExists(atPath: unpruned) { models.append((nil, unpruned)) }
    for setting in comparison.pruned {
      guard let run = setting.runs.first(where: \.hasFinished), let saved = run.savedModel else { continue }
      let path = path(of: run.folder) + "/" + saved
      if FileManager.default.fileExists(atPath: path) { models.append((run.folder, path)) }
    }
    return models
  }

  // MARK: - Savings

  /// Adds what sharing has saved. The runs' logs tell it, so that it is right after several calls too.
  private func addSavings() throws {
    let comparison = try Comparison(folder: folder, bootstrap: PairedBootstrap(draws: 1))
    let own = Set(plan.all.map(\.folder))
    let runs = comparison.runs.filter { own.contains($0.folder) }
    guard !runs.isEmpty else { return }
    let shared = SharedWork(
      folder: folder + "/" + ComparisonLayout.shared, modelHashes: [], threads: request.threads)
    let (evaluations, passes) = (shared.done("evaluation"), shared.done("pass"))
    var savings = ComparisonRecord.Savings.blank
    let pruned = runs.filter { !$0.isOfUnprunedModel }
    savings.evaluationsMade = evaluations.count
    savings.evaluationsSpared = pruned.reduce(0) { $0 + $1.spared(.evaluation) }
    savings.passesMade = passes.count
    savings.passesSpared = pruned.reduce(0) { $0 + $1.spared(.calibration) }
    savings.seconds = passes.seconds + runs.map(\.seconds).reduce(0, +)
    savings.secondsSpared = pruned.map(\.secondsSpared).reduce(0, +)
    savings.secondsSingly = pruned.map { $0.seconds + $0.secondsSpared }.reduce(0, +)
    record.savings = savings
    try record.write(to: folder)
  }
}
