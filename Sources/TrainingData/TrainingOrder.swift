/// The order of the documents of all sources.
///
/// An epoch has as many documents as all sources together. A source's share is all of its documents once or, by weight,
/// fewer or more. The sources' turns are shuffled. Each source shuffles its documents, and starts a new order after the
/// last, anywhere in an epoch. So a heavy source repeats a document only after all others came, and a light source shows
/// all documents over the epochs.
struct TrainingOrder {
  /// A place in one source's orders.
  struct Cursor: Equatable {
    var epoch = 0
    var position = 0
  }

  private let shuffle: Shuffle
  /// Documents of each source.
  private let counts: [Int]
  /// Documents of each source in an epoch.
  let shares: [Int]

  private(set) var epoch: Int
  /// Documents of the epoch that came.
  private(set) var position: Int
  private(set) var cursors: [Cursor]
  /// The source of each turn of the epoch; empty with one source.
  private var turns: [UInt16] = []
  /// Each source's order at present.
  private var orders: [[UInt32]] = []

  var documentsOfEpoch: Int { shares.reduce(0, +) }

  /// - Parameter cursors: where each source stands; nil at the very beginning.
  /// - Throws: `.badOption` where the weights make no shares.
  init(
    names: [String], counts: [Int], weights: [Double?], seed: UInt64, epoch: Int = 0, position: Int = 0,
    cursors: [Cursor]? = nil
  ) throws(TrainingDataError) {
    shuffle = Shuffle(seed: seed)
    self.counts = counts
    for (name, count) in zip(names, counts) where count > Int(UInt32.max) {
      throw .badOption(
        name: name, reason: "it has \(count) documents, and at most \(UInt32.max) can be shuffled")
    }
    shares = try Self.shares(names: names, counts: counts, weights: weights)
    self.epoch = epoch
    self.position = position
    self.cursors = cursors ?? counts.map { _ in Cursor() }
    orders = counts.map { _ in [] }
    makeTurns()
    for source in counts.indices { makeOrder(of: source) }
  }

  private static func shares(
    names: [String], counts: [Int], weights: [Double?]
  ) throws(TrainingDataError) -> [Int] {
    let given = weights.compactMap(\.self)
    if given.isEmpty { return counts }
    for (name, weight) in zip(names, weights) {
      guard let weight else {
        throw .badOption(name: "weight", reason: "\(name) has none, and other sources have one")
      }
      guard weight.isFinite, weight > 0 else {
        throw .badOption(name: "weight", reason: "\(name) has \(weight), expected a number above 0")
      }
    }
    // Relative to the largest, so that their sum is finite.
    let largest = given.max() ?? 1
    let sum = given.reduce(0) { $0 + $1 / largest }
    let total = counts.reduce(0, +)
    let quotas = given.map { Double(total) * ($0 / largest / sum) }
    // The largest remainders get what rounding down leaves.
    var shares = quotas.map { Int($0) }
    let order = quotas.indices.sorted { left, right in
      let (first, second) = (quotas[left] - Double(shares[left]), quotas[right] - Double(shares[right]))
      return first != second ? first > second : left < right
    }
    let missing = total - shares.reduce(0, +)
    for source in order.prefix(max(0, missing)) { shares[source] += 1 }
    for (name, share) in zip(names, shares) where share == 0 {
      throw .badOption(name: "weight", reason: "\(name)'s is so small that none of \(total) documents is its")
    }
    return shares
  }

  private mutating func makeTurns() {
    guard shares.count > 1 else { return }
    let turns = shares.indices.flatMap { repeatElement(UInt16($0), count: shares[$0]) }
    self.turns = shuffle.shuffled(turns, stream: -1, epoch: epoch)
  }

  private mutating func makeOrder(of source: Int) {
    orders[source] = shuffle.shuffled(
      Array(0..<UInt32(counts[source])), stream: source, epoch: cursors[source].epoch)
  }

  /// The source whose turn it is.
  var source: Int { turns.isEmpty ? 0 : Int(turns[position]) }

  /// The index of the current document within its source.
  var document: Int { Int(orders[source][cursors[source].position]) }

  mutating func advance() {
    let source = source
    cursors[source].position += 1
    if cursors[source].position == counts[source] {
      cursors[source] = Cursor(epoch: cursors[source].epoch + 1, position: 0)
      makeOrder(of: source)
    }
    position += 1
    if position == documentsOfEpoch {
      epoch += 1
      position = 0
      makeTurns()
    }
  }
}
