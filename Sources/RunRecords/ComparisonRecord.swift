import Files
import Foundation
import JSON

/// `comparison.json`: the runs that a folder compares, and what they have in common.
public struct ComparisonRecord: Record, Equatable {
  /// A run that failed.
  public struct Failure: Record, Equatable {
    public private(set) var run = ""
    public private(set) var reason = ""

    init() {}
    public init(run: String, reason: String) {
      self.run = run
      self.reason = reason
    }

    package static let layout = Layout<Failure>(
      Failure(), Field("run", \.run, .everybody), Field("reason", \.reason))
  }

  /// A text that a model wrote.
  public struct Sample: Record, Equatable {
    /// The run of the model; nil for the unpruned model.
    public private(set) var run: String?
    public private(set) var prompt = ""
    public private(set) var text = ""
    /// The limit of the text's length.
    public private(set) var maximumTokens = 0

    init() {}
    public init(run: String?, prompt: String, text: String, maximumTokens: Int) {
      self.run = run
      self.prompt = prompt
      self.text = text
      self.maximumTokens = maximumTokens
    }

    package static let layout = Layout<Sample>(
      Sample(), Field("run", \.run, .textOrNull), Field("prompt", \.prompt, .everybody),
      Field("text", \.text, .everybody), Field("maximum_tokens", \.maximumTokens))
  }

  /// Work that several runs share and that was done once.
  public struct Savings: Record, Equatable {
    /// Calibration passes over the unpruned model: made once for all, and spared.
    public var passesMade = 0
    public var passesSpared = 0
    /// Evaluations of the unpruned model: made once for all, and spared.
    public var evaluationsMade = 0
    public var evaluationsSpared = 0
    /// The time of the runs and of the shared work.
    public var seconds = 0.0
    /// The time that the spared work took when it was done once.
    public var secondsSpared = 0.0
    /// The time that the runs would take one by one: their own times and what each was spared, without the shared work.
    public var secondsSingly = 0.0

    /// Below 1 if sharing saved time.
    public var ratio: Double? { secondsSingly > 0 ? seconds / secondsSingly : nil }

    package static let layout = Layout<Savings>(
      Savings(), Field("calibration_passes_made", \.passesMade),
      Field("calibration_passes_spared", \.passesSpared), Field("evaluations_made", \.evaluationsMade),
      Field("evaluations_spared", \.evaluationsSpared), Field("seconds", \.seconds),
      Field("seconds_spared", \.secondsSpared), Field("seconds_singly", \.secondsSingly))
  }

  /// Folders: absolute, or relative to the comparison's.
  public var runs: [String] = []
  public var failures: [Failure] = []
  public var savings: Savings?
  public var samples: [Sample] = []

  package static let layout = Layout<ComparisonRecord>(
    ComparisonRecord(), Field("runs", \.runs, .everybody), Field("failures", \.failures),
    Field("shared", \.savings), Field("samples", \.samples))

  /// Returns whether `folder` holds a comparison.
  public static func isIn(_ folder: String) -> Bool {
    FileManager.default.fileExists(atPath: folder + "/" + ComparisonLayout.record)
  }

  public func write(to folder: String) throws(FileError) {
    try AtomicFile.write(json.pretty, to: folder + "/" + ComparisonLayout.record)
  }
}

extension ComparisonRecord {
  /// Reads a folder's record.
  /// - Throws: `RecordError` if the file is missing, or is no record of a comparison.
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
}
