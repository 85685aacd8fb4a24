import Files
import Foundation
import JSON

/// Why a folder's records can't be read.
public enum RecordError: Error, Equatable, CustomStringConvertible {
  case notARun(folder: String, problems: [String])
  case notAComparison(folder: String, reason: String)

  public var description: String {
    switch self {
    case .notARun(let folder, let problems):
      "\(folder) holds no run that can be reported: \(problems.joined(separator: " ")) "
        + "Give the folder that was --output"
    case .notAComparison(let folder, let reason): "\(folder) holds no comparison: \(reason)"
    }
  }
}

/// The records in a run's folder, as far as they are there. The run may be under way, or may have failed.
package struct RecordedRun: Sendable {
  /// Empty if the file is missing.
  package let run: RunRecord
  package let manifest: ManifestRecord
  package let evaluations: [EvaluationRecord]
  /// Ascending by number.
  package let iterations: [IterationRecord]
  package let history: History
  /// What couldn't be read, in sentences.
  package let problems: [String]

  /// Reads a folder.
  /// - Throws: `RecordError` if neither `run.json` nor `manifest.json` can be read: then there is no run.
  package init(folder: String) throws(RecordError) {
    var problems: [String] = []
    func read(_ name: String, isNeeded: Bool = false) -> JSONValue? {
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
    let run = read(RunLayout.run, isNeeded: true)
    let manifest = read(RunLayout.manifest, isNeeded: true)
    guard run != nil || manifest != nil else { throw .notARun(folder: folder, problems: problems) }
    self.run = run.flatMap { RunRecord(json: $0, for: .report) } ?? RunRecord()
    self.manifest = ManifestRecord(manifest ?? .null)
    evaluations =
      read(RunLayout.metrics).flatMap { MetricsRecord(json: $0, for: .report) }?.evaluations ?? []

    let iterations = folder + "/" + RunLayout.iterations
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: iterations)) ?? []).sorted()
    self.iterations = names.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
      .compactMap { name in
        read(RunLayout.iterations + "/" + name).flatMap { IterationRecord(json: $0, for: .report) }
      }
      .sorted { $0.number < $1.number }

    if let bytes = try? ReadableFile.bytes(of: folder + "/" + RunLayout.events) {
      let (events, broken) = RunEvent.reading(bytes)
      history = History(events)
      if broken > 0 {
        problems.append("\(RunLayout.events): \(broken) lines that are not JSON objects are left out.")
      }
    } else {
      history = History([])
      problems.append("\(RunLayout.events) is missing.")
    }
    self.problems = problems
  }

  /// Returns whether a run has begun in `folder`: then one of these two files is there.
  package static func isIn(_ folder: String) -> Bool {
    [RunLayout.run, RunLayout.manifest].contains { FileManager.default.fileExists(atPath: folder + "/" + $0) }
  }
}
