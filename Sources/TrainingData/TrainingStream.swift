import JSON

/// The options of a stream.
public struct StreamOptions: Sendable, Equatable {
  /// Tokens of a row; at least 2, since the first of a document predicts nothing.
  public var length: Int
  /// Whether documents are joined until a row is full. Otherwise a row is one document, cut to `length`.
  public var packing: Bool
  /// How often the documents come; nil for no end.
  public var epochs: Int?
  public var seed: UInt64

  public init(length: Int, packing: Bool = true, epochs: Int? = nil, seed: UInt64) {
    self.length = length
    self.packing = packing
    self.epochs = epochs
    self.seed = seed
  }
}

/// A stream of rows to train on. It shuffles and mixes documents, and reads and tokenizes each at its turn.
///
/// Packed rows have exactly `length` tokens: documents one after the other, each with its end token. The rest of a
/// document goes on in the next row, as a segment of its own. Only the last row of a limited stream may be shorter.
///
/// The rows follow from the files, the options, and the sources' order and weights alone. A stream made with another's
/// `state` gives the same rows as the other.
public struct TrainingStream: Sendable {
  /// How far the stream is.
  public struct Progress: Sendable, Equatable {
    /// Epochs that are over.
    public internal(set) var epoch = 0
    public internal(set) var rows = 0
    /// Tokens of all rows.
    public internal(set) var tokens = 0
    /// Tokens that are predicted.
    public internal(set) var targets = 0
    /// Documents that ended, or were cut.
    public internal(set) var documents = 0
    /// Broken documents that were left out.
    public internal(set) var skipped = 0
  }

  private let options: StreamOptions
  private let readers: [DocumentReader]
  private var order: TrainingOrder
  private var counted = Progress()
  /// The current document, once it is read.
  private var document: Document?
  /// Tokens of the current document that earlier rows have.
  private var offset = 0

  public var progress: Progress {
    var progress = counted
    progress.epoch = order.epoch
    return progress
  }

  /// Documents of one epoch.
  public var documentsOfEpoch: Int { order.documentsOfEpoch }

  /// Maps the files and finds their documents. Nothing is tokenized yet.
  /// - Parameter state: the `state` of another stream of the same sources and options.
  /// - Throws: `TrainingDataError`.
  public init(
    sources: [TrainingSource], options: StreamOptions, tokenizer: TrainingTokenizer,
    resuming state: JSONValue? = nil
  ) throws(TrainingDataError) {
    try Self.check(sources, options, tokenizer)
    self.options = options
    readers = try sources.map { (source) throws(TrainingDataError) in try DocumentReader(source, tokenizer) }
    let saved = try state.map { (state) throws(TrainingDataError) in try StreamState(reading: state) }
    try saved?.check(against: Self.identity(readers, options))
    let order = try TrainingOrder(
      names: sources.map(\.name), counts: readers.map(\.count), weights: sources.map(\.weight),
      seed: options.seed,
      epoch: saved?.progress.epoch ?? 0, position: saved?.position ?? 0, cursors: saved?.cursors)
    self.order = order
    guard let saved else { return }
    guard saved.position < order.documentsOfEpoch,
      zip(saved.cursors, readers).allSatisfy({ $0.position < $1.count })
    else {
      throw .otherStream(reason: "it stands behind the last document")
    }
    offset = saved.offset
    counted = saved.progress
  }

  private static func check(
    _ sources: [TrainingSource], _ options: StreamOptions, _ tokenizer: TrainingTokenizer
  ) throws(TrainingDataError) {
    guard !sources.isEmpty else { throw .badOption(name: "sources", reason: "there are none") }
    guard sources.count <= Int(UInt16.max) else {
      throw .badOption(name: "sources", reason: "\(sources.count), and at most \(UInt16.max) can be mixed")
    }
    guard options.length >= 2 else {
      throw .badOption(name: "length", reason: "\(options.length), expected at least 2 tokens")
    }
    if let epochs = options.epochs, epochs < 1 {
      throw .badOption(name: "epochs", reason: "\(epochs), expected at least 1")
    }
    for (name, id) in [("end", tokenizer.endOfSequence ?? 0), ("begin", tokenizer.beginOfSequence ?? 0)]
    where id < 0 || Int(id) >= tokenizer.vocabularySize {
      throw .badOption(
        name: "\(name)_of_sequence", reason: "\(id), expected an id below \(tokenizer.vocabularySize)")
    }
  }

  /// The stream's position, between two rows.
  public var state: JSONValue {
    StreamState(
      identity: Self.identity(readers, options), position: order.position, cursors: order.cursors,
      offset: offset, progress: progress
    ).json
  }

  private static func identity(_ readers: [DocumentReader], _ options: StreamOptions) -> StreamState.Identity
  {
    StreamState.Identity(
      seed: options.seed, length: options.length, packing: options.packing,
      sources: readers.map {
        StreamState.Identity.Source(name: $0.source.name, documents: $0.count, weight: $0.source.weight)
      })
  }

  /// Returns the next row, or nil after the last epoch.
  ///
  /// An error leaves the stream where it was, so the same error comes again.
  /// - Throws: `TrainingDataError` about the current document, or an error of the tokenizer.
  public mutating func next() throws -> PackedRow? {
    let before = self
    do {
      let row = options.packing ? try packedRow() : try documentRow()
      guard let row else { return nil }
      counted.rows += 1
      counted.tokens += row.tokenCount
      counted.targets += row.targetCount
      return row
    } catch {
      self = before
      throw error
    }
  }

  private mutating func packedRow() throws -> PackedRow? {
    var segments: [Segment] = []
    var room = options.length
    while room > 0, let document = try current() {
      let end = min(document.ids.count, offset + room)
      segments.append(Segment(ids: document.ids[offset..<end], isTarget: document.isTarget[offset..<end]))
      room -= end - offset
      offset = end
      if end == document.ids.count { finish() }
    }
    return segments.isEmpty ? nil : PackedRow(segments: segments)
  }

  private mutating func documentRow() throws -> PackedRow? {
    guard let document = try current() else { return nil }
    finish()
    return PackedRow(segments: [
      Segment(ids: document.ids.prefix(options.length), isTarget: document.isTarget.prefix(options.length))
    ])
  }

  /// Returns the current document, and skips those that are empty or left out; nil after the last epoch.
  private mutating func current() throws -> Document? {
    var lookedAt = 0
    while true {
      if let document { return document }
      if let epochs = options.epochs, order.epoch >= epochs {
        guard counted.documents > 0 else { throw noTokens }
        return nil
      }
      guard lookedAt <= order.documentsOfEpoch else { throw noTokens }
      lookedAt += 1
      do {
        document = try readers[order.source].document(at: order.document)
      } catch let error as TrainingDataError
        where error.isOfOneDocument && readers[order.source].source.skipsBroken
      {
        counted.skipped += 1
      }
      guard let found = document else {
        order.advance()
        continue
      }
      guard offset < found.ids.count else {
        throw TrainingDataError.otherStream(
          reason: "it stands at token \(offset) of a document that has \(found.ids.count): the file or the "
            + "tokenizer has changed")
      }
    }
  }

  private var noTokens: TrainingDataError { .noTokens(sources: readers.map(\.source.name)) }

  private mutating func finish() {
    counted.documents += 1
    document = nil
    offset = 0
    order.advance()
  }
}
