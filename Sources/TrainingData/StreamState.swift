import JSON

/// The saved position of a stream: a few numbers, however far it is.
struct StreamState {
  /// The properties that must not change between saving and resuming.
  struct Identity: Equatable {
    struct Source: Equatable {
      var name: String
      var documents: Int
      var weight: Double?
    }

    var seed: UInt64
    var length: Int
    var packing: Bool
    var sources: [Source]
  }

  var identity: Identity
  var position: Int
  var cursors: [TrainingOrder.Cursor]
  var offset: Int
  var progress: TrainingStream.Progress

  /// The seed is written as text, since it may be larger than JSON's integers.
  var json: JSONValue {
    let sources = zip(identity.sources, cursors).map { source, cursor in
      JSONValue.object([
        "name": .string(source.name), "documents": .integer(source.documents),
        "weight": source.weight.map { .number($0) } ?? .null, "epoch": .integer(cursor.epoch),
        "position": .integer(cursor.position),
      ])
    }
    return .object([
      "seed": .string(String(identity.seed)), "length": .integer(identity.length),
      "packing": .bool(identity.packing), "sources": .array(sources), "epoch": .integer(progress.epoch),
      "position": .integer(position), "offset": .integer(offset), "rows": .integer(progress.rows),
      "tokens": .integer(progress.tokens), "targets": .integer(progress.targets),
      "documents": .integer(progress.documents), "skipped": .integer(progress.skipped),
    ])
  }

}

extension StreamState {
  init(reading json: JSONValue) throws(TrainingDataError) {
    func missing(_ key: String, _ expected: String) -> TrainingDataError {
      .otherStream(reason: "\"\(key)\" is not \(expected)")
    }
    func natural(_ key: String, in value: JSONValue) throws(TrainingDataError) -> Int {
      // Far from where sums of it could overflow.
      guard let number = value[key]?.integerValue, number >= 0, number <= .max / 4 else {
        throw missing(key, "a natural number")
      }
      return number
    }
    guard let seed = json["seed"]?.stringValue.flatMap({ UInt64($0) }) else {
      throw missing("seed", "a seed")
    }
    guard let packing = json["packing"]?.boolValue else { throw missing("packing", "true or false") }
    guard let list = json["sources"]?.arrayValue else { throw missing("sources", "a list") }
    var sources: [Identity.Source] = []
    var cursors: [TrainingOrder.Cursor] = []
    for source in list {
      guard let name = source["name"]?.stringValue else { throw missing("name", "a string") }
      sources.append(
        Identity.Source(
          name: name, documents: try natural("documents", in: source), weight: source["weight"]?.numberValue))
      cursors.append(
        TrainingOrder.Cursor(
          epoch: try natural("epoch", in: source), position: try natural("position", in: source)))
    }
    let identity = Identity(
      seed: seed, length: try natural("length", in: json), packing: packing, sources: sources)
    let progress = TrainingStream.Progress(
      epoch: try natural("epoch", in: json), rows: try natural("rows", in: json),
      tokens: try natural("tokens", in: json), targets: try natural("targets", in: json),
      documents: try natural("documents", in: json), skipped: try natural("skipped", in: json))
    self.init(
      identity: identity, position: try natural("position", in: json), cursors: cursors,
      offset: try natural("offset", in: json), progress: progress)
  }

  func check(against other: Identity) throws(TrainingDataError) {
    func differs(_ what: String, _ saved: some Equatable, _ now: some Equatable) -> TrainingDataError {
      .otherStream(reason: "\(what) was \(saved) and is \(now)")
    }
    guard identity.seed == other.seed else { throw differs("the seed", identity.seed, other.seed) }
    guard identity.length == other.length else { throw differs("the length", identity.length, other.length) }
    guard identity.packing == other.packing else {
      throw differs("the packing", identity.packing, other.packing)
    }
    guard identity.sources.map(\.name) == other.sources.map(\.name) else {
      throw differs(
        "the list of sources", identity.sources.map(\.name).joined(separator: ", "),
        other.sources.map(\.name).joined(separator: ", "))
    }
    for (saved, now) in zip(identity.sources, other.sources) {
      guard saved.documents == now.documents else {
        throw differs("\(saved.name)'s number of documents", saved.documents, now.documents)
      }
      guard saved.weight == now.weight else {
        throw differs(
          "\(saved.name)'s weight", saved.weight.map { "\($0)" } ?? "none",
          now.weight.map { "\($0)" } ?? "none")
      }
    }
  }
}
