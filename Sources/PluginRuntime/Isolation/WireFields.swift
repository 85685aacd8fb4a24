/// The fields of everything that crosses to a worker process, each in its order on the wire.

extension Nothing: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {}
}

extension CallFailure: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(function: try wire(\.function), status: try wire(\.status), sentence: try wire(\.sentence))
  }
}

// MARK: - The life of a plugin

extension Hello: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(version: try wire(\.version), manifest: try wire(\.manifest), id: try wire(\.id))
  }
}

extension PluginAbout: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      id: try wire(\.id), kind: try wire(\.kind), version: try wire(\.version), summary: try wire(\.summary),
      licence: try wire(\.licence), paper: try wire(\.paper), optionsSchema: try wire(\.optionsSchema),
      statistics: try wire(\.statistics), scoresCompare: try wire(\.scoresCompare), abi: try wire(\.abi),
      library: try wire(\.library))
  }
}

extension PluginKind: WireValue {}

extension ABIVersion: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(major: try wire(\.major), minor: try wire(\.minor))
  }
}

extension Making: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(options: try wire(\.options), seed: try wire(\.seed))
  }
}

extension Made: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(instance: try wire(\.instance), statistics: try wire(\.statistics), traits: try wire(\.traits))
  }
}

extension Trait: WireValue {}

// MARK: - What is asked of plugins

extension InstanceCall: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(instance: try wire(\.instance), model: try wire(\.model), request: try wire(\.request))
  }
}

extension ModelSummary: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      architecture: try wire(\.architecture), layerCount: try wire(\.layerCount),
      hiddenSize: try wire(\.hiddenSize), vocabularySize: try wire(\.vocabularySize),
      parameters: try wire(\.parameters), originalParameters: try wire(\.originalParameters))
  }
}

extension MatrixMemory: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    let (rows, columns) = (try wire(\.rows), try wire(\.columns))
    let values = try wire.message.shared(
      wire.value.map { UnsafeBufferPointer(start: $0.base, count: $0.rows * $0.columns) })
    guard let base = values.baseAddress, rows >= 0, columns >= 0,
      rows.multipliedReportingOverflow(by: columns) == (values.count, false)
    else { throw .garbled }
    self.init(base, rows: rows, columns: columns)
  }
}

extension UnitsRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      family: try wire(\.family), layer: try wire(\.layer), original: try wire(\.original),
      matrices: try wire(\.matrices), statistics: try wire.statistics(\.statistics))
  }
}

extension MatrixRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      name: try wire(\.name), axis: try wire { $0.axis == .rows } ? .rows : .columns,
      repeats: try wire(\.repeats), positions: try wire(\.positions), weight: try wire(\.weight),
      statistics: try wire.statistics(\.statistics))
  }
}

extension AllocationRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      budget: try wire(\.budget), layers: try wire(\.layers), scoresCompare: try wire(\.scoresCompare))
  }
}

extension BudgetRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      measure: try wire(\.measure), now: try wire(\.now), original: try wire(\.original),
      goal: try wire(\.goal), iterationGoal: try wire(\.iterationGoal), iteration: try wire(\.iteration),
      iterations: try wire(\.iterations))
  }
}

extension LayerRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(families: try wire(\.families), statistics: try wire.statistics(\.statistics))
  }
}

extension FamilyRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      name: try wire(\.name), count: try wire(\.count), originalCount: try wire(\.originalCount),
      positions: try wire(\.positions), cost: try wire(\.cost), minimum: try wire(\.minimum),
      previousSparsity: try wire(\.previousSparsity), scores: try wire(\.scores))
  }
}

extension Share: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(sparsity: try wire(\.sparsity), keep: try wire(\.keep))
  }
}

extension ProjectionRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      family: try wire(\.family), layer: try wire(\.layer), name: try wire(\.name),
      weight: try wire(\.weight), bias: try wire(\.bias), kept: try wire(\.kept),
      statistics: try wire.statistics(\.statistics))
  }
}

extension CompensatedProjection: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(weight: try wire(\.weight), bias: try wire(\.bias))
  }
}

extension PlaceRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    let areNeeded = wire.message.statistics.contains("residual_energies")
    self.init(
      name: try wire(\.name), layer: try wire(\.layer), cost: try wire(\.cost),
      energies: try wire { areNeeded ? $0.energies : nil })
  }
}

extension ResidualRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      measure: try wire(\.measure), hidden: try wire(\.hidden), fixed: try wire(\.fixed),
      original: try wire(\.original), goal: try wire(\.goal), places: try wire(\.places))
  }
}

extension OrientRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      place: try wire(\.place), hidden: try wire(\.hidden), width: try wire(\.width),
      tokens: try wire(\.tokens), gram: try wire(\.gram))
  }
}

extension EvaluationResult: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(metrics: try wire(\.metrics), items: try wire(\.items))
  }
}

extension EvaluationResult.Metric: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(
      name: try wire(\.name), value: try wire(\.value), standardError: try wire(\.standardError),
      lowerIsBetter: try wire(\.lowerIsBetter))
  }
}

extension EvaluationResult.Items: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(name: try wire(\.name), values: try wire(\.values))
  }
}

// MARK: - What plugins ask of the host

extension LogLine: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(level: try wire(\.level), sentence: try wire(\.sentence))
  }
}

extension HostServices.LogLevel: WireValue {}

extension ProgressNotice: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self.init(done: try wire(\.done), total: try wire(\.total)) }
}

extension HostServices.Corpus: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(name: try wire(\.name), documents: try wire(\.documents))
  }
}

extension HostServices.ScoredSequence: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(tokens: try wire(\.tokens), first: try wire(\.first))
  }
}
