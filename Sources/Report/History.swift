import Foundation
import JSON
import Wording

/// What `events.jsonl` tells, put in order. A run that was resumed has lines of several processes: what was done
/// again, since it came after the last checkpoint, stands there twice, and then the later one counts.
package struct History: Equatable {
  package struct Step: Equatable {
    /// The label of the stage's execution: `train.2`.
    package let stage: String
    /// From 1, through all rounds of the stage.
    package let number: Int
    /// Values that weren't finite are NaN, those that weren't recorded nil.
    package let loss: Double?
    package let divergence: Double?
    package let learningRate: Double?
    package let gradientNorm: Double?
    package let tokens: Int?
    package let tokensPerSecond: Double?
  }

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
    package let stage: String
    package let plugin: String
    package let level: String
    package let text: String
  }

  /// Work that was done once for several runs, and that this one was spared.
  package struct Spared: Equatable {
    package let stage: String
    /// `evaluation`, `calibration`.
    package let work: String
    /// Whose: the plugin's id.
    package let what: String
    /// What it took when it was done.
    package let seconds: Double
  }

  /// Weights as they lie on a disk.
  package struct Weights: Equatable {
    package let bytes: Int
    /// What most values of the matrices are stored in.
    package let type: String

    package var words: String { "\(HumanFormat.bytes(bytes)), \(type)" }
  }

  /// A model that a stage has saved.
  package struct Saved: Equatable {
    package let stage: String
    /// Within the run's folder.
    package let directory: String
    package let weights: Weights?
    /// What the source holds and the saved folder lacks, each with the reason where there is one.
    package let leftBehind: [String]
  }

  /// In the order in which they were first begun.
  package private(set) var stages: [Stage] = []
  /// By the stage and then by the number, each once.
  package private(set) var steps: [Step] = []
  /// Each process that worked on the run, in seconds from its start to its last event.
  package private(set) var processes: [Double] = []
  package private(set) var sentences: [Sentence] = []
  package private(set) var spared: [Spared] = []
  /// Of the model as it came, if the run noted it.
  package private(set) var originalParameters: Int?
  package private(set) var originalMacs: Int?
  package private(set) var originalWeights: Weights?
  /// Each stage's once.
  package private(set) var saved: [Saved] = []
  /// Of the process that finished the run.
  package private(set) var peakMemoryBytes: Int?

  package init() {}

  /// Reads the file's lines. The last may be half-written, by a run under way or killed; any other that isn't an
  /// object is counted.
  package static func reading(_ bytes: [UInt8]) -> (history: History, broken: Int) {
    var events: [JSONValue] = []
    var broken = 0
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    for (index, line) in lines.enumerated() {
      if let event = try? JSONValue(parsing: Array(line)), event.objectValue != nil {
        events.append(event)
      } else if index + 1 < lines.count || bytes.last == UInt8(ascii: "\n") {
        broken += 1
      }
    }
    return (History(events), broken)
  }

  package init(_ events: [JSONValue]) {
    var places: [String: Int] = [:]
    var stepPlaces: [String: [Int: Int]] = [:]
    for event in events {
      let stage = event["stage"]?.stringValue ?? ""
      let name = event["event"]?.stringValue
      if name == "run_started" || name == "run_resumed" || processes.isEmpty { processes.append(0) }
      if let seconds = event["seconds"]?.numberValue {
        processes[processes.count - 1] = max(processes[processes.count - 1], seconds)
      }
      switch name {
      case "run_started":
        originalParameters = event["parameters"]?.integerValue
        originalMacs = event["macs_per_token"]?.integerValue
        originalWeights = Weights(event)
      case "saved":
        saved.removeAll { $0.stage == stage }
        saved.append(Saved(event, stage: stage))
      case "stage_started", "stage_finished":
        let place = places[stage] ?? stages.count
        if place == stages.count { stages.append(Stage(label: stage)) }
        places[stage] = place
        stages[place].took = event["took"]?.numberValue
        stages[place].parameters = event["parameters"]?.integerValue
      case "step":
        guard let number = event["step"]?.integerValue else { continue }
        let step = Step(event, stage: stage, number: number)
        if let place = stepPlaces[stage]?[number] {
          steps[place] = step
        } else {
          stepPlaces[stage, default: [:]][number] = steps.count
          steps.append(step)
        }
      case "plugin":
        sentences.append(
          Sentence(
            stage: stage, plugin: event["plugin"]?.stringValue ?? "",
            level: event["level"]?.stringValue ?? "",
            text: event["sentence"]?.stringValue ?? ""))
      case "spared":
        guard let work = event["work"]?.stringValue else { continue }
        let what = event["what"]?.stringValue ?? ""
        // A stage that was resumed was spared it once more.
        spared.removeAll { $0.stage == stage && $0.work == work && $0.what == what }
        spared.append(Spared(stage: stage, work: work, what: what, seconds: event["took"]?.numberValue ?? 0))
      case "run_finished": peakMemoryBytes = event["peak_memory_bytes"]?.integerValue
      default: break
      }
    }
  }
}

extension History.Weights {
  /// nil if the event does not tell both, as those of older versions don't.
  init?(_ event: JSONValue) {
    guard let bytes = event["weight_bytes"]?.integerValue, let type = event["weight_type"]?.stringValue else {
      return nil
    }
    self.init(bytes: bytes, type: type)
  }
}

extension History.Saved {
  init(_ event: JSONValue, stage: String) {
    let path = event["path"]?.stringValue ?? ""
    self.init(
      stage: stage, directory: event["directory"]?.stringValue ?? (path as NSString).lastPathComponent,
      weights: History.Weights(event),
      leftBehind: (event["left_behind"]?.arrayValue ?? []).compactMap { left in
        left["name"]?.stringValue.map { name in
          name + (left["reason"]?.stringValue.map { " (\($0))" } ?? "")
        }
      })
  }
}

extension History.Step {
  package init(_ event: JSONValue, stage: String, number: Int) {
    func value(_ key: String) -> Double? {
      switch event[key] {
      case .none: nil
      case .some(let value): value.numberValue ?? .nan
      }
    }
    self.init(
      stage: stage, number: number, loss: value("loss"), divergence: value("divergence"),
      learningRate: value("learning_rate"), gradientNorm: value("gradient_norm"),
      tokens: event["tokens"]?.integerValue, tokensPerSecond: value("tokens_per_second"))
  }
}
