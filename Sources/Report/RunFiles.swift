import Files
import RunRecords

/// A run as its records tell it, put in order for a report.
package struct RunFiles {
  /// Versions, the model's files, machine, how the run ended.
  package let run: RunRecord
  /// The pipeline.
  package let manifest: ManifestRecord
  package let evaluations: [EvaluationRecord]
  /// Ascending by number.
  package let iterations: [Iteration]
  package let history: History
  /// What couldn't be read, in sentences.
  package let problems: [String]

  package init(_ recorded: RecordedRun) {
    run = recorded.run
    manifest = recorded.manifest
    evaluations = recorded.evaluations
    iterations = recorded.iterations.map(Iteration.init)
    history = History(recorded.events)
    problems = recorded.problems
  }

  /// Reads a run's folder.
  /// - Throws: `ReportError` if there is no run.
  package init(folder: String) throws(ReportError) {
    do { self.init(try RecordedRun(folder: folder)) } catch { throw .records(error) }
  }

  package var hasFinished: Bool { run.state == .finished }
  package var seed: Int? { run.seed ?? manifest.seed }

  /// By layer, what the run left of each family. A stage tells only of what it cuts, so each family is as the last
  /// iteration that names it in the layer has it: of a model that lost layers first and channels then, both.
  package var kept: [[String: Iteration.Units]] {
    var kept: [[String: Iteration.Units]] = []
    for iteration in iterations {
      for (layer, units) in iteration.units.enumerated() {
        if layer == kept.count { kept.append([:]) }
        kept[layer].merge(units) { _, later in later }
      }
    }
    return kept
  }
}

/// Why there is no report.
public enum ReportError: Error, Equatable, CustomStringConvertible {
  case records(RecordError)
  case file(FileError)

  public var description: String {
    switch self {
    case .records(let error): error.description
    case .file(let error): error.description
    }
  }
}

/// What one iteration of pruning left of the model, layer by layer.
package struct Iteration: Equatable {
  package struct Units: Equatable {
    package let kept: Int
    package let original: Int
  }

  /// From 1, through the whole run.
  package let number: Int
  package let stage: String
  package let parameters: Int?
  package let macs: Int?
  /// By layer, then by family.
  package let units: [[String: Units]]
  /// By layer, then by name: means over mini-batches, where the file tells how many there were, of their means over
  /// tokens. NaN where one wasn't finite.
  package let statistics: [[String: Double]]
  /// The names of the statistics, in the order of the file.
  package let statisticNames: [String]
  package let familyNames: [String]

  init(_ record: IterationRecord) {
    number = record.number
    stage = record.stage
    parameters = record.parameters
    macs = record.macs
    units = record.layers.map { layer in
      var units: [String: Units] = [:]
      for family in layer.families {
        guard let kept = family.value.kept, let original = family.value.originalCount else { continue }
        units[family.name] = Units(kept: kept.count, original: original)
      }
      return units
    }
    let batches = Double(max(1, record.miniBatches ?? 1))
    statistics = record.layers.map { layer in
      Dictionary(layer.statistics.map { ($0.name, $0.value / batches) }) { $1 }
    }
    familyNames = Self.inOrder(record.layers.flatMap(\.families).map(\.name))
    statisticNames = Self.inOrder(record.layers.flatMap(\.statistics).map(\.name))
  }

  /// Each once, where it comes first.
  static func inOrder<Name: Hashable>(_ names: [Name]) -> [Name] {
    var seen: Set<Name> = []
    return names.filter { seen.insert($0).inserted }
  }
}
