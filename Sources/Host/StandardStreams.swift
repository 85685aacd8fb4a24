import Foundation

/// Keeps the program from losing its output.
enum StandardStreams {
  /// Call this before any file is opened.
  static func guardAgainstLoss() {
    // A closed pipe or a limit on file sizes must fail the write, and must not end the run.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    // Otherwise the next file would get the number of a closed stream, and output would go into it.
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // The wrong direction makes every use of the stream an error, as before.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Restores the default signals.
  static func restoreSignals() {
    signal(SIGPIPE, SIG_DFL)
    signal(SIGXFSZ, SIG_DFL)
  }
}
