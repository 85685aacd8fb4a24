/// How what the host asks of a plugin crosses to the plugin's process.

/// The first byte of a frame.
enum FrameKind: UInt8 {
  // From the host.
  case load, create, destroy, score, allocate, compensate, widths, orient, evaluate
  /// What a service of the host has come to, for a worker that asked in the middle of a call.
  case service, serviceFailed
  // From the worker.
  case done, failed, log, progress, drewRandomNumbers, openData, logLikelihood
}

typealias WriteError = SharedTray.Failure
typealias ReadError = PacketReader.Garbled

extension ModelSummary {
  func put(to packet: inout PacketWriter) {
    packet.put(architecture)
    for number in [layerCount, hiddenSize, vocabularySize, parameters, originalParameters] {
      packet.put(number)
    }
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(
      architecture: try packet.text(), layerCount: try packet.int(), hiddenSize: try packet.int(),
      vocabularySize: try packet.int(), parameters: try packet.int(), originalParameters: try packet.int())
  }
}

extension MatrixMemory {
  func put(to packet: inout PacketWriter) throws(WriteError) {
    packet.put(rows)
    packet.put(columns)
    try packet.put(UnsafeBufferPointer(start: base, count: rows * columns))
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    let (rows, columns) = (try packet.int(), try packet.int())
    let values = try packet.view(of: Float.self)
    guard let base = values.baseAddress, rows >= 0, columns >= 0,
      rows.multipliedReportingOverflow(by: columns) == (values.count, false)
    else { throw ReadError() }
    self.init(base, rows: rows, columns: columns)
  }

  fileprivate static func put(
    _ statistics: [Statistic: MatrixMemory], _ needed: [Statistic], to packet: inout PacketWriter
  ) throws(WriteError) {
    let those = needed.filter { statistics[$0] != nil }
    packet.put(those)
    for statistic in those { try statistics[statistic]?.put(to: &packet) }
  }

  fileprivate static func statistics(from packet: inout PacketReader) throws(ReadError) -> [Statistic:
    MatrixMemory]
  {
    var statistics: [Statistic: MatrixMemory] = [:]
    for statistic in try packet.statistics() { statistics[statistic] = try MatrixMemory(from: &packet) }
    return statistics
  }
}

extension UnitsRequest {
  /// - Parameter needed: the statistics that go along.
  func put(to packet: inout PacketWriter, needed: [Statistic]) throws(WriteError) {
    packet.put(family)
    packet.put(layer)
    try packet.put(original)
    packet.put(matrices.count)
    for matrix in matrices {
      packet.put(matrix.name)
      packet.put(matrix.axis == .rows)
      packet.put(matrix.repeats)
      packet.put(matrix.positions)
      try matrix.weight.put(to: &packet)
      try MatrixMemory.put(matrix.statistics, needed, to: &packet)
    }
    let those = needed.filter { statistics[$0] != nil }
    packet.put(those)
    for statistic in those { try packet.put(statistics[statistic] ?? []) }
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(
      family: try packet.text(), layer: try packet.int(), original: try packet.array(of: Int.self),
      matrices: [])
    for _ in 0..<(try packet.count()) {
      matrices.append(
        MatrixRequest(
          name: try packet.text(), axis: try packet.bool() ? .rows : .columns, repeats: try packet.int(),
          positions: try packet.int(), weight: try MatrixMemory(from: &packet),
          statistics: try MatrixMemory.statistics(from: &packet)))
    }
    for statistic in try packet.statistics() { statistics[statistic] = try packet.array(of: Float.self) }
  }
}

extension BudgetRequest {
  func put(to packet: inout PacketWriter) {
    packet.put(measure)
    for number in [now, original, goal, iterationGoal, iteration, iterations] { packet.put(number) }
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(
      measure: try packet.text(), now: try packet.int(), original: try packet.int(), goal: try packet.int(),
      iterationGoal: try packet.int(), iteration: try packet.int(), iterations: try packet.int())
  }
}

extension LayerRequest {
  func put(to packet: inout PacketWriter, needed: [Statistic]) throws(WriteError) {
    packet.put(families.count)
    for family in families {
      packet.put(family.name)
      for number in [family.count, family.originalCount, family.positions, family.cost, family.minimum] {
        packet.put(number)
      }
      packet.put(family.previousSparsity)
      try packet.put(family.scores)
    }
    let those = needed.filter { statistics[$0] != nil }
    packet.put(those)
    for statistic in those { packet.put(statistics[statistic] ?? 0) }
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(families: [])
    for _ in 0..<(try packet.count()) {
      families.append(
        FamilyRequest(
          name: try packet.text(), count: try packet.int(), originalCount: try packet.int(),
          positions: try packet.int(), cost: try packet.int(), minimum: try packet.int(),
          previousSparsity: try packet.double(), scores: try packet.array(of: Float.self)))
    }
    for statistic in try packet.statistics() { statistics[statistic] = try packet.double() }
  }
}

extension ProjectionRequest {
  func put(to packet: inout PacketWriter, needed: [Statistic]) throws(WriteError) {
    packet.put(family)
    packet.put(layer)
    packet.put(name)
    try weight.put(to: &packet)
    packet.put(bias != nil)
    if let bias { try packet.put(bias) }
    try packet.put(kept)
    try MatrixMemory.put(statistics, needed, to: &packet)
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(
      family: try packet.text(), layer: try packet.int(), name: try packet.text(),
      weight: try MatrixMemory(from: &packet),
      bias: try packet.bool() ? try packet.array(of: Float.self) : nil,
      kept: try packet.array(of: Int.self), statistics: try MatrixMemory.statistics(from: &packet))
  }
}

extension PlaceRequest {
  func put(to packet: inout PacketWriter, needed: [Statistic]) throws(WriteError) {
    packet.put(name)
    packet.put(layer)
    packet.put(cost)
    let energies = needed.contains(.residualEnergies) ? self.energies : nil
    packet.put(energies != nil)
    if let energies { try packet.put(energies) }
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(
      name: try packet.text(), layer: try packet.int(), cost: try packet.int(),
      energies: try packet.bool() ? try packet.array(of: Double.self) : nil)
  }
}

extension ResidualRequest {
  func put(to packet: inout PacketWriter, needed: [Statistic]) throws(WriteError) {
    packet.put(measure)
    for number in [hidden, fixed, original] { packet.put(number) }
    packet.put(goal != nil)
    if let goal { packet.put(goal) }
    packet.put(places.count)
    for place in places { try place.put(to: &packet, needed: needed) }
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(
      measure: try packet.text(), hidden: try packet.int(), fixed: try packet.int(),
      original: try packet.int(),
      goal: try packet.bool() ? try packet.int() : nil, places: [])
    for _ in 0..<(try packet.count()) { places.append(try PlaceRequest(from: &packet)) }
  }
}

extension OrientRequest {
  func put(to packet: inout PacketWriter, needed: [Statistic]) throws(WriteError) {
    try place.put(to: &packet, needed: needed)
    for number in [hidden, width, tokens] { packet.put(number) }
    try packet.put(gram)
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    self.init(
      place: try PlaceRequest(from: &packet), hidden: try packet.int(), width: try packet.int(),
      tokens: try packet.int(), gram: try packet.array(of: Double.self))
  }
}

extension EvaluationResult {
  func put(to packet: inout PacketWriter) throws(WriteError) {
    packet.put(metrics.count)
    for metric in metrics {
      packet.put(metric.name)
      packet.put(metric.value)
      packet.put(metric.standardError ?? .nan)
      packet.put(metric.lowerIsBetter)
    }
    packet.put(items.count)
    for list in items {
      packet.put(list.name)
      try packet.put(list.values)
    }
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    for _ in 0..<(try packet.count()) {
      let (name, value, error) = (try packet.text(), try packet.double(), try packet.double())
      metrics.append(
        Metric(
          name: name, value: value, standardError: error.isNaN ? nil : error, lowerIsBetter: try packet.bool()
        ))
    }
    for _ in 0..<(try packet.count()) {
      items.append(Items(name: try packet.text(), values: try packet.array(of: Double.self)))
    }
  }
}

/// What a worker says of the plugin that it has loaded.
struct WorkerAbout {
  var id: String
  var kind: PluginKind
  var version: String
  var summary: String
  var licence: String
  var paper: String?
  var optionsSchema: String
  var statistics: [String]
  var scoresCompare: Bool
  var abi: ABIVersion
  var library: String
}

extension WorkerAbout {
  init(_ plugin: LoadedPlugin) {
    self.init(
      id: plugin.id, kind: plugin.kind, version: plugin.version, summary: plugin.summary,
      licence: plugin.licence,
      paper: plugin.paper, optionsSchema: plugin.optionsSchema, statistics: plugin.statistics.map(\.name),
      scoresCompare: plugin.scoresCompare, abi: plugin.abi, library: plugin.library)
  }

  func put(to packet: inout PacketWriter) {
    for text in [id, kind.rawValue, version, summary, licence] { packet.put(text) }
    packet.put(paper)
    packet.put(optionsSchema)
    packet.put(statistics)
    packet.put(scoresCompare)
    packet.put(abi.major)
    packet.put(abi.minor)
    packet.put(library)
  }

  init(from packet: inout PacketReader) throws(ReadError) {
    let (id, word) = (try packet.text(), try packet.text())
    guard let kind = PluginKind(rawValue: word) else { throw ReadError() }
    self.init(
      id: id, kind: kind, version: try packet.text(), summary: try packet.text(), licence: try packet.text(),
      paper: try packet.optionalText(), optionsSchema: try packet.text(), statistics: try packet.texts(),
      scoresCompare: try packet.bool(), abi: ABIVersion(major: try packet.int(), minor: try packet.int()),
      library: try packet.text())
  }
}

/// The plugin by its place, which the worker reads anew.
extension PluginDescription {
  func put(to packet: inout PacketWriter) {
    packet.put(manifest)
    packet.put(id)
  }

  init(from packet: inout PacketReader) throws {
    let (manifest, id) = (try packet.text(), try packet.text())
    guard let plugin = try Self.read(manifest: manifest).first(where: { $0.id == id }) else {
      throw PluginError.badManifest(path: manifest, reason: "no longer names \(id)")
    }
    self = plugin
  }
}
