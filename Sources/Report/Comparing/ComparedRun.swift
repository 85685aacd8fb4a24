import Foundation
import JSON
import RunRecords
import Wording

/// One run of a comparison, with what tells it from the others.
package struct ComparedRun {
  /// How small the model was to become.
  package struct Target: Equatable {
    /// As the manifest has it: what is to be the same within a setting.
    package let json: JSONValue
    /// `80.0%`, `70.0% of the multiply-accumulates`.
    package let label: String
    /// The share where it is one of the original parameters, else the label: for a spreadsheet.
    let value: JSONValue
  }

  /// As the comparison names it.
  package let folder: String
  /// The manifest's name.
  package let method: String
  /// Of the last prune or transform stage that has one; nil if there is none.
  package let target: Target?
  package let seed: Int
  package let isOfUnprunedModel: Bool
  package let files: RunFiles
  package let before: [Measurement: Measured]
  package let after: [Measurement: Measured]
  package let originalParameters: Int?
  /// Of the model that the run came to.
  package let parameters: Int?
  package let macs: Int?

  package var share: Double? { RunTables.share(parameters, of: originalParameters) }

  /// Seconds of all processes that worked on the run.
  package var seconds: Double { files.history.processes.reduce(0, +) }
  package var secondsSpared: Double { files.history.spared.map(\.seconds).reduce(0, +) }

  package var hasFinished: Bool { files.hasFinished }
  /// The model that it began with.
  package var modelPath: String? { files.run.model?.path }
  /// The folder of the model that it saved last, outside of repeats; nil if there is no such stage.
  package var savedModel: String? {
    files.manifest.stages.last { $0.kind == "save" }?.directory
  }
  /// How many pieces of work of a kind it was spared.
  package func spared(_ work: RunEvent.Work) -> Int { files.history.spared.count { $0.work == work } }

  init(folder: String, files: RunFiles) {
    self.folder = folder
    self.files = files
    method = files.manifest.name ?? URL(fileURLWithPath: folder).lastPathComponent
    seed = files.seed ?? 0
    isOfUnprunedModel = files.isOfUnprunedModel
    target = files.manifest.allStages.filter { ["prune", "transform"].contains($0.kind) }
      .compactMap(\.target).last.map(Target.init)
    (before, after) = files.measurements
    let sizes = ResultsSection.rows(files).last
    originalParameters = ResultsSection.originalParameters(files)
    parameters = sizes?.parameters
    macs = sizes?.macs
  }
}

extension ComparedRun.Target {
  init(_ target: ManifestRecord.Target) {
    json = target.json
    if case .share(let part)? = target.parameters, target.base != "current" {
      label = HumanFormat.percent(part)
      value = .number(part)
    } else if case .share(let part)? = target.macs, target.base != "current" {
      label = HumanFormat.percent(part) + " of the multiply-accumulates"
      value = .string(label)
    } else {
      let words = IdentitySection.words(of: target) ?? target.json.compact
      label = words.hasPrefix("to ") ? String(words.dropFirst(3)) : words
      value = .string(label)
    }
  }
}
