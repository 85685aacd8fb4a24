import Foundation

/// The events of a run, put in order. The log of a resumed run has lines of several processes. What was done again
/// after the last checkpoint stands there twice, and the later line counts.
package struct History {
  /// The last event of each stage's execution, in the order in which they began. A stage under way has no time.
  package private(set) var stages: [RunEvent] = []
  /// Each step of each stage once.
  package private(set) var steps: [TrainingStepRecord] = []
  /// The seconds of each process, from its start to its last event.
  package private(set) var processes: [Double] = []
  /// The lines of plugins.
  package private(set) var sentences: [RunEvent] = []
  /// The work that the run was spared, since it was done once for several runs.
  package private(set) var spared: [RunEvent] = []
  /// The start of the run, with the sizes of the model before any change.
  package private(set) var start: RunEvent?
  /// The model that each stage saved last, by the stage.
  package private(set) var saved: [Named<SavedModelRecord>] = []
  /// Of the process that finished the run.
  package private(set) var peakMemoryBytes: Int?

  package init(_ events: [RunEvent]) {
    var places: [String: Int] = [:]
    var stepPlaces: [String: [Int: Int]] = [:]
    for event in events {
      let stage = event.label
      if event.kind == .runStarted || event.kind == .runResumed || processes.isEmpty { processes.append(0) }
      if let seconds = event.seconds {
        processes[processes.count - 1] = max(processes[processes.count - 1], seconds)
      }
      switch event.kind {
      case .runStarted?: start = event
      case .saved?:
        var model = event.saved ?? .blank
        model.directory = model.directory ?? ((event.path ?? "") as NSString).lastPathComponent
        saved.removeAll { $0.name == stage }
        saved.append(Named(stage, model))
      case .stageStarted?, .stageFinished?:
        if let place = places[stage] {
          stages[place] = event
        } else {
          places[stage] = stages.count
          stages.append(event)
        }
      case .step?:
        guard let step = event.step else { continue }
        if let place = stepPlaces[stage]?[step.number] {
          steps[place] = step
        } else {
          stepPlaces[stage, default: [:]][step.number] = steps.count
          steps.append(step)
        }
      case .plugin?: sentences.append(event)
      case .spared? where event.work != nil:
        // A stage that was resumed was spared the same work again.
        spared.removeAll { $0.stage == event.stage && $0.work == event.work && $0.what == event.what }
        spared.append(event)
      case .runFinished?: peakMemoryBytes = event.peakMemoryBytes
      default: break
      }
    }
  }
}

extension RunEvent {
  /// The label of the stage's execution; empty where there is none.
  package var label: String { stage ?? "" }
}
