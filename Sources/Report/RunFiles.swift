import Files
import RunRecords

/// A run as its records tell it, put in order for a report.
package struct RunFiles {
  let run: RunRecord
  let manifest: ManifestRecord
  let evaluations: [EvaluationRecord]
  /// Ascending by number.
  let iterations: [Iteration]
  package let history: History
  /// What couldn't be read, in sentences.
  let problems: [String]

  /// Reads a run's folder.
  /// - Throws: `ReportError` if there is no run.
  package init(folder: String) throws(ReportError) {
    let recorded: RecordedRun
    do { recorded = try RecordedRun(folder: folder) } catch { throw .records(error) }
    run = recorded.run
    manifest = recorded.manifest
    evaluations = recorded.evaluations
    iterations = recorded.iterations.map(Iteration.init)
    history = History(recorded.events)
    problems = recorded.problems
  }

  var hasFinished: Bool { run.state == .finished }
  var seed: Int? { run.seed ?? manifest.seed }

  /// The units that the run left, by layer and family. An iteration names only the families that it cut, so each family
  /// is as the last iteration with it left it.
  var kept: [[String: Iteration.Units]] {
    var kept: [[String: Iteration.Units]] = []
    for iteration in iterations {
      for (layer, units) in iteration.units.enumerated() {
        if layer == kept.count { kept.append([:]) }
        kept[layer].merge(units) { _, later in later }
      }
    }
    return kept
  }

  /// The stage of the manifest that an execution belongs to.
  func stage(of label: String) -> ManifestRecord.Stage? {
    let stages = manifest.allStages
    let name = TrainingCurves.owner(of: label, among: stages.map(\.name))
    return stages.first { $0.name == name }
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
struct Iteration {
  struct Units {
    let kept: Int
    let original: Int
  }

  /// Counts from 1, through the whole run.
  let number: Int
  let stage: String
  let parameters: Int?
  let macs: Int?
  /// By layer, then by family.
  let units: [[String: Units]]
  /// By layer, then by name: means over tokens, averaged over mini-batches if their number is known. NaN if not finite.
  let statistics: [[String: Double]]
  /// In the order of the file.
  let statisticNames: [String]
  let familyNames: [String]

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
    familyNames = record.layers.flatMap(\.families).map(\.name).unique
    statisticNames = record.layers.flatMap(\.statistics).map(\.name).unique
  }
}

extension Sequence where Element: Hashable {
  /// Each element once, where it comes first.
  var unique: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

extension Collection {
  subscript(safe index: Index) -> Element? {
    indices.contains(index) ? self[index] : nil
  }
}

extension Collection<Double> {
  /// NaN if there are no values.
  var mean: Double { isEmpty ? .nan : reduce(0, +) / Double(count) }
}

extension String {
  var withCapital: String { prefix(1).uppercased() + dropFirst() }
  /// With a capital letter and a full stop.
  var sentence: String { withCapital + "." }
}
