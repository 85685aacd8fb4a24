/// The fields of all values that cross to a worker process, in their order on the wire.

extension Nothing: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {}
}

extension CallFailure: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(Self.init, \.function, \.status, \.sentence)
  }
}

// MARK: - The life of a plugin

extension Hello: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(Self.init, \.version, \.manifest, \.id)
  }
}

extension PluginAbout: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(
      Self.init, \.id, \.kind, \.version, \.summary, \.licence, \.paper, \.optionsSchema, \.statistics,
      \.scoresCompare, \.abi, \.library)
  }
}

extension PluginKind: WireValue {}

extension ABIVersion: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.major, \.minor) }
}

extension Making: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.options, \.seed) }
}

extension Made: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(Self.init, \.instance, \.statistics, \.traits)
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
    self = try wire.fields(
      Self.init, \.architecture, \.layerCount, \.hiddenSize, \.vocabularySize, \.parameters,
      \.originalParameters)
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
    self = try wire.fields(Self.init, \.budget, \.layers, \.scoresCompare)
  }
}

extension BudgetRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(
      Self.init, \.measure, \.now, \.original, \.goal, \.iterationGoal, \.iteration, \.iterations)
  }
}

extension LayerRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self.init(families: try wire(\.families), statistics: try wire.statistics(\.statistics))
  }
}

extension FamilyRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(
      Self.init, \.name, \.count, \.originalCount, \.positions, \.cost, \.minimum, \.previousSparsity,
      \.scores)
  }
}

extension Share: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.sparsity, \.keep) }
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
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.weight, \.bias) }
}

extension PlaceRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    let areNeeded = wire.message.statistics.contains(.residualEnergies)
    self.init(
      name: try wire(\.name), layer: try wire(\.layer), cost: try wire(\.cost),
      energies: try wire { areNeeded ? $0.energies : nil })
  }
}

extension ResidualRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(Self.init, \.measure, \.hidden, \.fixed, \.original, \.goal, \.places)
  }
}

extension OrientRequest: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(Self.init, \.place, \.hidden, \.width, \.tokens, \.gram)
  }
}

extension EvaluationResult: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.metrics, \.items) }
}

extension EvaluationResult.Metric: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    self = try wire.fields(Self.init, \.name, \.value, \.standardError, \.lowerIsBetter)
  }
}

extension EvaluationResult.Items: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.name, \.values) }
}

// MARK: - What plugins ask of the host

extension LogLine: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.level, \.sentence) }
}

extension HostServices.LogLevel: WireValue {}

extension ProgressNotice: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.done, \.total) }
}

extension HostServices.Corpus: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.name, \.documents) }
}

extension HostServices.ScoredSequence: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.tokens, \.first) }
}
