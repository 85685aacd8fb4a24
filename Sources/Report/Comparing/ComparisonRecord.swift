import Files
import Foundation
import JSON
import Wording

/// `comparison.json`: which runs stand side by side in a folder, and what is known of them all together.
public struct ComparisonRecord: Sendable, Equatable {
  public static let fileName = "comparison.json"
  /// Where the runs are, within the folder, that the comparison makes itself.
  public static let ownRuns = "runs/"

  /// A run that didn't end well.
  public struct Failure: Sendable, Equatable {
    public let run: String
    public let reason: String

    public init(run: String, reason: String) {
      self.run = run
      self.reason = reason
    }
  }

  /// How a model went on with a text.
  public struct Sample: Sendable, Equatable {
    /// The run whose model it was; nil for the model as it came.
    public let run: String?
    public let prompt: String
    /// What followed the prompt.
    public let text: String
    /// How long the text could be.
    public let maximumTokens: Int

    public init(run: String?, prompt: String, text: String, maximumTokens: Int) {
      self.run = run
      self.prompt = prompt
      self.text = text
      self.maximumTokens = maximumTokens
    }
  }

  /// What runs had in common and was done once.
  public struct Savings: Sendable, Equatable {
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

    public init() {}

    /// What the runs would have taken one by one: their own times, with what each was spared. What was done for all
    /// is no part of it.
    public var secondsSingly = 0.0

    /// Below 1 where sharing has paid.
    public var ratio: Double? { secondsSingly > 0 ? seconds / secondsSingly : nil }
  }

  /// Folders, relative to the comparison's, or absolute.
  public var runs: [String]
  public var failures: [Failure]
  public var samples: [Sample]
  public var savings: Savings?

  public init(
    runs: [String], failures: [Failure] = [], samples: [Sample] = [], savings: Savings? = nil
  ) {
    self.runs = runs
    self.failures = failures
    self.samples = samples
    self.savings = savings
  }

  /// Whether `folder` holds a comparison.
  public static func isIn(_ folder: String) -> Bool {
    FileManager.default.fileExists(atPath: folder + "/" + fileName)
  }

  /// - Throws: `ReportError` if the folder has no such file, or it isn't what a comparison writes.
  public init(folder: String) throws(ReportError) {
    let file = folder + "/" + Self.fileName
    guard let bytes = try? ReadableFile.bytes(of: file) else {
      throw .notAComparison(folder: folder, reason: "\(Self.fileName) is missing")
    }
    do {
      let json = try JSONValue(parsing: bytes)
      guard let record = ComparisonRecord(json: json) else {
        throw ReportError.notAComparison(folder: folder, reason: "\(Self.fileName) names no runs")
      }
      self = record
    } catch let error as ReportError {
      throw error
    } catch {
      throw .notAComparison(folder: folder, reason: "\(Self.fileName) is not JSON: \(error)")
    }
  }

  public func write(to folder: String) throws(FileError) {
    try AtomicFile.write(json.pretty, to: folder + "/" + Self.fileName)
  }
}

extension ComparisonRecord {
  public var json: JSONValue {
    var object: JSONObject = ["runs": .array(runs.map { .string($0) })]
    object["failures"] = .array(failures.map { ["run": .string($0.run), "reason": .string($0.reason)] })
    if let savings {
      object["shared"] = [
        "calibration_passes_made": .integer(savings.passesMade),
        "calibration_passes_spared": .integer(savings.passesSpared),
        "evaluations_made": .integer(savings.evaluationsMade),
        "evaluations_spared": .integer(savings.evaluationsSpared),
        "seconds": .number(savings.seconds), "seconds_spared": .number(savings.secondsSpared),
        "seconds_singly": .number(savings.secondsSingly),
      ]
    }
    object["samples"] = .array(
      samples.map { sample in
        [
          "run": sample.run.map { .string($0) } ?? .null, "prompt": .string(sample.prompt),
          "text": .string(sample.text), "maximum_tokens": .integer(sample.maximumTokens),
        ]
      })
    return .object(object)
  }

  /// nil if there is no list of runs; other members that can't be read are left out.
  public init?(json: JSONValue) {
    guard let runs = json["runs"]?.arrayValue else { return nil }
    self.init(runs: runs.compactMap(\.stringValue))
    failures = (json["failures"]?.arrayValue ?? []).compactMap { failure in
      failure["run"]?.stringValue.map { Failure(run: $0, reason: failure["reason"]?.stringValue ?? "") }
    }
    samples = (json["samples"]?.arrayValue ?? []).compactMap { sample in
      guard let prompt = sample["prompt"]?.stringValue, let text = sample["text"]?.stringValue else {
        return nil
      }
      return Sample(
        run: sample["run"]?.stringValue, prompt: prompt, text: text,
        maximumTokens: sample["maximum_tokens"]?.integerValue ?? 0)
    }
    guard let shared = json["shared"] else { return }
    var savings = Savings()
    savings.passesMade = shared["calibration_passes_made"]?.integerValue ?? 0
    savings.passesSpared = shared["calibration_passes_spared"]?.integerValue ?? 0
    savings.evaluationsMade = shared["evaluations_made"]?.integerValue ?? 0
    savings.evaluationsSpared = shared["evaluations_spared"]?.integerValue ?? 0
    savings.seconds = shared["seconds"]?.numberValue ?? 0
    savings.secondsSpared = shared["seconds_spared"]?.numberValue ?? 0
    savings.secondsSingly = shared["seconds_singly"]?.numberValue ?? 0
    self.savings = savings
  }
}

extension ComparisonRecord.Savings {
  /// What was shared, in a sentence or two.
  public var sentences: [String] {
    func passes(_ count: Int) -> String { count == 1 ? "1 calibration pass" : "\(count) calibration passes" }
    var shared: [String] = []
    if passesSpared > 0 {
      shared.append("\(passes(passesMade)) over the unpruned model in place of \(passesSpared)")
    }
    if evaluationsSpared > 0 {
      shared.append(
        "the unpruned model measured \(evaluationsMade == 1 ? "once" : "\(evaluationsMade) times") in place of "
          + "\(evaluationsSpared)")
    }
    guard !shared.isEmpty, let ratio else { return ["shared: nothing; the runs have no work in common"] }
    let saved = HumanFormat.duration(seconds: max(0, secondsSingly - seconds))
    return [
      "shared: \(shared.joined(separator: ", ")): about \(saved) saved of "
        + "\(HumanFormat.duration(seconds: secondsSingly))",
      "the comparison took \(HumanFormat.fixed(ratio, 2)) of the time of its runs one by one "
        + "(\(HumanFormat.duration(seconds: seconds)); samples are not counted)",
    ]
  }
}
