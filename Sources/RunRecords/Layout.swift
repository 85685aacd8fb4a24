/// The names of a run's files in its folder.
public enum RunLayout {
  public static let manifest = "manifest.json"
  public static let run = "run.json"
  public static let events = "events.jsonl"
  public static let metrics = "metrics.json"
  public static let iterations = "iterations"
  public static let scores = "scores"
  /// The page about the run.
  public static let report = "report.html"
  /// TensorBoard's event files, for `tensorboard --logdir`.
  public static let tensorBoard = "tensorboard"
  /// What a run needs to be resumed. It is removed when the run has finished.
  public static let stateFolder = "state"
  public static let state = "state/state.json"

  /// Returns `iterations/001.json`. Iterations count from 1 through the whole run.
  public static func iteration(_ number: Int) -> String { "\(iterations)/\(threeDigits(number)).json" }

  /// Returns `scores/001.safetensors`: the scores of an iteration.
  public static func scores(_ number: Int) -> String { "\(scores)/\(threeDigits(number)).safetensors" }

  /// The files of a run that can't be resumed yet.
  package static let begun = [manifest, run, events, stateFolder, report]

  /// Returns whether a killed process left this. Everything is written under a hidden name first.
  package static func isLeftover(_ name: String) -> Bool {
    name.hasPrefix(".partial-") || name.hasPrefix(".scratch-")
      || (name.hasPrefix(".") && name.hasSuffix(".partial"))
  }

  private static func threeDigits(_ number: Int) -> String {
    String(repeating: "0", count: max(0, 3 - "\(number)".count)) + "\(number)"
  }

  /// The longest name of a folder. It leaves room for the hidden name that is written first (NAME_MAX is 255).
  static let longestName = 200
  /// The longest name of a stage, which becomes part of the names of files.
  package static let longestStageName = 100

  /// Names that a saved model can't have.
  package static let records = [
    manifest, run, events, metrics, iterations, scores, stateFolder, report, tensorBoard,
  ]

  /// Returns why a model can't be saved in this directory of the run folder; nil if it can.
  package static func refusal(ofModelDirectory directory: String) -> String? {
    if directory.hasPrefix("/") || directory.hasPrefix("~") { return "is no path within the run folder" }
    let parts = directory.split(separator: "/", omittingEmptySubsequences: false)
    if parts.contains("..") { return "leaves the run folder" }
    if parts.contains(where: { $0.isEmpty || $0.hasPrefix(".") || $0.contains("\0") }) {
      return "has an empty or hidden part"
    }
    if parts.contains(where: { $0.utf8.count > longestName }) {
      return "has a part of more than \(longestName) bytes, which file systems do not take"
    }
    if let first = parts.first, records.contains(String(first)) {
      return "is taken by the run's own records"
    }
    return nil
  }
}

/// The names of a comparison's files in its folder. Its page has the name of a run's.
package enum ComparisonLayout {
  package static let record = "comparison.json"
  /// The runs that the comparison makes itself.
  package static let runs = "runs/"
  /// The shared work on the unpruned model.
  package static let shared = "shared"
}
