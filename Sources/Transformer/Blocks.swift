/// Sequences that lie one after another in a block of tokens; each starts at position 0.
struct SequenceBlock {
  /// Rows of each sequence within the block.
  let sequences: [Range<Int>]
  var tokens: Int { sequences.last?.upperBound ?? 0 }
  var longest: Int { sequences.map(\.count).max() ?? 0 }

  init(lengths: some Sequence<Int>) {
    var start = 0
    sequences = lengths.map { length in
      defer { start += length }
      return start..<start + length
    }
  }
}

/// Sequences cut into blocks that go through a layer together.
struct Blocks {
  struct Block {
    let sequences: SequenceBlock
    /// Which sequences of the whole these are, and their first row in it.
    let indices: Range<Int>
    let firstRow: Int
  }

  let all: [Block]
  let rows: Int
  let longest: Int

  /// - Parameter tokens: about how many go together; a longer sequence goes alone.
  init(_ sequences: [[Int32]], tokens: Int) {
    var all: [Block] = []
    var start = 0
    var row = 0
    while start < sequences.count {
      var end = start
      var count = 0
      while end < sequences.count, end == start || count + sequences[end].count <= tokens {
        count += sequences[end].count
        end += 1
      }
      all.append(
        Block(
          sequences: SequenceBlock(lengths: sequences[start..<end].map(\.count)), indices: start..<end,
          firstRow: row))
      row += count
      start = end
    }
    self.all = all
    rows = row
    longest = sequences.map(\.count).max() ?? 0
  }

  var mostTokens: Int { all.map(\.sequences.tokens).max() ?? 0 }

  /// Tokens of a block: enough that a product's packing is small beside it, few enough for the cache's sake.
  static let usualTokens = 1024
}
