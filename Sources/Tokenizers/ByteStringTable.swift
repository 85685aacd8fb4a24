/// A map from byte strings to small integers, for looking up a stretch of a buffer without copying it.
///
/// Not a `[String: Int32]`: Swift compares strings by canonical equivalence. Vocabularies hold tokens that differ
/// only in normal form ("é" in one code point and in two), and these must stay apart.
struct ByteStringTable: Sendable {
  private var arena: [UInt8] = []
  /// Entry `e` is `arena[starts[e] ..< starts[e + 1]]`.
  private var starts: [Int] = [0]
  private var values: [Int32] = []
  /// Open addressing with linear probing; -1 is free. The size is a power of two, at most half full.
  private var slots: [Int32]

  var count: Int { values.count }

  init(minimumCapacity: Int = 16) {
    var size = 32
    while size < 2 * minimumCapacity { size *= 2 }
    slots = Array(repeating: -1, count: size)
  }

  func value(of bytes: [UInt8], in range: Range<Int>) -> Int32? {
    let entry = slots[slot(of: bytes, in: range)]
    return entry < 0 ? nil : values[Int(entry)]
  }

  func value(of text: String) -> Int32? {
    let bytes = Array(text.utf8)
    return value(of: bytes, in: 0..<bytes.count)
  }

  /// Adds an entry; an existing one stays as it is and its value is returned.
  @discardableResult
  mutating func insert(_ bytes: [UInt8], in range: Range<Int>, value: Int32) -> Int32? {
    let slot = slot(of: bytes, in: range)
    guard slots[slot] < 0 else { return values[Int(slots[slot])] }
    slots[slot] = Int32(values.count)
    values.append(value)
    arena.append(contentsOf: bytes[range])
    starts.append(arena.count)
    if 2 * values.count > slots.count { grow() }
    return nil
  }

  @discardableResult
  mutating func insert(_ text: String, value: Int32) -> Int32? {
    let bytes = Array(text.utf8)
    return insert(bytes, in: 0..<bytes.count, value: value)
  }

  /// The slot that holds the string, or the free one where it belongs.
  private func slot(of bytes: [UInt8], in range: Range<Int>) -> Int {
    var slot = Self.hash(bytes, range) & (slots.count - 1)
    while true {
      let entry = slots[slot]
      if entry < 0 || equals(Int(entry), bytes, range) { return slot }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  private func equals(_ entry: Int, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    let start = starts[entry]
    guard starts[entry + 1] - start == range.count else { return false }
    for offset in 0..<range.count where arena[start + offset] != bytes[range.lowerBound + offset] {
      return false
    }
    return true
  }

  /// FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/), its high half folded in.
  private static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in range { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
    return Int(truncatingIfNeeded: hash ^ (hash >> 32))
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: 2 * slots.count)
    for entry in values.indices {
      slots[slot(of: arena, in: starts[entry]..<starts[entry + 1])] = Int32(entry)
    }
  }
}
