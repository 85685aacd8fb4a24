import Report
import RunRecords
import Testing

@Suite("A run's history")
struct HistoryTests {
  private func history(_ lines: String...) -> (history: History, broken: Int) {
    let (events, broken) = RunEvent.reading(Array(lines.joined(separator: "\n").utf8))
    return (History(events), broken)
  }

  @Test("of a step that was done again after a resumption the later one counts")
  func laterStep() {
    let (history, broken) = history(
      #"{"seconds":1,"event":"run_started"}"#,
      #"{"seconds":2,"event":"step","stage":"train","step":1,"loss":4.5}"#,
      #"{"seconds":3,"event":"step","stage":"train","step":2,"loss":9.5}"#,
      #"{"seconds":0.5,"event":"run_resumed"}"#,
      #"{"seconds":1.5,"event":"step","stage":"train","step":2,"loss":3.5}"#, "")
    #expect(broken == 0)
    #expect(history.steps.map(\.number) == [1, 2])
    #expect(history.steps.map(\.loss) == [4.5, 3.5])
    #expect(history.processes == [3, 1.5])
  }

  @Test("the same step number of another round or stage is another step")
  func otherStage() {
    let (history, _) = history(
      #"{"event":"step","stage":"a","step":1,"loss":1}"#, #"{"event":"step","stage":"b","step":1,"loss":2}"#)
    #expect(history.steps.map(\.loss) == [1, 2])
  }

  @Test("a half-written last line is nothing special; other broken lines are counted")
  func brokenLines() {
    let first = #"{"event":"step","stage":"a","step":1,"loss":1}"#
    #expect(history(first, #"{"event":"st"#).broken == 0)
    #expect(history(first, #"{"event":"st"#, "").broken == 1)
    let (history, broken) = history("[1]", "\u{0}", first, "")
    #expect(broken == 2)
    #expect(history.steps.count == 1)
  }

  @Test("a stage begun again is not finished until it is")
  func beganAgain() {
    let (history, _) = history(
      #"{"event":"stage_started","stage":"a"}"#,
      #"{"event":"stage_finished","stage":"a","took":2.5,"parameters":10}"#,
      #"{"event":"run_resumed"}"#, #"{"event":"stage_started","stage":"a"}"#)
    #expect(history.stages.map(\.label) == ["a"])
    #expect(history.stages.first?.took == nil)
  }

  @Test("a value that wasn't finite is not a number; one that wasn't recorded is none")
  func notFinite() throws {
    let (history, _) = history(#"{"event":"step","stage":"a","step":1,"loss":null}"#)
    let step = try #require(history.steps.first)
    #expect(step.loss?.isNaN == true)
    #expect(step.divergence == nil)
  }

  @Test("all rounds of a stage are one curve, in the order of their steps")
  func rounds() {
    let (history, _) = history(
      #"{"event":"step","stage":"train.1","step":1}"#, #"{"event":"step","stage":"other","step":1}"#,
      #"{"event":"step","stage":"train.2","step":3}"#, #"{"event":"step","stage":"train.1","step":2}"#)
    let curves = TrainingCurves.of(history.steps, stages: ["rounds", "train", "other"])
    #expect(curves.map(\.stage) == ["train", "other"])
    #expect(curves.first?.rounds.map(\.label) == ["train.1", "train.2"])
    #expect(curves.first?.steps.map(\.number) == [1, 2, 3])
  }

  @Test(
    "a stage's name may look like a round",
    arguments: [
      ("a.b.1", ["a.b"], "a.b"), ("train.2", ["train", "train.2"], "train.2"),
      ("train.2.1", ["train"], "train"),
      ("v1.5.2", ["v1.5"], "v1.5"), ("train.2", [], "train"), ("train", [], "train"),
      ("lost.1", ["train"], "lost.1"),
    ])
  func names(label: String, stages: [String], owner: String) {
    let (history, _) = history(#"{"event":"step","stage":"\#(label)","step":1}"#)
    #expect(TrainingCurves.of(history.steps, stages: stages).map(\.stage) == [owner])
  }

  @Test("a running mean is over the values before, as many as there are, and passes over what isn't finite")
  func runningMean() {
    #expect(TrainingCurves.runningMean([1, 2, 3, 4], window: 2) == [1, 1.5, 2.5, 3.5])
    #expect(TrainingCurves.runningMean([1, .nan, 3, 5], window: 2) == [1, 1, 3, 4])
    #expect(TrainingCurves.runningMean([1, 2], window: 1) == [1, 2])
    #expect(TrainingCurves.runningMean([.infinity], window: 3).first?.isNaN == true)
  }

  @Test(
    "the mean is over about a tenth of the steps",
    arguments: [(1, 1), (19, 1), (20, 2), (45, 2), (50, 5), (100, 10), (999, 50), (1000, 100), (90_000, 100)])
  func window(count: Int, window: Int) { #expect(TrainingCurves.window(for: count) == window) }
}
