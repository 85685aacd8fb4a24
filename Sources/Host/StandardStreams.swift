import Foundation

/// What stands between the program and the loss of its output.
enum StandardStreams {
  /// Called before anything is opened.
  static func guardAgainstLoss() {
    // A reader that goes away, or a limit on the size of files, is an error of the call that meets it: it ends no run.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    // The next file that is opened would take the number of a stream that is closed, and be written to in its place.
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // Opened the wrong way round, so that its use is the error that it was.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Undoes it for signals.
  static func restoreSignals() {
    signal(SIGPIPE, SIG_DFL)
    signal(SIGXFSZ, SIG_DFL)
  }
}
