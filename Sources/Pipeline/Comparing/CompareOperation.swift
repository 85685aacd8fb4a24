import Files
import Foundation
import JSON
import PluginRuntime
import Report
import RunRecords
import Tensors
import Wording

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
  /// - Parameters:
  ///   - pipelines: resolved manifests, and their files for messages.
  ///   - folders: the folders of earlier runs.
  ///   - modelPath: the model of the pipelines. It may be nil if there are none.
  ///   - outputPath: the comparison's folder: missing, empty, or a comparison.
  ///   - targets: shares of the original model that replace the pipelines' own targets; empty to keep those.
  ///   - seeds: how many runs of each pipeline and target, with successive seeds.
  ///   - prompts: the texts that every model continues.
  ///   - sampleTokens: the most tokens of a sample; 0 for no samples.
  public static func compare(
    _ pipelines: [(file: String, manifest: Manifest)], folders: [String], registry: PluginRegistry,
    modelPath: String?, outputPath: String, targets: [Double], seeds: Int, threads: Int, prompts: [String],
    sampleTokens: Int, progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> CompareSummary {
    let plan = try ComparePlan(pipelines, targets: targets, seeds: seeds)
    if let first = pipelines.first, modelPath == nil { throw CompareError.noModel(pipeline: first.file) }
    var comparing = Comparing(
      folder: URL(fileURLWithPath: outputPath).standardizedFileURL.path, plan: plan,
      earlier: folders.map { URL(fileURLWithPath: $0).standardizedFileURL.path }, registry: registry,
      modelPath: modelPath, threads: threads, prompts: prompts, sampleTokens: sampleTokens,
      progress: progress, cancellation: cancellation)
    return try comparing.run()
  }
}

/// A comparison at work.
private struct Comparing {
  let folder: String
  let plan: ComparePlan
  /// The folders of earlier runs.
  let earlier: [String]
  let registry: PluginRegistry
  let modelPath: String?
  let threads: Int
  let prompts: [String]
  let sampleTokens: Int
  let progress: any ProgressReporter
  let cancellation: Cancellation
  var record = ComparisonRecord.blank
  /// Keeps other processes out of the comparison's folder.
  var claim: RunFolder?

  private mutating func takeEarlier() throws {
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

  mutating func run() throws -> CompareSummary {
    if ComparisonRecord.isIn(folder) {
      try takeEarlier()
    } else {
      try Self.refusing { try RunFolder.requireUsable(folder) }
    }
    do {
      return try compare()
    } catch {
      // Without a list of runs there is no comparison to keep.
      if !ComparisonRecord.isIn(folder) { claim?.clearIfHalfMade() }
      throw error
    }
  }

  private mutating func compare() throws -> CompareSummary {
    for path in earlier { _ = try RunReport.page(of: path) }
    // Everything is checked before any work.
    let context = try modelPath.map {
      try StageContext(
        modelPath: $0, registry: registry, seed: 0, threads: threads, reporter: progress,
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

    if let path = modelPath, let context {
      let shared = SharedWork(
        folder: folder + "/" + ComparisonLayout.shared, modelHashes: files.compactMap(\.sha256),
        threads: threads)
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
    record.runs = record.runs.filter {
      !failed.contains($0) || FileManager.default.fileExists(atPath: path(of: $0) + "/" + RunLayout.manifest)
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
        plugins: plugins, threads: threads))
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

  private mutating func carryOut(
    _ run: ComparePlan.Run, _ state: EarlierRun.State, modelPath: String, _ shared: SharedWork
  ) throws {
    let path = path(of: run.folder)
    // Each run has its own peak of memory.
    Buffer.returnFreeMemory()
    ProcessMemory.resetPeak()
    do {
      if state == .unfinished {
        _ = try Operations.resume(
          folder: path, registry: registry, isLocked: true, sharing: shared, progress: progress,
          cancellation: cancellation)
      } else {
        _ = try Operations.run(
          run.manifest, registry: registry, modelPath: modelPath, outputPath: path,
          threads: threads, sharing: shared, progress: progress, cancellation: cancellation)
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
  private mutating func addSamples() throws {
    guard sampleTokens > 0, !prompts.isEmpty else {
      record.samples = []
      return
    }
    let earlier = record.samples
    record.samples = []
    for (run, model) in try sampledModels() {
      for prompt in prompts {
        try cancellation.check()
        let known = earlier.first {
          $0.run == run && $0.prompt == prompt && $0.maximumTokens == sampleTokens
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
      .text(prompt), modelPath: model, maximumTokens: sampleTokens, shortensToFit: true,
      temperature: 0, seed: 0, threads: threads, progress: SilentProgress(),
      cancellation: cancellation
    ) { pieces.append($0) }
    // The first piece is the prompt.
    return ComparisonRecord.Sample(
      run: run, prompt: prompt, text: pieces.dropFirst().joined(), maximumTokens: sampleTokens)
  }

  /// Returns runs with the models that they saved last. The unpruned model has no run.
  private func sampledModels() throws -> [(run: String?, model: String)] {
    let comparison = try Comparison(folder: folder, bootstrap: PairedBootstrap(draws: 1))
    var models: [(run: String?, model: String)] = []
    let unpruned = modelPath ?? comparison.runs.lazy.compactMap(\.modelPath).first
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
  private mutating func addSavings() throws {
    let comparison = try Comparison(folder: folder, bootstrap: PairedBootstrap(draws: 1))
    let own = Set(plan.all.map(\.folder))
    let runs = comparison.runs.filter { own.contains($0.folder) }
    guard !runs.isEmpty else { return }
    let shared = SharedWork(
      folder: folder + "/" + ComparisonLayout.shared, modelHashes: [], threads: threads)
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
