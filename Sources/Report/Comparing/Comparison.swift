import Foundation
import RunRecords

/// Runs side by side, grouped by method and target, with the same measurements lined up.
package struct Comparison {
  /// Runs that differ in their seed alone.
  package struct Setting {
    /// The name of the unpruned model.
    package static let unprunedName = "dense"

    package let method: String
    package let target: ComparedRun.Target?
    package let isOfUnprunedModel: Bool
    /// Ascending by seed.
    package let runs: [ComparedRun]
    /// Each measurement's values, one for each run that took it, in the order of `runs`.
    package let values: Values

    package var name: String { target.map { "\(method), \($0.label)" } ?? method }

    /// The share of the unpruned model's parameters, mean over the runs; 1 for the unpruned model.
    package var share: Double? {
      if isOfUnprunedModel { return 1 }
      let shares = runs.compactMap(\.share)
      return shares.isEmpty ? nil : shares.mean
    }

    func metrics(_ measurement: Measurement) -> [EvaluationRecord.Metric] {
      (values[measurement] ?? []).map(\.measured.metric)
    }
  }

  package typealias Values = [Measurement: [(seed: Int, measured: Measured)]]

  /// Two settings over the same items.
  package struct Pair {
    package let first: Setting
    package let second: Setting
    package let measurement: Measurement
    package let lowerIsBetter: Bool?
    /// nil if the pair can't be tested: too few items, or some not finite.
    package let difference: PairedDifference?
  }

  package let folder: String
  package let record: ComparisonRecord
  /// The unpruned model first, then each method, the larger targets first.
  package let settings: [Setting]
  package let measurements: [Measurement]
  package let pairs: [Pair]
  /// What couldn't be read or compared, in sentences.
  package let problems: [String]

  package var unpruned: Setting? { settings.first { $0.isOfUnprunedModel } }
  package var pruned: [Setting] { settings.filter { !$0.isOfUnprunedModel } }
  package var methods: [String] { pruned.map(\.method).unique }
  package var runs: [ComparedRun] { settings.flatMap(\.runs) }
  var severalSeeds: Bool { pruned.contains { $0.runs.count > 1 } }

  /// Reads a folder's `comparison.json` and its runs. A run that can't be read is left out and named.
  /// - Throws: `ReportError` if there is no comparison, or none of its runs can be read.
  package init(folder: String, bootstrap: PairedBootstrap = PairedBootstrap()) throws(ReportError) {
    let record: ComparisonRecord
    do { record = try ComparisonRecord(folder: folder) } catch { throw .records(error) }
    var problems = record.failures.map { "\($0.run) failed: \($0.reason)" }
    var runs: [ComparedRun] = []
    var unstarted: [String] = []
    for name in record.runs {
      let path = name.hasPrefix("/") ? name : folder + "/" + name
      // A run of this folder may only be planned. A run from elsewhere must be there.
      if name.hasPrefix(ComparisonLayout.runs), !RecordedRun.isIn(path) {
        if !record.failures.contains(where: { $0.run == name }) { unstarted.append(name) }
        continue
      }
      do {
        let run = ComparedRun(folder: name, files: try RecordedRun(folder: path))
        if !run.hasFinished, !record.failures.contains(where: { $0.run == name }) {
          problems.append("\(name) has not finished; what it had done is shown.")
        }
        problems += run.files.problems.map { "\(name): \($0)" }
        runs.append(run)
      } catch {
        problems.append("\(name) is left out: \(error)")
      }
    }
    if !unstarted.isEmpty { problems.append(Self.words(ofUnstarted: unstarted)) }
    guard !runs.isEmpty else {
      throw .records(
        .notAComparison(
          folder: folder, reason: "none of its runs can be read. " + problems.joined(separator: " ")))
    }
    self.folder = folder
    self.record = record
    settings = Self.settings(of: runs)
    measurements =
      settings.flatMap { setting in
        setting.values.keys.sorted { ($0.metric, $0.procedure) < ($1.metric, $1.procedure) }
      }.unique
    pairs = Self.pairs(of: settings, measurements, bootstrap)
    if Set(runs.map(\.files.modelFingerprint)).count > 1 {
      problems.append("The runs began with different models, whose values are not compared with each other.")
    }
    for (metric, count) in Dictionary(grouping: measurements, by: \.metric).mapValues(\.count)
      .sorted(by: { $0.key < $1.key }) where count > 1
    {
      problems.append(
        "\(metric) was measured in \(count) ways: on other data, with other options or of other models. These are "
          + "kept apart.")
    }
    self.problems = problems
  }

  private static func words(ofUnstarted names: [String]) -> String {
    let most = 6
    let told = names.prefix(most).joined(separator: ", ")
    let rest = names.count > most ? " and \(names.count - most) more" : ""
    let who = names.count == 1 ? "One planned run has" : "\(names.count) planned runs have"
    return "\(who) not started: \(told)\(rest)."
  }

  /// Returns the metric's name, with a number if several measurements share it.
  package func name(of measurement: Measurement) -> String {
    let alike = measurements.filter { $0.metric == measurement.metric }
    guard alike.count > 1, let index = alike.firstIndex(of: measurement) else { return measurement.metric }
    return "\(measurement.metric) [\(index + 1)]"
  }

  package func lowerIsBetter(_ measurement: Measurement) -> Bool? {
    settings.lazy.compactMap { $0.metrics(measurement).first?.lowerIsBetter }.first
  }

  // MARK: - Settings

  private static func settings(of runs: [ComparedRun]) -> [Setting] {
    let named = zip(runs, names(of: runs)).filter { !$0.0.isOfUnprunedModel }
    let settings = named.groups(by: \.1).flatMap { method, runs in
      runs.map(\.0).groups(by: \.target).map { target, runs in
        let runs = runs.sorted { $0.seed < $1.seed }
        var values: Values = [:]
        for run in runs {
          for (key, value) in run.after { values[key, default: []].append((run.seed, value)) }
        }
        return Setting(method: method, target: target, isOfUnprunedModel: false, runs: runs, values: values)
      }.enumerated().sorted { left, right in
        let shares = [left, right].map { $0.element.share ?? 0 }
        return shares[0] != shares[1] ? shares[0] > shares[1] : left.offset < right.offset
      }.map(\.element)
    }
    return unpruned(runs).map { [$0] + settings } ?? settings
  }

  /// The unpruned model, from runs of its own or as other runs measured it before any change.
  private static func unpruned(_ runs: [ComparedRun]) -> Setting? {
    let own = runs.filter(\.isOfUnprunedModel)
    var values: Values = [:]
    // The model does not depend on the seed: one value is enough.
    for run in own { values.merge(run.after.mapValues { [(run.seed, $0)] }) { first, _ in first } }
    for run in runs { values.merge(run.before.mapValues { [(run.seed, $0)] }) { first, _ in first } }
    guard !own.isEmpty || !values.isEmpty else { return nil }
    return Setting(
      method: Setting.unprunedName, target: nil, isOfUnprunedModel: true, runs: own, values: values)
  }

  /// Returns the runs' methods: the names of their manifests. If two runs share name, target and seed, they differ in
  /// something else, and the names of their folders are added.
  private static func names(of runs: [ComparedRun]) -> [String] {
    let ambiguous = Set(
      runs.indices.filter { index in
        runs.indices.contains { other in
          other != index && runs[other].method == runs[index].method
            && runs[other].target == runs[index].target && runs[other].seed == runs[index].seed
        }
      }.map { runs[$0].method })
    return runs.map { run in
      guard ambiguous.contains(run.method) else { return run.method }
      return "\(run.method) (\(URL(fileURLWithPath: run.folder).lastPathComponent))"
    }
  }

  // MARK: - Pairs

  /// Returns all pairs of methods at the same target, and of each method and the unpruned model.
  private static func pairs(
    of settings: [Setting], _ measurements: [Measurement], _ bootstrap: PairedBootstrap
  ) -> [Pair] {
    var pairs: [Pair] = []
    for measurement in measurements {
      let all = settings.map { ($0.values[measurement] ?? []).map(\.measured.items) }
      // A setting with a run without items has no sample.
      let samples = all.map { PairedBootstrap.Sample($0.contains { $0 == nil } ? [] : $0.compactMap(\.self)) }
      for (index, second) in settings.enumerated() {
        for (place, first) in settings.enumerated().dropFirst(index + 1)
        where second.isOfUnprunedModel || first.target == second.target {
          let values = [first, second].map { $0.values[measurement] ?? [] }
          guard !samples[place].values.isEmpty, !samples[index].values.isEmpty else { continue }
          pairs.append(
            Pair(
              first: first, second: second, measurement: measurement,
              lowerIsBetter: values[0].first?.measured.metric.lowerIsBetter,
              difference: bootstrap.difference(
                samples[place], samples[index],
                pairsSeeds: !second.isOfUnprunedModel && values[0].map(\.seed) == values[1].map(\.seed))))
        }
      }
    }
    return pairs
  }
}

extension Comparison.Pair {
  /// Which method is better, if that is known.
  package var verdict: String {
    guard let difference else { return "not tested: fewer than two items, or some not finite" }
    guard difference.isSignificant else { return "no difference shown" }
    guard let lowerIsBetter else { return difference.mean > 0 ? "higher" : "lower" }
    return "\((difference.mean < 0) == lowerIsBetter ? first.method : second.method) is better"
  }
}
