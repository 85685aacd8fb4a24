import Foundation
import JSON
import RunRecords
import Wording

/// One run of a comparison.
package struct ComparedRun {
  /// How small the model was to become.
  package struct Target: Equatable {
    /// As in the manifest. Runs of a setting share it.
    package let json: JSONValue
    /// `80.0%`, `70.0% of the multiply-accumulates`.
    package let label: String
    /// For a spreadsheet: the share where it is one of the original parameters, else the label.
    let value: JSONValue

    init(_ target: ManifestRecord.Target) {
      json = target.json
      if case .share(let part)? = target.parameters, target.base != "current" {
        label = HumanFormat.percent(part)
        value = .number(part)
        return
      }
      if case .share(let part)? = target.macs, target.base != "current" {
        label = HumanFormat.percent(part) + " of the multiply-accumulates"
      } else {
        let words = IdentitySection.words(of: target) ?? target.json.compact
        label = words.hasPrefix("to ") ? String(words.dropFirst(3)) : words
      }
      value = .string(label)
    }
  }

  /// As the comparison names it.
  package let folder: String
  /// The manifest's name.
  package let method: String
  /// Of the last prune or transform stage with a target; nil if there is none.
  package let target: Target?
  let files: RecordedRun
  let before: [Measurement: Measured]
  let after: [Measurement: Measured]
  /// The size at the end of the run.
  let parameters: Int?
  let macs: Int?

  var seed: Int { files.seed ?? 0 }
  package var isOfUnprunedModel: Bool { files.isOfUnprunedModel }
  var originalParameters: Int? { ResultsSection.originalParameters(files) }
  var share: Double? { ResultsSection.share(parameters, of: originalParameters) }

  /// The seconds of all processes that worked on the run.
  package var seconds: Double { files.history.processes.reduce(0, +) }
  package var secondsSpared: Double { files.history.spared.map { $0.took ?? 0 }.reduce(0, +) }

  package var hasFinished: Bool { files.hasFinished }
  /// The model at the start of the run.
  package var modelPath: String? { files.run.model?.path }
  /// The folder of the last save stage outside of repeats; nil if there is none.
  package var savedModel: String? {
    files.manifest.stages.last { $0.kind == "save" }?.directory
  }
  /// Returns how often the run was spared work of a kind.
  package func spared(_ work: RunEvent.Work) -> Int { files.history.spared.count { $0.work == work } }

  init(folder: String, files: RecordedRun) {
    self.folder = folder
    self.files = files
    method = files.manifest.name ?? URL(fileURLWithPath: folder).lastPathComponent
    target = files.manifest.allStages.filter { ["prune", "transform"].contains($0.kind) }
      .compactMap(\.target).last.map(Target.init)
    (before, after) = files.measurements
    let last = ResultsSection.rows(files).last
    parameters = last?.parameters
    macs = last?.macs
  }
}
