import Dispatch
import Foundation
import Pipeline

/// Ctrl-C: the first one asks the work to stop at the next good place, the second ends the program at once.
enum Interruption {
  /// - Returns: set when the user has asked to stop. The handler stays until the process ends.
  static func handled(telling progress: any ProgressReporter) -> Cancellation {
    let cancellation = Cancellation()
    let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global(qos: .userInteractive))
    source.setEventHandler {
      if cancellation.isCancelled { _exit(130) }
      cancellation.cancel()
      progress.note("stopping at the next layer; once more to stop at once")
      // Captured, so that it lives as long as its handler does.
      _ = source
    }
    signal(SIGINT, SIG_IGN)
    source.activate()
    return cancellation
  }
}
