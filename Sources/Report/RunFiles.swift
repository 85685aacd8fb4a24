import Files
import Foundation
import JSON

/// What the files of a run's folder hold, as far as they are there: a run may be under way, or have failed.
package struct RunFiles {
  /// `run.json`: versions, the model's files, machine, how the run ended.
  package let run: JSONValue
  /// `manifest.json`: the pipeline with everything spelled out.
  package let manifest: JSONValue
  package let evaluations: [Evaluation]
  /// Ascending by number.
  package let iterations: [Iteration]
  package let history: History
  /// What couldn't be read, in sentences.
  package let problems: [String]

  /// Reads a folder.
  /// - Throws: `ReportError` if neither `run.json` nor `manifest.json` can be read: then there is no run.
  package init(folder: String) throws(ReportError) {
    var problems: [String] = []
    func read(_ name: String, isNeeded: Bool) -> JSONValue? {
      guard let bytes = try? ReadableFile.bytes(of: folder + "/" + name) else {
        if isNeeded { problems.append("\(name) is missing.") }
        return nil
      }
      do {
        return try JSONValue(parsing: bytes)
      } catch {
        problems.append("\(name) is left out, since it is not JSON: \(error).")
        return nil
      }
    }
    let run = read("run.json", isNeeded: true)
    let manifest = read("manifest.json", isNeeded: true)
    guard run != nil || manifest != nil else {
      throw ReportError.notARun(folder: folder, problems: problems)
    }
    self.run = run ?? .null
    self.manifest = manifest ?? .null
    evaluations = (read("metrics.json", isNeeded: false)?["evaluations"]?.arrayValue ?? []).compactMap(
      Evaluation.init)

    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/iterations")) ?? [])
      .sorted()
    iterations = names.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
      .compactMap { read("iterations/" + $0, isNeeded: false).flatMap(Iteration.init) }
      .sorted { $0.number < $1.number }

    if let bytes = try? ReadableFile.bytes(of: folder + "/events.jsonl") {
      let (history, broken) = History.reading(bytes)
      self.history = history
      if broken > 0 {
        problems.append("events.jsonl: \(broken) lines that are not JSON objects are left out.")
      }
    } else {
      history = History()
      problems.append("events.jsonl is missing.")
    }
    self.problems = problems
  }
}

extension RunFiles {
  /// Whether a run has begun in `folder`: then one of these two files is there.
  package static func isIn(_ folder: String) -> Bool {
    ["run.json", "manifest.json"].contains { FileManager.default.fileExists(atPath: folder + "/" + $0) }
  }

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
  case notARun(folder: String, problems: [String])
  case notAComparison(folder: String, reason: String)
  case file(FileError)

  public var description: String {
    switch self {
    case .notARun(let folder, let problems):
      "\(folder) holds no run that can be reported: \(problems.joined(separator: " ")) "
        + "Give the folder that was --output"
    case .notAComparison(let folder, let reason): "\(folder) holds no comparison: \(reason)"
    case .file(let error): error.description
    }
  }
}

/// What one evaluator measured at one stage.
package struct Evaluation: Equatable {
  package struct Metric: Equatable {
    package let name: String
    /// Infinite where it was worse than any number; nil if it isn't known.
    package let value: Double?
    /// nil if unknown.
    package let standardError: Double?
    package let lowerIsBetter: Bool?
  }

  /// Single items' shares of a metric, in the order of the data; NaN where one wasn't finite.
  package struct Items: Equatable {
    package let name: String
    package let values: [Double]
  }

  /// The label of the stage's execution.
  package let stage: String
  /// The evaluator's id.
  package let evaluator: String
  package let parameters: Int?
  /// Multiply-accumulates a token.
  package let macs: Int?
  package let metrics: [Metric]
  package let items: [Items]

  init?(_ json: JSONValue) {
    guard let stage = json["stage"]?.stringValue else { return nil }
    self.stage = stage
    evaluator = json["evaluator"]?.stringValue ?? ""
    parameters = json["parameters"]?.integerValue
    macs = json["macs_per_token"]?.integerValue
    items = (json["items"]?.objectValue?.members ?? []).map { member in
      Items(name: member.key, values: (member.value.arrayValue ?? []).map { $0.numberValue ?? .nan })
    }
    let infinite = Set((json["infinite"]?.arrayValue ?? []).compactMap(\.stringValue))
    metrics = (json["metrics"]?.arrayValue ?? []).compactMap { metric in
      metric["name"]?.stringValue.map { name in
        let lowerIsBetter = metric["lower_is_better"]?.boolValue
        let worst: Double? =
          infinite.contains(name) ? (lowerIsBetter == false ? -Double.infinity : .infinity) : nil
        return Metric(
          name: name, value: metric["value"]?.numberValue ?? worst,
          standardError: metric["standard_error"]?.numberValue, lowerIsBetter: lowerIsBetter)
      }
    }
  }
}

/// What one iteration of pruning left of the model.
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
  /// By layer, then by family: `attention`, `mlp`, `attention_block`, `mlp_block`, `layer`, or of
  /// a sliced residual stream `attention_stream`, `mlp_stream`.
  package let units: [[String: Units]]
  /// By layer, then by name: means over mini-batches, where the file tells how many there were, of their means over
  /// tokens. NaN where one wasn't finite.
  package let statistics: [[String: Double]]
  /// The names of the statistics, in the order of the file.
  package let statisticNames: [String]
  package let familyNames: [String]

  init?(_ json: JSONValue) {
    guard let number = json["number"]?.integerValue, let layers = json["layers"]?.arrayValue else {
      return nil
    }
    self.number = number
    stage = json["stage"]?.stringValue ?? ""
    parameters = json["parameters"]?.integerValue
    macs = json["macs_per_token"]?.integerValue
    let families = layers.map { $0["families"]?.objectValue?.members ?? [] }
    let values = layers.map { $0["statistics"]?.objectValue?.members ?? [] }
    units = families.map { members in
      var units: [String: Units] = [:]
      for member in members {
        // Of units a list of those that stay, of a width the number.
        let list = member.value["kept"]
        guard let kept = list?.arrayValue?.count ?? list?.integerValue,
          let original = member.value["original_count"]?.integerValue
        else { continue }
        units[member.key] = Units(kept: kept, original: original)
      }
      return units
    }
    // The file has what allocators are handed, which are sums over mini-batches.
    let batches = Double(max(1, json["mini_batches"]?.integerValue ?? 1))
    statistics = values.map { members in
      var statistics: [String: Double] = [:]
      for member in members { statistics[member.key] = (member.value.numberValue ?? .nan) / batches }
      return statistics
    }
    familyNames = Self.inOrder(families.joined().map(\.key))
    statisticNames = Self.inOrder(values.joined().map(\.key))
  }

  static func inOrder(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
