import Pipeline
import Synchronization
import Testing
import Wording

/// A clock that a test moves, and what was written.
private final class Stage: Sendable {
  private let state = Mutex((now: 0.0, text: ""))
  func wait(_ seconds: Double) { state.withLock { $0.now += seconds } }
  var now: Double { state.withLock { $0.now } }
  func write(_ text: String) { state.withLock { $0.text += text } }
  /// What was written since this was last asked.
  func written() -> String {
    state.withLock { state in
      defer { state.text = "" }
      return state.text
    }
  }
}

@Suite struct FormatTests {
  @Test(arguments: [
    (0, "0"), (9_840, "9,840"), (-1_234, "-1,234"), (12_345, "12.3 k"), (999_960, "1.0 M"),
    (1_200_000, "1.2 M"), (134_515_008, "134.5 M"), (8_030_261_248, "8.0 B"),
  ])
  func counts(value: Int, text: String) { #expect(HumanFormat.count(value) == text) }

  @Test(arguments: [
    (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_500, "1.5 kB"), (523_400_000, "523 MB"),
    (999_700_000, "1.0 GB"), (9_960_000, "10 MB"), (1_234_000_000, "1.2 GB"),
  ])
  func bytes(value: Int, text: String) { #expect(HumanFormat.bytes(value) == text) }

  @Test(arguments: [
    (0, "0 ms"), (0.34, "340 ms"), (0.9996, "1.0 s"), (3.21, "3.2 s"), (9.97, "10 s"), (42.4, "42 s"),
    (59.7, "1 min"), (125, "2 min 5 s"), (3599.6, "1 h"), (11_400, "3 h 10 min"),
    (Double.infinity, "unknown"),
  ])
  func durations(seconds: Double, text: String) { #expect(HumanFormat.duration(seconds: seconds) == text) }

  @Test func numbers() {
    #expect(HumanFormat.grouped(134_515_008) == "134,515,008")
    #expect(HumanFormat.percent(0.8216) == "82.2%")
    #expect(HumanFormat.measured(25.6149) == "25.615")
    #expect(HumanFormat.measured(.nan) == "not a number")
  }

  @Test func tablesAlign() {
    var table = TextTable([.init("stage"), .init("perplexity", .right), .init("note")])
    table.add(["dense", "25.615", ""])
    table.add(["after pruning", "1234.5", "a|b"])
    #expect(
      table.plain == """
        stage          perplexity  note
        dense              25.615
        after pruning      1234.5  a|b

        """)
    #expect(
      table.markdown == """
        | stage         | perplexity | note |
        | ------------- | ---------: | ---- |
        | dense         |     25.615 |      |
        | after pruning |     1234.5 | a\\|b |

        """)
  }
}

@Suite struct ProgressTests {
  private let task = ProgressTask(title: "prune: backward", total: 30, unit: "layers")

  @Test func aTerminalHasOneLineThatIsRewritten() {
    let stage = Stage()
    let progress = TerminalProgress(
      colour: false, width: { 100 }, clock: { stage.now }, write: { stage.write($0) })
    progress.begin(task)
    #expect(stage.written() == "\r\u{1B}[Kprune: backward  [------------------------------]  0/30 layers")
    stage.wait(5)
    progress.advance(to: 10)
    #expect(
      stage.written()
        == "\r\u{1B}[Kprune: backward  [##########--------------------]  10/30 layers, 2.0 layers/s, 10 s left"
    )
    progress.note("a note")
    #expect(stage.written().hasPrefix("\r\u{1B}[Ka note\n\r\u{1B}[Kprune: backward"))
    stage.wait(10)
    progress.advance(to: 30)
    _ = stage.written()
    progress.end()
    #expect(stage.written() == "\r\u{1B}[Kprune: backward: 30 layers in 15 s\n")
    progress.end()
    #expect(stage.written() == "")
  }

  @Test func aLineIsNeverWiderThanTheTerminal() {
    for width in 1...120 {
      let stage = Stage()
      let progress = TerminalProgress(
        colour: false, width: { width }, clock: { stage.now }, write: { stage.write($0) })
      func check() {
        let line = stage.written().dropFirst("\r\u{1B}[K".count)
        #expect(line.count < max(2, width), "\(width): \(line)")
      }
      progress.tell(plugin: "a.plugin", done: 3, of: 7)
      check()
      progress.begin(task)
      stage.wait(50)
      _ = stage.written()
      progress.advance(to: 20)
      check()
      stage.wait(1)
      progress.tell(plugin: "a.plugin", done: 3, of: 7)
      check()
    }
  }

  @Test func aTerminalIsNotWrittenToMoreThanTenTimesASecond() {
    let stage = Stage()
    let progress = TerminalProgress(
      colour: false, width: { 80 }, clock: { stage.now }, write: { stage.write($0) })
    progress.begin(task)
    _ = stage.written()
    stage.wait(0.05)
    progress.advance(to: 1)
    #expect(stage.written() == "")
    stage.wait(0.06)
    progress.advance(to: 2)
    #expect(stage.written().contains("2/30"))
  }

  @Test func coloursAreLeftOutWhereTheyAreNotWanted() {
    #expect(Console.allowsColour(["TERM": "xterm"]))
    #expect(!Console.allowsColour(["TERM": "dumb"]))
    #expect(!Console.allowsColour(["TERM": "xterm", "NO_COLOR": "1"]))
    #expect(Console.allowsColour(["TERM": "xterm", "NO_COLOR": ""]))
    let stage = Stage()
    let progress = TerminalProgress(
      colour: true, width: { 100 }, clock: { stage.now }, write: { stage.write($0) })
    progress.begin(task)
    #expect(stage.written().contains("\u{1B}[32m"))
  }

  @Test func aFileGetsALineATaskAndOneEachTenSeconds() {
    let stage = Stage()
    let progress = LineProgress(clock: { stage.now }, write: { stage.write($0) })
    progress.begin(task)
    for done in 1...30 {
      stage.wait(0.9)
      progress.advance(to: done)
    }
    #expect(
      stage.written() == """
        prune: backward: 12/30 layers, 1.1 layers/s, 16 s left
        prune: backward: 24/30 layers, 1.1 layers/s, 5.4 s left

        """)
    progress.end()
    #expect(stage.written() == "prune: backward: 30 layers in 27 s\n")
  }

  @Test func workThatIsGivenUpSaysHowFarItCame() {
    let stage = Stage()
    let progress = LineProgress(clock: { stage.now }, write: { stage.write($0) })
    progress.begin(task)
    stage.wait(2)
    progress.advance(to: 4)
    progress.begin(ProgressTask(title: "next", total: 0, unit: "windows"))
    #expect(stage.written() == "prune: backward: 4 of 30 layers in 2.0 s\n")
  }

  @Test func aTerminalShowsAPluginBesideTheTaskUntilThatGoesOn() {
    let stage = Stage()
    let progress = TerminalProgress(
      colour: false, width: { 100 }, clock: { stage.now }, write: { stage.write($0) })
    progress.begin(task)
    _ = stage.written()
    stage.wait(1)
    progress.tell(plugin: "a.plugin", done: 3, of: 7)
    #expect(stage.written().hasSuffix("]  0/30 layers, a.plugin 3/7"))
    progress.tell(plugin: "a.plugin", done: 4, of: 7)
    #expect(stage.written() == "", "not more than ten times a second")
    stage.wait(1)
    progress.advance(to: 1)
    let line = stage.written()
    #expect(line.contains("1/30 layers") && !line.contains("plugin"), "\(line)")
  }

  @Test func aTerminalShowsAPluginBetweenTasksAndForgetsIt() {
    let stage = Stage()
    let progress = TerminalProgress(
      colour: false, width: { 100 }, clock: { stage.now }, write: { stage.write($0) })
    progress.tell(plugin: "a.plugin", done: 9, of: 7)
    #expect(stage.written() == "\r\u{1B}[Ka.plugin 7/7")
    stage.wait(1)
    progress.tell(plugin: "a.plugin", done: -2, of: 0)
    #expect(stage.written() == "\r\u{1B}[Ka.plugin 0")
    progress.note("a note")
    #expect(stage.written() == "\r\u{1B}[Ka note\n")
    progress.end()
    #expect(stage.written() == "")
  }

  @Test func aFileGetsAPluginsProgressInItsLineEachTenSeconds() {
    let stage = Stage()
    let progress = LineProgress(clock: { stage.now }, write: { stage.write($0) })
    progress.tell(plugin: "a.plugin", done: 3, of: 7)
    stage.wait(9)
    progress.tell(plugin: "a.plugin", done: 3, of: 7)
    #expect(stage.written() == "")
    stage.wait(1)
    progress.tell(plugin: "a.plugin", done: 3, of: 7)
    progress.tell(plugin: "a.plugin", done: 3, of: 7)
    #expect(stage.written() == "a.plugin 3/7\n")
    progress.begin(task)
    stage.wait(12)
    progress.tell(plugin: "a.plugin", done: 3, of: 7)
    #expect(stage.written() == "prune: backward: 0/30 layers, a.plugin 3/7\n")
  }

  @Test func askingToStopIsSeenByThePollers() {
    let cancellation = Cancellation()
    #expect(throws: Never.self) { try cancellation.check() }
    cancellation.cancel()
    #expect(throws: Interrupted()) { try cancellation.check() }
  }
}
