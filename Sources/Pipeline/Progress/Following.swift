import Transformer

// How work shows how far it is, and how the user stops it.

extension ProgressReporter {
  /// Shows a pass through the layers, phase by phase.
  /// - Throws: what `pass` throws; `Interrupted` from the observer that it is handed.
  func following<Result>(
    _ title: String, _ cancellation: Cancellation, pass: (_ observer: @escaping PassObserver) throws -> Result
  ) throws -> Result {
    var phase: PassProgress.Phase?
    defer { end() }
    return try pass { progress in
      try cancellation.check()
      if phase != progress.phase {
        phase = progress.phase
        begin(progress.task(title))
      }
      advance(to: progress.done)
    }
  }

  /// Shows one task. `work` is handed a closure that it tells how many of the task's units are finished.
  /// - Throws: what `work` throws; `Interrupted` from the closure.
  func following<Result>(
    _ task: ProgressTask, _ cancellation: Cancellation,
    work: (_ advance: @escaping (_ done: Int) throws -> Void) throws -> Result
  ) throws -> Result {
    begin(task)
    defer { end() }
    return try work { done in
      try cancellation.check()
      advance(to: done)
    }
  }
}

extension PassProgress {
  fileprivate func task(_ title: String) -> ProgressTask {
    switch phase {
    case .forward: ProgressTask(title: title + ": forward", total: total, unit: "layers")
    case .head: ProgressTask(title: title + ": head", total: total, unit: "tokens")
    case .backward: ProgressTask(title: title + ": backward", total: total, unit: "layers")
    case .removals: ProgressTask(title: title + ": models without one unit", total: total, unit: "layers")
    }
  }
}
