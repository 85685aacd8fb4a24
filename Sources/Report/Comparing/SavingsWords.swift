import RunRecords
import Wording

extension ComparisonRecord.Savings {
  /// What the comparison saved, in a sentence or two.
  var sentences: [String] {
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
