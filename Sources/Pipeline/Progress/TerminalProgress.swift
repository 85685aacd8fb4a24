import Foundation
import Synchronization
import Wording

/// Shows progress on a terminal, in one line that it rewrites.
public final class TerminalProgress: ProgressReporter {
  private struct State {
    var meter: ProgressMeter?
    var plugin: PluginProgress?
    var drawn = -Double.infinity
    var isLineOpen = false
  }

  private let state = Mutex(State())
  private let colour: Bool
  private let width: @Sendable () -> Int
  private let clock: @Sendable () -> Double
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - width: returns the terminal's width in characters. It is called for each line, because windows are resized.
  ///   - clock: returns seconds from any fixed moment.
  public init(
    colour: Bool, width: @escaping @Sendable () -> Int,
    clock: @escaping @Sendable () -> Double = ProgressClock.seconds,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.colour = colour
    self.width = width
    self.clock = clock
    self.write = write
  }

  public func begin(_ task: ProgressTask) {
    state.withLock { state in
      finish(&state)
      state.meter = ProgressMeter(task: task, started: clock())
      draw(&state)
    }
  }

  public func advance(to done: Int) {
    state.withLock { state in
      state.meter?.advance(to: done)
      state.plugin = nil
      drawIfDue(&state)
    }
  }

  public func tell(plugin: String, done: Int, of total: Int) {
    state.withLock { state in
      state.plugin = PluginProgress(plugin: plugin, done: done, total: total)
      drawIfDue(&state)
    }
  }

  public func end() { state.withLock { finish(&$0) } }

  public func note(_ sentence: String) {
    state.withLock { state in
      clearLine(&state)
      write(ShownText.lines(sentence) + "\n")
      // A plugin's call between two tasks does not report its end.
      if state.meter == nil { state.plugin = nil }
      draw(&state)
    }
  }

  /// Draws at most ten times a second. More would slow the work down.
  private func drawIfDue(_ state: inout State) {
    if clock() - state.drawn >= 0.1 { draw(&state) }
  }

  private func draw(_ state: inout State) {
    let now = clock()
    // The last column stays free, because some terminals wrap after it.
    let width = max(1, width() - 1)
    let bar = state.meter?.bar(width: width, at: now, state.plugin)
    guard let line = bar ?? state.plugin.map({ String($0.words.prefix(width)) }) else { return }
    state.drawn = now
    state.isLineOpen = true
    write("\r\u{1B}[K" + (colour ? tinted(line) : line))
  }

  private func finish(_ state: inout State) {
    clearLine(&state)
    state.plugin = nil
    guard let meter = state.meter else { return }
    state.meter = nil
    write(meter.summary(at: clock()) + "\n")
  }

  private func clearLine(_ state: inout State) {
    guard state.isLineOpen else { return }
    state.isLineOpen = false
    write("\r\u{1B}[K")
  }

  /// Makes the bar green.
  private func tinted(_ line: String) -> String {
    guard let start = line.range(of: "  [")?.upperBound, let end = line.lastIndex(of: "]"), start <= end
    else { return line }
    return line[..<start] + "\u{1B}[32m" + line[start..<end] + "\u{1B}[0m" + line[end...]
  }
}

/// Shows progress in a file or a pipe, in a few whole lines.
public final class LineProgress: ProgressReporter {
  private struct State {
    var meter: ProgressMeter?
    var said: Double
  }

  private let state: Mutex<State>
  private let interval: Double
  private let clock: @Sendable () -> Double
  private let write: @Sendable (String) -> Void

  /// - Parameter interval: the least seconds between two lines of a task.
  public init(
    interval: Double = 10, clock: @escaping @Sendable () -> Double = ProgressClock.seconds,
    write: @escaping @Sendable (String) -> Void
  ) {
    state = Mutex(State(said: clock()))
    self.interval = interval
    self.clock = clock
    self.write = write
  }

  public func begin(_ task: ProgressTask) {
    state.withLock { state in
      finish(&state)
      let now = clock()
      state.meter = ProgressMeter(task: task, started: now)
      state.said = now
    }
  }

  public func advance(to done: Int) {
    state.withLock { state in
      state.meter?.advance(to: done)
      sayIfDue(&state, nil)
    }
  }

  public func tell(plugin: String, done: Int, of total: Int) {
    state.withLock { sayIfDue(&$0, PluginProgress(plugin: plugin, done: done, total: total)) }
  }

  private func sayIfDue(_ state: inout State, _ plugin: PluginProgress?) {
    let now = clock()
    guard now - state.said >= interval else { return }
    let line = state.meter.map { "\($0.task.title): \($0.numbers(at: now, plugin))" }
    guard let line = line ?? plugin?.words else { return }
    state.said = now
    write(line + "\n")
  }

  public func end() { state.withLock { finish(&$0) } }

  public func note(_ sentence: String) { state.withLock { _ in write(sentence + "\n") } }

  private func finish(_ state: inout State) {
    guard let meter = state.meter else { return }
    state.meter = nil
    state.said = clock()
    write(meter.summary(at: state.said) + "\n")
  }
}

/// A clock that never jumps.
public enum ProgressClock {
  @Sendable public static func seconds() -> Double { ProcessInfo.processInfo.systemUptime }
}
