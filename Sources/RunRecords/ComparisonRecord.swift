import Files
import Foundation
import JSON

/// `comparison.json`: which runs stand side by side in a folder, and what is known of them all together.
public struct ComparisonRecord: Record, Equatable {
  /// A run that didn't end well.
  public struct Failure: Record, Equatable {
    public private(set) var run = ""
    public private(set) var reason = ""

    public init() {}

    public init(run: String, reason: String) {
      self.run = run
      self.reason = reason
    }

    package static let fields: [Field<Failure>] = [
      Field("run", \.run, .everybody), Field("reason", \.reason),
    ]
  }

  /// How a model went on with a text.
  public struct Sample: Record, Equatable {
    /// The run whose model it was; nil for the model as it came.
    public private(set) var run: String?
    public private(set) var prompt = ""
    /// What followed the prompt.
    public private(set) var text = ""
    /// How long the text could be.
    public private(set) var maximumTokens = 0

    public init() {}

    public init(run: String?, prompt: String, text: String, maximumTokens: Int) {
      self.run = run
      self.prompt = prompt
      self.text = text
      self.maximumTokens = maximumTokens
    }

    package static let fields: [Field<Sample>] = [
      Field("run", \.run, .textOrNull), Field("prompt", \.prompt, .everybody),
      Field("text", \.text, .everybody), Field("maximum_tokens", \.maximumTokens),
    ]
  }

  /// What runs had in common and was done once.
  public struct Savings: Record, Equatable {
    /// Calibration passes over the unpruned model: those that were made for all, and those that runs were spared.
    public var passesMade = 0
    public var passesSpared = 0
    /// Evaluators' measurements of the unpruned model: made for all, and spared.
    public var evaluationsMade = 0
    public var evaluationsSpared = 0
    /// Seconds that runs, and what was done for all of them, took.
    public var seconds = 0.0
    /// Seconds that what runs were spared had taken when it was done for all.
    public var secondsSpared = 0.0
    /// What the runs would have taken one by one: their own times, with what each was spared. What was done for all
    /// is no part of it.
    public var secondsSingly = 0.0

    public init() {}

    /// Below 1 where sharing has paid.
    public var ratio: Double? { secondsSingly > 0 ? seconds / secondsSingly : nil }

    package static let fields: [Field<Savings>] = [
      Field("calibration_passes_made", \.passesMade), Field("calibration_passes_spared", \.passesSpared),
      Field("evaluations_made", \.evaluationsMade), Field("evaluations_spared", \.evaluationsSpared),
      Field("seconds", \.seconds), Field("seconds_spared", \.secondsSpared),
      Field("seconds_singly", \.secondsSingly),
    ]
  }

  /// Folders, relative to the comparison's, or absolute.
  public var runs: [String] = []
  public var failures: [Failure] = []
  public var savings: Savings?
  public var samples: [Sample] = []

  public init() {}
  package static let fields: [Field<ComparisonRecord>] = [
    Field("runs", \.runs, .everybody), Field("failures", \.failures), Field("shared", \.savings),
    Field("samples", \.samples),
  ]

  /// Whether `folder` holds a comparison.
  public static func isIn(_ folder: String) -> Bool {
    FileManager.default.fileExists(atPath: folder + "/" + ComparisonLayout.record)
  }

  /// - Throws: `RecordError` if the folder has no such file, or it isn't what a comparison writes.
  public init(folder: String) throws(RecordError) {
    let name = ComparisonLayout.record
    guard let bytes = try? ReadableFile.bytes(of: folder + "/" + name) else {
      throw .notAComparison(folder: folder, reason: "\(name) is missing")
    }
    let json: JSONValue
    do {
      json = try JSONValue(parsing: bytes)
    } catch {
      throw .notAComparison(folder: folder, reason: "\(name) is not JSON: \(error)")
    }
    guard let record = ComparisonRecord(json: json, for: .report) else {
      throw .notAComparison(folder: folder, reason: "\(name) names no runs")
    }
    self = record
  }

  public func write(to folder: String) throws(FileError) {
    try AtomicFile.write(json.pretty, to: folder + "/" + ComparisonLayout.record)
  }
}
