import Files
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What stderr is, and what may be printed on it.
public enum Console {
  /// The reporter that fits stderr: a bar on a terminal, lines elsewhere, nothing with `--quiet`.
  public static func progress(
    quiet: Bool, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> any ProgressReporter {
    if quiet { return SilentProgress() }
    guard isTerminal, !isDumb(environment) else { return LineProgress(write: writeError) }
    return TerminalProgress(
      colour: allowsColour(environment), width: { terminalWidth }, write: writeError)
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

  /// Puts text on stderr as it is.
  @Sendable public static func writeError(_ text: String) { writeAll(text, to: STDERR_FILENO) }

  /// Puts text on stdout as it is.
  @Sendable public static func writeOutput(_ text: String) { writeAll(text, to: STDOUT_FILENO) }

  /// A reader that has gone away is nobody to complain to: what can't be written is dropped.
  private static func writeAll(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return }
      rest = rest.dropFirst(written)
    }
  }
}
