/// Sequences, one after another in a block of tokens. Each starts at position 0.
struct SequenceBlock {
  /// Rows of each sequence within the block.
  let sequences: [Range<Int>]
  var tokens: Int { sequences.last?.upperBound ?? 0 }

  init(lengths: some Sequence<Int>) {
    var start = 0
    sequences = lengths.map { length in
      defer { start += length }
      return start..<start + length
    }
  }
}

/// Sequences in blocks that go through a layer together.
struct Blocks {
  struct Block {
    let sequences: SequenceBlock
    /// The indices of these sequences among all, and their first row.
    let indices: Range<Int>
    let firstRow: Int
  }

  let all: [Block]
  let rows: Int
  let longest: Int

  /// - Parameter tokens: the most tokens of a block; a longer sequence goes alone.
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

  /// Tokens of a block: enough to make the packing of products cheap, few enough for the cache.
  static let usualTokens = 1024
}
