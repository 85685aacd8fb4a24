import Foundation
import JSON
import PluginRuntime

/// Examines plugins and says what is wrong with them. Each plugin runs in processes of its own.
public struct Examination {
  /// The highest strictness of the checks to make.
  public var strictness: Int
  /// The time limit of one check, in seconds.
  public var timeLimit: Double
  /// The program to start. nil starts this program; a test names another.
  public var program: String?

  public init(strictness: Int, timeLimit: Double, program: String? = nil) {
    self.strictness = strictness
    self.timeLimit = timeLimit
    self.program = program
  }

  public static let strictnesses = 1...10

  /// - Parameter result: gets each check's result as soon as it is known.
  public func examine(
    _ plugin: PluginDescription, result: (CheckResult) -> Void = { _ in }
  ) throws(ExaminationError) -> CheckedPluginReport {
    var rest = Checks.all.filter { $0.strictness <= strictness }[...]
    var results: [CheckResult] = []
    func add(_ check: Check, _ state: CheckResult.State, _ finding: String?) {
      let earlier = results.first { $0.state == .failed && finding?.contains($0.finding ?? "") == true }
      let one =
        if state == .failed, let earlier {
          CheckResult(check, .skipped, finding: "it fails for the same reason as \(earlier.name)")
        } else {
          CheckResult(check, state, finding: finding)
        }
      results.append(one)
      result(one)
      rest = rest.dropFirst()
    }
    /// A foundation has failed. All others would fail for the same reason, each after its whole time.
    var isHopeless: Bool {
      results.contains { $0.state == .failed && Checks.foundations.contains($0.name) }
    }
    while let first = rest.first, !isHopeless {
      let session = try Session(self, plugin, from: first)
      while let check = rest.first, !isHopeless, let (state, finding) = session.outcome(of: check.name) {
        add(check, state, finding)
      }
      // The check ended the process. If nothing was reported of it, the process cannot even begin.
      if let check = rest.first, !isHopeless, let finding = session.ending {
        add(check, .failed, finding)
      }
    }
    return CheckedPluginReport(
      id: plugin.id, kind: plugin.kind, library: plugin.library, results: results, notMade: rest.count)
  }
}

/// Why plugins cannot be examined here.
public struct ExaminationError: Error, CustomStringConvertible {
  public let description: String
}

/// One process, and its reports so far.
private final class Session {
  private let process: ChildProcess
  private let reports: ChildProcess.Pipe
  /// Closes together with this object.
  private let lifeline: ChildProcess.Pipe
  private let limit: Double
  private var lines: [String] = []
  private var open: [UInt8] = []
  private var errorText: [UInt8] = []
  /// Says how the process ended. nil while it runs, and after a normal end.
  private(set) var ending: String?
  private var fault: String?

  init(_ examination: Examination, _ plugin: PluginDescription, from check: Check) throws(ExaminationError) {
    limit = examination.timeLimit
    do {
      reports = try ChildProcess.Pipe()
      lifeline = try ChildProcess.Pipe()
      process = try ChildProcess(
        starting: [
          examination.program ?? PluginRegistry.executable ?? "", CheckProcess.command, "--strictness",
          "\(examination.strictness)", "--from", check.name, "--", plugin.id, plugin.manifest,
        ], passing: [reports.writing, lifeline.reading])
    } catch { throw ExaminationError(description: "plugins cannot be checked here: \(error.reason)") }
    reports.closeWriting()
  }

  /// The result of the check of that name. nil if the process ended during it or before it; then `ending` says how.
  func outcome(of name: String) -> (CheckResult.State, String?)? {
    guard nextLine() == "begin \(name)", let line = nextLine() else { return nil }
    let word = line.prefix { $0 != " " }
    let rest = String(line.dropFirst(word.count + 1))
    switch word {
    case "passed": return (.passed, nil)
    case "skipped": return (.skipped, rest)
    case "failed": return (.failed, rest)
    default: return (.failed, "it wrote to a descriptor that is not its own: \"\(line.prefix(60))\"")
    }
  }

  /// The next line that does not report a fault. nil if the process ended, or was stopped at its time limit.
  private func nextLine() -> String? {
    let until = ContinuousClock.now + .seconds(limit)
    while true {
      if !lines.isEmpty {
        let line = lines.removeFirst()
        if line.hasPrefix("fault ") {
          fault = String(line.dropFirst("fault ".count))
          continue
        }
        return line
      }
      guard wait(), !(process.hasEnded && !hasMore) else {
        let how = process.waitForEnd()
        takeText()
        let words = [fault.map { "it \($0)" }, lastWords].compactMap { $0 }.joined(separator: "; ")
        ending = "the plugin \(how)" + (words.isEmpty ? "" : ": \(words)")
        return nil
      }
      if ContinuousClock.now > until {
        process.kill()
        ending = "it was not done after \(Int(limit)) s"
        return nil
      }
    }
  }

  /// Waits a little for a report. Returns whether there may be more.
  private func wait() -> Bool {
    var source = pollfd(fd: reports.reading, events: Int16(POLLIN), revents: 0)
    takeText()
    guard poll(&source, 1, 50) > 0 else { return true }
    var room = [UInt8](repeating: 0, count: 4096)
    let count = read(reports.reading, &room, room.count)
    guard count > 0 else { return false }
    open += room[..<count]
    while let end = open.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(String(decoding: open[..<end], as: UTF8.self))
      open.removeFirst(end + 1)
    }
    return true
  }

  /// Whether there is more to read. A child of the plugin may hold the pipe open after the plugin's process has ended.
  private var hasMore: Bool {
    var source = pollfd(fd: reports.reading, events: Int16(POLLIN), revents: 0)
    return !lines.isEmpty || (poll(&source, 1, 0) > 0 && source.revents & Int16(POLLIN) != 0)
  }

  private func takeText() {
    var room = [UInt8](repeating: 0, count: 4096)
    // The loop ends, so that a plugin that never stops writing still meets its time limit.
    for _ in 0..<64 {
      let count = read(process.errors, &room, room.count)
      guard count > 0 else { return }
      // The rest is dropped.
      if errorText.count < 1 << 16 { errorText += room[..<count] }
    }
  }

  /// The last line of its standard error.
  private var lastWords: String? {
    String(decoding: errorText, as: UTF8.self).split(whereSeparator: \.isNewline).last
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
