import Files
import Foundation
import Wording

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// stdout and stderr: what they are, and what may be printed on them.
public enum Console {
  /// The reporter that fits stderr: a bar on a terminal, lines elsewhere, warnings alone with `--quiet`.
  public static func progress(
    quiet: Bool, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> any ProgressReporter {
    if quiet { return QuietProgress(write: writeError) }
    guard isTerminal, !isDumb(environment) else { return LineProgress(write: writeError) }
    return TerminalProgress(
      colour: allowsColour(environment), width: { terminalWidth }, write: writeRawError)
  }

  /// Whether a terminal in this environment wants colours: https://no-color.org, and `TERM=dumb`.
  public static func allowsColour(_ environment: [String: String]) -> Bool {
    (environment["NO_COLOR"] ?? "").isEmpty && !isDumb(environment)
  }

  /// A terminal that can't rewrite a line.
  static func isDumb(_ environment: [String: String]) -> Bool { environment["TERM"] == "dumb" }

  /// Whether stderr is a terminal.
  public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// stderr's width in characters; 80 if it doesn't say.
  static var terminalWidth: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  // What is said comes from files too: whichever way a sentence was made, it is here that it loses what would steer the
  // terminal.

  /// Puts sentences on stderr. Where that can't be written there is no place to say so.
  @Sendable public static func writeError(_ text: String) { writeRawError(ShownText.lines(text)) }

  /// Puts sentences and tables on stdout.
  /// - Returns: false if its reader has gone away.
  @discardableResult
  public static func writeOutput(_ text: String) throws(FileError) -> Bool {
    try write(ShownText.lines(text))
  }

  /// Puts JSON on stdout.
  /// - Returns: false if its reader has gone away.
  @discardableResult
  public static func writeJSON(_ text: String) throws(FileError) -> Bool { try write(ShownText.json(text)) }

  /// Puts on stdout what was asked for, such as a model's text or a table for a program: as it is, unless stdout is a terminal.
  /// - Returns: false if its reader has gone away.
  @discardableResult
  public static func writeResult(_ text: String) throws(FileError) -> Bool {
    try write(isatty(STDOUT_FILENO) == 1 ? ShownText.withoutControls(text) : text)
  }

  /// For progress, which moves on its line.
  @Sendable private static func writeRawError(_ text: String) {
    do { try writeStream(Array(text.utf8), to: STDERR_FILENO, path: "to stderr") } catch {}
  }

  private static func write(_ text: String) throws(FileError) -> Bool {
    try writeStream(Array(text.utf8), to: STDOUT_FILENO, path: stdout)
  }

  /// Some file systems tell only when a file is closed that it was not written.
  public static func finishOutput() throws(FileError) {
    let copy = dup(STDOUT_FILENO)
    guard copy >= 0 else { return }
    guard close(copy) == 0 || errno == EINTR else { throw .last("write", stdout) }
  }

  private static let stdout = "to stdout"
}
