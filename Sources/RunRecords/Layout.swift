/// Which file of a run stands where in its folder.
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
  /// What a run needs to be resumed; gone once it has finished.
  public static let stateFolder = "state"
  public static let state = "state/state.json"

  /// `iterations/001.json`: iterations are numbered from 1 through the whole run.
  public static func iteration(_ number: Int) -> String { "\(iterations)/\(threeDigits(number)).json" }

  /// `scores/001.safetensors`: the scores of that iteration.
  public static func scores(_ number: Int) -> String { "\(scores)/\(threeDigits(number)).safetensors" }

  /// What stands in a folder before the run can be resumed.
  package static let begun = [manifest, run, events, stateFolder, report]

  /// What a process that was killed had begun to write: everything is written under a hidden name first.
  package static func isLeftover(_ name: String) -> Bool {
    name.hasPrefix(".partial-") || name.hasPrefix(".scratch-")
      || (name.hasPrefix(".") && name.hasSuffix(".partial"))
  }

  private static func threeDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
  }

  /// Of a folder's name, with room for the name under which it is written first (NAME_MAX is 255).
  static let longestName = 200
  /// Of a stage's, which becomes part of names of files.
  package static let longestStageName = 100

  /// What no saved model may be called.
  package static let records = [
    manifest, run, events, metrics, iterations, scores, stateFolder, report, tensorBoard,
  ]

  /// Why a model can't be saved in this directory of the run folder; nil if it can.
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

/// What stands where in the folder of a comparison; the page about it has the name of a run's.
package enum ComparisonLayout {
  package static let record = "comparison.json"
  /// The folder of the runs that the comparison makes itself.
  package static let runs = "runs/"
  /// Work on the unpruned model that runs have in common.
  package static let shared = "shared"
}
