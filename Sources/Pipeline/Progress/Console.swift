import Files
import Foundation
import Wording

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// stdout and stderr: their properties, and safe writing to them.
///
/// Sentences contain text from files. So every writing function removes the control characters that steer a terminal.
public enum Console {
  /// Returns the reporter that fits stderr: a bar on a terminal, lines elsewhere, warnings alone with `--quiet`.
  public static func progress(
    quiet: Bool, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> any ProgressReporter {
    if quiet { return QuietProgress(write: writeError) }
    guard isTerminal, !isDumb(environment) else { return LineProgress(write: writeError) }
    return TerminalProgress(
      colour: allowsColour(environment), width: { terminalWidth }, write: writeRawError)
  }

  /// Whether a terminal in this environment wants colours (https://no-color.org and `TERM`).
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

  /// Writes sentences to stderr. A failure can't be reported anywhere.
  @Sendable public static func writeError(_ text: String) { writeRawError(ShownText.lines(text)) }

  /// Writes sentences and tables to stdout.
  /// - Returns: false if the reader is gone.
  @discardableResult
  public static func writeOutput(_ text: String) throws(FileError) -> Bool {
    try write(ShownText.lines(text))
  }

  /// Writes JSON to stdout.
  /// - Returns: false if the reader is gone.
  @discardableResult
  public static func writeJSON(_ text: String) throws(FileError) -> Bool { try write(ShownText.json(text)) }

  /// Writes a result to stdout, such as a model's text or a table for a program. It is unchanged unless stdout is a terminal.
  /// - Returns: false if the reader is gone.
  @discardableResult
  public static func writeResult(_ text: String) throws(FileError) -> Bool {
    try write(isatty(STDOUT_FILENO) == 1 ? ShownText.withoutControls(text) : text)
  }

  /// Writes progress, which contains control characters of its own.
  @Sendable private static func writeRawError(_ text: String) {
    do { try writeStream(Array(text.utf8), to: STDERR_FILENO, path: "to stderr") } catch {}
  }

  private static func write(_ text: String) throws(FileError) -> Bool {
    try writeStream(Array(text.utf8), to: STDOUT_FILENO, path: stdout)
  }

  /// Closes a copy of stdout. Some file systems report a failed write only then.
  public static func finishOutput() throws(FileError) {
    let copy = dup(STDOUT_FILENO)
    guard copy >= 0 else { return }
    guard close(copy) == 0 || errno == EINTR else { throw .last("write", stdout) }
  }

  private static let stdout = "to stdout"
}
