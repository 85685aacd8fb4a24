import Files
import RunRecords

/// What iterations of pruning left of the model, and how they saw its layers.
extension IterationRecord {
  typealias Units = (kept: Int, original: Int)

  /// In the order of the file.
  var familyNames: [String] { layers.flatMap(\.families).map(\.name).unique }
  var statisticNames: [String] { layers.flatMap(\.statistics).map(\.name).unique }

  /// Returns the units of a family in each layer.
  func units(of family: String) -> [Units?] { layers.map { $0.families.first { $0.name == family }?.units } }

  /// Returns a statistic of each layer: the mean over tokens, averaged over mini-batches if their number is known. NaN if
  /// not finite.
  func means(of statistic: String) -> [Double?] {
    let batches = Double(max(1, miniBatches ?? 1))
    return layers.map { layer in
      layer.statistics.first { $0.name == statistic }.map { $0.value / batches }
    }
  }
}

extension Named<IterationRecord.Removal> {
  fileprivate var units: IterationRecord.Units? {
    guard let kept = value.kept, let original = value.originalCount else { return nil }
    return (kept.count, original)
  }
}

extension RecordedRun {
  var hasFinished: Bool { run.state == .finished }
  var seed: Int? { run.seed ?? manifest.seed }

  /// The units that the run left, by layer and family. An iteration names only the families that it cut, so each family
  /// is as the last iteration with it left it.
  var kept: [[String: IterationRecord.Units]] {
    var kept: [[String: IterationRecord.Units]] = []
    for iteration in iterations {
      for (layer, record) in iteration.layers.enumerated() {
        if layer == kept.count { kept.append([:]) }
        for family in record.families { kept[layer][family.name] = family.units ?? kept[layer][family.name] }
      }
    }
    return kept
  }

  /// Returns the stage of the manifest that an execution belongs to.
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

extension Sequence {
  /// Groups elements by a key. Keys and elements keep their order.
  func groups<Key: Equatable>(by key: (Element) -> Key) -> [(key: Key, elements: [Element])] {
    var groups: [(key: Key, elements: [Element])] = []
    for element in self {
      let key = key(element)
      if let place = groups.firstIndex(where: { $0.key == key }) {
        groups[place].elements.append(element)
      } else {
        groups.append((key, [element]))
      }
    }
    return groups
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
  subscript(safe index: Index) -> Element? { indices.contains(index) ? self[index] : nil }
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
