import Dispatch
import Foundation
import Pipeline

/// Handles Ctrl-C. The first one stops the work at the next layer, the second ends the program at once.
enum Interruption {
  /// Installs the handler until the process ends. Returns the user's request to stop.
  static func handled(telling progress: any ProgressReporter) -> Cancellation {
    let cancellation = Cancellation()
    let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global(qos: .userInteractive))
    source.setEventHandler {
      if cancellation.isCancelled { _exit(130) }
      cancellation.cancel()
      progress.note("stopping at the next layer; once more to stop at once")
      // Captured, so that the source lives as long as its handler.
      _ = source
    }
    signal(SIGINT, SIG_IGN)
    source.activate()
    return cancellation
  }
}
