import HeapModule

/// Byte-pair encoding of one word (Sennrich, Haddow and Birch 2016, https://aclanthology.org/P16-1162): from single
/// symbols to longer ones. The pair of neighbours with the lowest rank, the leftmost of several, is merged until no
/// pair merges. As in `models/bpe/word.rs` of Hugging Face `tokenizers`.
struct BytePairEncoding: Sendable {
  /// The symbols of a word before any merge.
  enum Symbols: Sendable {
    /// Byte-level: for each byte its token, or the unknown one, or none (then the byte is lost).
    case bytes([Int32?])
    /// SentencePiece: a character is a token, or else each of its bytes is, or else it is unknown.
    case characters(fallback: [Int32?])
  }

  let symbols: Symbols
  let merges: MergeTable
  /// The tokens of the model, without the added ones.
  let own: ByteStringTable
  let unknown: Int32?
  let fusesUnknown: Bool
  /// Words that are tokens as they stand, whatever the merges say, by their bytes in the text.
  let wholeWords: ByteStringTable?

  /// Up to this many symbols a scan for the lowest rank each time is faster than a heap.
  private static let longestScan = 32

  /// Appends the ids of the word `bytes[range]` to `ids`.
  func encode(_ bytes: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
    if let id = wholeWords?.value(of: bytes, in: range) {
      ids.append(id)
      return
    }
    var word = initialSymbols(bytes, range)
    if word.count <= Self.longestScan {
      mergeByScanning(&word)
    } else {
      mergeByHeap(&word)
    }
    ids += word
  }

  private func initialSymbols(_ bytes: [UInt8], _ range: Range<Int>) -> [Int32] {
    var word: [Int32] = []
    word.reserveCapacity(range.count)
    // An unknown symbol waits until it is known whether the next one is unknown too, as in `merge_word`. Byte tokens
    // go past a waiting one there, and so they do here.
    var waiting: Int32?
    func flush() {
      if let id = waiting { word.append(id) }
      waiting = nil
    }
    func addUnknown() {
      if !fusesUnknown { flush() }
      waiting = waiting ?? unknown
    }
    switch symbols {
    case .bytes(let table):
      for index in range {
        if let id = table[Int(bytes[index])] {
          flush()
          word.append(id)
        } else {
          addUnknown()
        }
      }
    case .characters(let fallback):
      var index = range.lowerBound
      while index < range.upperBound {
        let next = character(at: index, of: bytes, before: range.upperBound).next
        if let id = own.value(of: bytes, in: index..<next) {
          flush()
          word.append(id)
        } else if bytes[index..<next].allSatisfy({ fallback[Int($0)] != nil }) {
          word += bytes[index..<next].compactMap { fallback[Int($0)] }
        } else {
          addUnknown()
        }
        index = next
      }
    }
    flush()
    return word
  }

  private func mergeByScanning(_ word: inout [Int32]) {
    guard word.count > 1 else { return }
    // ranks[i] is of the pair (i, i + 1).
    var ranks = (1..<word.count).map { merges.rank(word[$0 - 1], word[$0]) }
    while true {
      var best = MergeTable.never
      var place = 0
      for (index, rank) in ranks.enumerated() where rank < best {
        best = rank
        place = index
      }
      guard best != MergeTable.never else { return }
      word[place] = merges.product(word[place], word[place + 1])
      word.remove(at: place + 1)
      ranks.remove(at: place)
      if place < ranks.count { ranks[place] = merges.rank(word[place], word[place + 1]) }
      if place > 0 { ranks[place - 1] = merges.rank(word[place - 1], word[place]) }
    }
  }

  /// The same in n log n: merged symbols leave a linked list, candidates wait in a heap by rank, then place.
  private func mergeByHeap(_ word: inout [Int32]) {
    let count = word.count
    var next = (0..<count).map { $0 + 1 }
    var previous = (0..<count).map { $0 - 1 }
    var isGone = [Bool](repeating: false, count: count)
    func candidate(_ place: Int) -> UInt64? {
      guard place >= 0, next[place] < count else { return nil }
      let rank = merges.rank(word[place], word[next[place]])
      return rank == MergeTable.never ? nil : UInt64(rank) << 32 | UInt64(place)
    }
    var heap = Heap((0..<count).compactMap(candidate))
    while let top = heap.popMin() {
      let place = Int(top & 0xffff_ffff)
      // A candidate whose symbols have merged with others since has another rank now, or none.
      guard !isGone[place], candidate(place) == top else { continue }
      let right = next[place]
      word[place] = merges.product(word[place], word[right])
      isGone[right] = true
      next[place] = next[right]
      if next[place] < count { previous[next[place]] = place }
      if let left = candidate(previous[place]) { heap.insert(left) }
      if let again = candidate(place) { heap.insert(again) }
    }
    var kept = 0
    for place in 0..<count where !isGone[place] {
      word[kept] = word[place]
      kept += 1
    }
    word.removeSubrange(kept...)
  }
}

/// The encoded words of one text, since text repeats its words.
struct WordCache {
  /// Longer words hardly repeat.
  private static let longestWord = 48
  private static let maximumCount = 1 << 16

  private var entries = ByteStringTable(minimumCapacity: 1024)
  /// Entry `e` is `ids[starts[e] ..< starts[e + 1]]`.
  private var starts: [Int] = [0]
  private var ids: [Int32] = []

  mutating func encode(
    _ bytes: [UInt8], _ range: Range<Int>, with encoding: BytePairEncoding, into result: inout [Int32]
  ) {
    guard range.count <= Self.longestWord else {
      encoding.encode(bytes, range, into: &result)
      return
    }
    if let entry = entries.value(of: bytes, in: range) {
      result += ids[starts[Int(entry)]..<starts[Int(entry) + 1]]
      return
    }
    let start = result.count
    encoding.encode(bytes, range, into: &result)
    guard entries.count < Self.maximumCount else { return }
    entries.insert(bytes, in: range, value: Int32(entries.count))
    ids += result[start...]
    starts.append(ids.count)
  }
}
