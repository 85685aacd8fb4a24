import Foundation
import RunRecords

/// What `events.jsonl` tells, put in order. A run that was resumed has lines of several processes: what was done
/// again, since it came after the last checkpoint, stands there twice, and then the later one counts.
package struct History: Equatable {
  /// An execution of a stage.
  package struct Stage: Equatable {
    package let label: String
    /// In seconds, of the process that finished it; nil while it is under way.
    package var took: Double?
    /// Of the model after it.
    package var parameters: Int?
  }

  /// A line of a plugin's.
  package struct Sentence: Equatable {
    package let plugin: String
    package let level: String
    package let text: String
  }

  /// Work that was done once for several runs, and that this one was spared.
  package struct Spared: Equatable {
    package let stage: String
    package let work: RunEvent.Work
    /// Whose: its id.
    package let plugin: String
    /// What it took when it was done.
    package let seconds: Double
  }

  /// A model that a stage has saved.
  package struct Saved: Equatable {
    package let stage: String
    /// Within the run's folder.
    package let directory: String
    package let weights: WeightsOnDisk?
    /// What the source holds and the saved folder lacks, each with the reason where there is one.
    package let leftBehind: [String]
  }

  /// In the order in which they were first begun.
  package private(set) var stages: [Stage] = []
  /// By the stage and then by the number, each once.
  package private(set) var steps: [TrainingStepRecord] = []
  /// Each process that worked on the run, in seconds from its start to its last event.
  package private(set) var processes: [Double] = []
  package private(set) var sentences: [Sentence] = []
  package private(set) var spared: [Spared] = []
  /// Of the model as it came, if the run noted it.
  package private(set) var originalParameters: Int?
  package private(set) var originalMacs: Int?
  package private(set) var originalWeights: WeightsOnDisk?
  /// Each stage's once.
  package private(set) var saved: [Saved] = []
  /// Of the process that finished the run.
  package private(set) var peakMemoryBytes: Int?

  package init() {}

  package init(_ events: [RunEvent]) {
    var places: [String: Int] = [:]
    var stepPlaces: [String: [Int: Int]] = [:]
    for event in events {
      let stage = event.stage ?? ""
      if event.kind == .runStarted || event.kind == .runResumed || processes.isEmpty { processes.append(0) }
      if let seconds = event.seconds {
        processes[processes.count - 1] = max(processes[processes.count - 1], seconds)
      }
      switch event.kind {
      case .runStarted?:
        originalParameters = event.parameters
        originalMacs = event.macs
        originalWeights = event.weights
      case .saved?:
        saved.removeAll { $0.stage == stage }
        let name = ((event.path ?? "") as NSString).lastPathComponent
        saved.append(
          Saved(
            stage: stage, directory: event.saved?.directory ?? name, weights: event.saved?.weights,
            leftBehind: event.saved?.leftBehind.map(\.words) ?? []))
      case .stageStarted?, .stageFinished?:
        let place = places[stage] ?? stages.count
        if place == stages.count { stages.append(Stage(label: stage)) }
        places[stage] = place
        stages[place].took = event.took
        stages[place].parameters = event.parameters
      case .step?:
        guard let step = event.step else { continue }
        if let place = stepPlaces[stage]?[step.number] {
          steps[place] = step
        } else {
          stepPlaces[stage, default: [:]][step.number] = steps.count
          steps.append(step)
        }
      case .plugin?:
        sentences.append(
          Sentence(plugin: event.plugin ?? "", level: event.level ?? "", text: event.sentence ?? ""))
      case .spared?:
        guard let work = event.work else { continue }
        let plugin = event.what ?? ""
        // A stage that was resumed was spared it once more.
        spared.removeAll { $0.stage == stage && $0.work == work && $0.plugin == plugin }
        spared.append(Spared(stage: stage, work: work, plugin: plugin, seconds: event.took ?? 0))
      case .runFinished?: peakMemoryBytes = event.peakMemoryBytes
      default: break
      }
    }
  }
}
