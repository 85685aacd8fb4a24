import JSON
import PluginRuntime
import Transformer

/// The calibration passes over the unpruned model with which runs begin. Each pass is made once, and scores every
/// criterion that asks for the same calibration. Scores and layer distances are kept. Gradients are not.
struct SharedCalibration {
  /// The scores that one run needs before its first cut.
  struct Job {
    let stage: PruneStage
    let sample: CalibrationSample
    let criterion: LoadedPlugin
    /// The statistics of criterion and allocator.
    let needs: [Statistic]
    /// The context of the run.
    let context: StageContext
    let key: SharedWork.Key
    /// The pass that yields the scores. Jobs share a pass only if they ask for the same gradients: with squares, gradients
    /// are summed in another order, which changes their bytes.
    let pass: SharedWork.Key

    /// Returns nil if the stage needs no pass.
    init?(_ stage: PruneStage, in context: StageContext, shared: SharedWork) throws {
      guard let sample = stage.calibration else { return nil }
      let (criterion, seed) = (try context.loaded(stage.criterion), context.seed)
      let needs = stage.criterion.statistics + stage.allocator.statistics
      guard !needs.isEmpty else { return nil }
      self.stage = stage
      self.sample = sample
      self.criterion = criterion
      self.needs = needs
      self.context = context
      let request = CalibrationRequest(
        sequences: [], batchSize: 1, statistics: needs, families: stage.families, seed: seed)
      var pass: JSONObject = [
        "work": "calibration", "tool": .string(Tool.version), "threads": .integer(shared.threads),
        "model": .array(shared.modelHashes.map { .string($0) }),
        "data": .string(try shared.dataHash(sample.data.path)), "source": sample.data.json,
        "sequences": .integer(sample.sequences), "length": .integer(sample.length),
        "batch_size": .integer(sample.batchSize), "gradients": .string("\(request.gradients)"),
      ]
      // The model's own labels depend on the run's seed.
      if request.outputGradients.contains(.model) { pass["seed"] = .string("\(seed)") }
      // Models without one unit are computed in one batch. Another batch may round differently.
      if !request.removals.isEmpty {
        pass["removals"] = .array(request.removals.map(\.rawValue).sorted().map { .string($0) })
      }
      self.pass = SharedWork.hash(.object(pass))
      var own = pass
      own["criterion"] = .string(try FileHash.sha256(criterion.library))
      own["use"] = stage.criterion.json
      own["families"] = .array(stage.families.map { .string($0.rawValue) })
      key = SharedWork.hash(.object(own))
    }

    var seed: UInt64 { context.seed }
  }

  let context: StageContext
  let shared: SharedWork

  /// Makes each pass that two or more runs need, unless their scores are already kept.
  func make(_ jobs: [Job]) throws {
    for pass in Self.inOrder(jobs.map(\.pass)) {
      let all = jobs.filter { $0.pass == pass }
      let missing = all.filter { shared.scores($0.key, seed: $0.seed) == nil }
      // A run that needs a pass alone makes it itself.
      guard let first = missing.first, missing.count > 1 else { continue }
      let wanted = Self.inOrder(missing.map(\.key)).compactMap { key in missing.first { $0.key == key } }
      try score(wanted, sample: first.sample, seed: first.seed, pass: pass)
    }
  }

  private static func inOrder<Value: Hashable>(_ values: [Value]) -> [Value] {
    var seen: Set<Value> = []
    return values.filter { seen.insert($0).inserted }
  }

  /// - Parameter jobs: their keys differ.
  private func score(
    _ jobs: [Job], sample: CalibrationSample, seed: UInt64, pass: SharedWork.Key
  ) throws {
    let clock = ContinuousClock.now
    let decoder = context.model.decoder
    let sequences = try context.sequences(of: sample)
    let flags = jobs.map { _ in Flag() }
    let criteria = try zip(jobs, flags).map { job, flag in
      try CriterionInstance(
        of: job.criterion, options: .object(job.stage.criterion.options),
        services: job.context.services(drewRandomNumbers: { flag.raise() }))
    }
    var scores = jobs.map { _ in [[Family: [Float]]](repeating: [:], count: decoder.layerCount) }
    let summary = ModelSummary(context.model)
    let kept = decoder.kept
    var context = context
    context.scratchFolder = try shared.madeFolder()
    let request = CalibrationRequest(
      sequences: sequences, batchSize: sample.batchSize,
      statistics: jobs.flatMap(\.needs),
      families: Self.inOrder(jobs.flatMap(\.stage.families)), seed: seed)
    let title = "calibration for \(jobs.count == 1 ? "all" : "\(jobs.count) criteria")"
    let result = try context.calibrate(request, title: title) { layer in
      for (index, job) in jobs.enumerated() {
        scores[index][layer.layer] = try criteria[index].scores(
          of: layer, families: job.stage.families, kept: kept[layer.layer], model: summary)
      }
    }
    let seconds = (ContinuousClock.now - clock) / .seconds(1)
    for (index, job) in jobs.enumerated() {
      try shared.keep(
        ScoredModel(scores: scores[index], distances: result.distances), seconds: seconds, job.key,
        seed: flags[index].isRaised ? job.seed : nil)
    }
    try shared.write(["seconds": .number(seconds), "criteria": .integer(jobs.count)], "pass", pass, nil)
  }
}

// MARK: - Kept scores

extension SharedWork {
  /// Returns nil if there are no such scores yet.
  func scores(_ key: Key, seed: UInt64) -> (model: ScoredModel, seconds: Double)? {
    guard let json = read("scores", key, seed), let seconds = json["seconds"]?.numberValue,
      let model = ScoredModel(json: json)
    else { return nil }
    return (model, seconds)
  }

  /// Keeps scores that are finite. JSON has no others, and each run handles those itself.
  func keep(_ model: ScoredModel, seconds: Double, _ key: Key, seed: UInt64?) throws {
    guard model.isFinite, case .object(var object) = model.json else { return }
    object["seconds"] = .number(seconds)
    try write(.object(object), "scores", key, seed)
  }
}

extension ScoredModel {
  fileprivate var isFinite: Bool {
    let distances = distances.map { $0.cosine + $0.euclidean + $0.manhattan } ?? []
    return distances.allSatisfy(\.isFinite)
      && scores.allSatisfy { $0.values.allSatisfy { $0.allSatisfy(\.isFinite) } }
  }

  fileprivate var json: JSONValue {
    func list(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }
    var object: JSONObject = [
      // Every float is exactly a double.
      "layers": .array(
        scores.map { families in
          .object(
            JSONObject(
              families.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                ($0.key.rawValue, list($0.value.map(Double.init)))
              }))
        })
    ]
    if let distances {
      object["distances"] = [
        "cosine": list(distances.cosine), "euclidean": list(distances.euclidean),
        "manhattan": list(distances.manhattan),
      ]
    }
    return .object(object)
  }

  fileprivate init?(json: JSONValue) {
    func list(_ value: JSONValue?) -> [Double]? {
      let numbers = value?.arrayValue?.compactMap(\.numberValue)
      return numbers?.count == value?.arrayValue?.count ? numbers : nil
    }
    guard let layers = json["layers"]?.arrayValue else { return nil }
    var scores: [[Family: [Float]]] = []
    for layer in layers {
      var families: [Family: [Float]] = [:]
      for member in layer.objectValue?.members ?? [] {
        guard let family = Family(rawValue: member.key), let values = list(member.value) else { return nil }
        families[family] = values.map(Float.init)
      }
      scores.append(families)
    }
    guard let known = json["distances"] else {
      self.init(scores: scores, distances: nil)
      return
    }
    guard let cosine = list(known["cosine"]), let euclidean = list(known["euclidean"]),
      let manhattan = list(known["manhattan"])
    else { return nil }
    self.init(
      scores: scores,
      distances: LayerDistances(cosine: cosine, euclidean: euclidean, manhattan: manhattan))
  }
}
