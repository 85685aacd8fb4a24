import RunRecords

/// The steps of one train stage, through all its rounds.
package struct TrainingCurves: Equatable {
  package struct Round: Equatable {
    /// The label of the stage's execution: `train.2`.
    package let label: String
    /// Ascending by number.
    package let steps: [TrainingStepRecord]
  }

  /// As the manifest names it.
  package let stage: String
  /// Ascending by their first steps.
  package let rounds: [Round]

  package var steps: [TrainingStepRecord] { rounds.flatMap(\.steps) }

  /// Puts steps together by their stages.
  /// - Parameter stages: the names of the manifest's stages. An execution in a repeat is called `NAME.ROUND`, and names
  ///   may have points of their own.
  package static func of(_ steps: [TrainingStepRecord], stages: [String]) -> [TrainingCurves] {
    let names = Iteration.inOrder(steps.map(\.stage))
    let owners = names.map { label in
      (label, stages.contains(label) ? label : owner(of: label, among: stages))
    }
    return Iteration.inOrder(owners.map(\.1)).map { stage in
      let labels = owners.filter { $0.1 == stage }.map(\.0)
      let rounds = labels.map { label in
        Round(label: label, steps: steps.filter { $0.stage == label }.sorted { $0.number < $1.number })
      }
      return TrainingCurves(
        stage: stage,
        rounds: rounds.sorted { ($0.steps.first?.number ?? 0) < ($1.steps.first?.number ?? 0) })
    }
  }

  /// `train.2.1` is `train` in the second and first rounds of two repeats.
  static func owner(of label: String, among stages: [String]) -> String {
    var parts = label.split(separator: ".", omittingEmptySubsequences: false)
    while parts.count > 1, let last = parts.last, Int(last) != nil {
      parts.removeLast()
      let name = parts.joined(separator: ".")
      if stages.contains(name) { return name }
    }
    return stages.isEmpty ? parts.joined(separator: ".") : label
  }

  /// How many values a running mean is taken over: a tenth of all, rounded to 1, 2 or 5 times a power of ten
  /// downwards; 100 at most.
  package static func window(for count: Int) -> Int {
    [100, 50, 20, 10, 5, 2].first { $0 * 10 <= count } ?? 1
  }

  /// Each value's mean with those before it, at most `window` of them in all. Values that aren't finite are passed over;
  /// where all of them are, so is the mean.
  package static func runningMean(_ values: [Double], window: Int) -> [Double] {
    values.indices.map { index in
      let seen = values[max(0, index + 1 - max(1, window))...index].filter(\.isFinite)
      return seen.isEmpty ? .nan : seen.reduce(0, +) / Double(seen.count)
    }
  }
}
