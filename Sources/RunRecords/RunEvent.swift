import Foundation
import JSON

/// An event of a run: one line of `events.jsonl`. Its kind tells which members it has. This version writes all of them.
package struct RunEvent: Record, Equatable {
  package enum Kind: String, Storable {
    /// Has the pipeline, and the model before any change.
    case runStarted = "run_started"
    case runResumed = "run_resumed"
    /// Has the two hashes of a plugin: recorded and found.
    case pluginReplaced = "plugin_replaced"
    case stageStarted = "stage_started"
    /// Has the stage's time, and the model after it.
    case stageFinished = "stage_finished"
    /// Has the model after an iteration of pruning or after a transform, and its time.
    case iteration
    case trainingStarted = "training_started"
    case step
    case checkpoint
    case metric
    case saved
    /// Work that the run was spared, since it was done once for several runs. Has the time that it took then.
    case spared
    /// A line from a plugin.
    case plugin
    case runFinished = "run_finished"
    case runFailed = "run_failed"
  }

  /// Work that a comparison does once for several runs.
  package struct Work: RawRepresentable, Storable, Equatable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let evaluation = Work(rawValue: "evaluation")
    package static let calibration = Work(rawValue: "calibration")
  }

  package private(set) var time: String?
  /// Seconds since the process began.
  package private(set) var seconds: Double?
  /// nil for an event of another version.
  package private(set) var kind: Kind?
  package var pipeline: String?
  /// The path of the model at the start.
  package var model: String?
  package var executionsDone: Int?
  /// A plugin's id.
  package var plugin: String?
  package var recorded: String??
  package var found: String?
  /// The label of the stage's execution.
  package var stage: String?
  /// An absolute path.
  package var path: String?
  package var saved: SavedModelRecord?
  /// A metric's name.
  package var name: String?
  package var value: Double?
  /// The number of an iteration, counted through the whole run.
  package var number: Int?
  package var work: Work?
  /// The id of the plugin that needs the work.
  package var what: String?
  /// Seconds.
  package var took: Double?
  package var step: TrainingStepRecord?
  package var parameters: Int?
  /// Multiply-accumulates a token.
  package var macs: Int?
  package var weights: WeightsOnDisk?
  package var peakMemoryBytes: Int?
  package var steps: Int?
  package var level: String?
  package var sentence: String?
  package var reason: String?

  package static let layout = Layout<RunEvent>(
    RunEvent(), Field("time", \.time), Field("seconds", \.seconds), Field("event", \.kind),
    Field("pipeline", \.pipeline), Field("model", \.model), Field("executions_done", \.executionsDone),
    Field("plugin", \.plugin), Field("recorded", \.recorded, .textOrNull), Field("found", \.found),
    Field("stage", \.stage), Field("path", \.path), Field(all: \.saved, where: { $0.kind == .saved }),
    Field("name", \.name), Field("value", \.value, .measured),
    Field("infinite") { $0.value?.isInfinite == true ? true : nil }, Field("number", \.number),
    Field("work", \.work), Field("what", \.what), Field("took", \.tookFirst),
    Field(all: \.step, where: { $0.kind == .step || $0.kind == .checkpoint }),
    Field("parameters", \.parameters), Field("macs_per_token", \.macs),
    Field(all: \.weights, where: { $0.kind == .runStarted }), Field("peak_memory_bytes", \.peakMemoryBytes),
    Field("took", \.tookLast), Field("steps", \.steps), Field("level", \.level),
    Field("sentence", \.sentence), Field("reason", \.reason))

  // The line of an iteration has `took` later than others.
  private var tookFirst: Double? {
    get { kind == .iteration ? nil : took }
    set { took = newValue }
  }

  private var tookLast: Double? {
    get { kind == .iteration ? took : nil }
    set { took = newValue }
  }
}

extension RunEvent {
  init(_ kind: Kind, at date: Date, seconds: Double, _ fill: (inout RunEvent) -> Void) {
    time = RunTime.text(date)
    self.seconds = seconds
    self.kind = kind
    fill(&self)
  }

  /// Reads the lines of the file, and counts those that are no object. The last may be half-written, by a run that is
  /// under way or was killed; it does not count.
  package static func reading(_ bytes: [UInt8]) -> (events: [RunEvent], broken: Int) {
    var events: [RunEvent] = []
    var broken = 0
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    for (index, line) in lines.enumerated() {
      if let json = try? JSONValue(parsing: Array(line)), json.objectValue != nil {
        events.append(RunEvent(json: json, for: .report) ?? .blank)
      } else if index + 1 < lines.count || bytes.last == UInt8(ascii: "\n") {
        broken += 1
      }
    }
    return (events, broken)
  }
}

/// One optimizer step. A value is NaN if it wasn't finite, and nil if it wasn't recorded.
package struct TrainingStepRecord: Record, Equatable {
  /// The label of the stage's execution: `train.2`.
  package var stage = ""
  /// Counts from 1, through all rounds of the stage.
  package var number = 0
  /// Cross-entropy in nats a target.
  package var loss: Double?
  package var learningRate: Double?
  package var gradientNorm: Double?
  package var tokens: Int?
  package var targets: Int?
  package var tokensPerSecond: Double?
  /// The divergence from the teacher, in nats a target.
  package var divergence: Double?
  package var hiddenDifference: Double?

  package static let layout = Layout<TrainingStepRecord>(
    TrainingStepRecord(), Field("stage", \.stage), Field("step", \.number, .everybody),
    Field("loss", \.loss, .measured), Field("learning_rate", \.learningRate, .measured),
    Field("gradient_norm", \.gradientNorm, .measured), Field("tokens", \.tokens), Field("targets", \.targets),
    Field("tokens_per_second", \.tokensPerSecond, .measured), Field("divergence", \.divergence, .measured),
    Field("hidden_difference", \.hiddenDifference, .measured))
}
