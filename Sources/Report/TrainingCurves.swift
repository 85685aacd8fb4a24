import RunRecords

/// The steps of one train stage, through all its rounds.
package struct TrainingCurves {
  package struct Round {
    /// The label of the stage's execution: `train.2`.
    package let label: String
    /// Ascending by number.
    package let steps: [TrainingStepRecord]
  }

  /// The stage's name in the manifest.
  package let stage: String
  /// Ascending by their first steps.
  package let rounds: [Round]

  package var steps: [TrainingStepRecord] { rounds.flatMap(\.steps) }

  /// Groups steps by their stages.
  /// - Parameter stages: the names of the manifest's stages.
  package static func of(_ steps: [TrainingStepRecord], stages: [String]) -> [TrainingCurves] {
    steps.groups(by: \.stage).groups { owner(of: $0.key, among: stages) }.map { stage, executions in
      let rounds = executions.map { Round(label: $0, steps: $1.sorted { $0.number < $1.number }) }
      return TrainingCurves(
        stage: stage,
        rounds: rounds.sorted { ($0.steps.first?.number ?? 0) < ($1.steps.first?.number ?? 0) })
    }
  }

  /// Returns the name of the stage that an execution belongs to, or the label if there is none. An execution in a repeat
  /// is called `NAME.ROUND`: `train.2.1` is `train` in two nested repeats. Names may have points of their own.
  static func owner(of label: String, among stages: [String]) -> String {
    if stages.contains(label) { return label }
    var parts = label.split(separator: ".", omittingEmptySubsequences: false)
    while parts.count > 1, let last = parts.last, Int(last) != nil {
      parts.removeLast()
      let name = parts.joined(separator: ".")
      if stages.contains(name) { return name }
    }
    return stages.isEmpty ? parts.joined(separator: ".") : label
  }

  /// Returns how many values a running mean covers: a tenth of all, rounded down to 1, 2 or 5 times a power of ten;
  /// 100 at most.
  package static func window(for count: Int) -> Int {
    [100, 50, 20, 10, 5, 2].first { $0 * 10 <= count } ?? 1
  }

  /// Returns each value's mean with the values before it, at most `window` of them in all. Values that aren't finite do
  /// not count; if none is finite, the mean is NaN.
  package static func runningMean(_ values: [Double], window: Int) -> [Double] {
    values.indices.map { index in
      values[max(0, index + 1 - max(1, window))...index].filter(\.isFinite).mean
    }
  }
}
