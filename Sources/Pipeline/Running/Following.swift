import Transformer

// How a stage's work shows how far it is, and how the user stops it.

extension StageContext {
  /// A pass over calibration data, shown phase by phase. What is too large for memory goes to the scratch folder.
  func calibrate(
    _ request: CalibrationRequest, title: String, visit: (CalibratedLayer) throws -> Void
  ) throws -> CalibrationResult {
    var request = request
    request.scratchFolder = scratchFolder
    return try following(title) { observer in
      try model.decoder.calibrate(request, workers: workers, observer: observer, visit: visit)
    }
  }

  /// Shows a pass through the layers, phase by phase.
  /// - Throws: what `pass` throws; `Interrupted` from the observer that it is handed.
  func following<Result>(
    _ title: String, pass: (_ observer: @escaping PassObserver) throws -> Result
  ) throws -> Result {
    var phase: PassProgress.Phase?
    defer { reporter.end() }
    return try pass { progress in
      try cancellation.check()
      if phase != progress.phase {
        phase = progress.phase
        reporter.begin(progress.task(title))
      }
      reporter.advance(to: progress.done)
    }
  }

  /// Shows a task whose units are the model's layers. `work` is handed a closure that it tells how many are finished.
  /// - Throws: what `work` throws; `Interrupted` from the closure.
  func followingLayers<Result>(
    _ title: String, work: (_ advance: @escaping (_ done: Int) throws -> Void) throws -> Result
  ) throws -> Result {
    reporter.begin(ProgressTask(title: title, total: model.decoder.layerCount, unit: "layers"))
    defer { reporter.end() }
    return try work { done in
      try cancellation.check()
      reporter.advance(to: done)
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
