/// The merges: which neighbours become one token, at which rank, and which token that is.
///
/// The table uses open addressing, with the pair as one integer: encoding spends its time on the look-up.
struct MergeTable: Sendable {
  /// The rank of a pair that does not merge, later than every merge.
  static let never = UInt32.max

  private var keys: [UInt64]
  private var ranks: [UInt32]
  private var products: [Int32]
  private let shift: UInt64

  init(_ document: TokenizerDocument, own: ByteStringTable, file: String) throws(TokenizerError) {
    let merges = document.model.merges
    var bits: UInt64 = 4
    while (1 << bits) < 2 * merges.count { bits += 1 }
    shift = 64 - bits
    keys = Array(repeating: .max, count: 1 << Int(bits))
    ranks = Array(repeating: Self.never, count: 1 << Int(bits))
    products = Array(repeating: -1, count: 1 << Int(bits))

    // Only the model's own tokens: an added token is never part of a word.
    func id(_ token: String, _ index: Int) throws(TokenizerError) -> Int32 {
      if let id = own.value(of: token) { return id }
      throw .brokenVocabulary(
        file: file, path: document.paths.merges, fault: .mergeOfUnknownToken(index: index, token: token))
    }
    for (index, merge) in merges.enumerated() {
      let left = try id(merge.left, index)
      let right = try id(merge.right, index)
      let product = try id(merge.left + merge.right, index)
      // A pair that is listed twice has its later rank, as in `BpeBuilder::build`.
      let slot = slot(of: Self.key(left, right))
      keys[slot] = Self.key(left, right)
      ranks[slot] = UInt32(index)
      products[slot] = product
    }
  }

  @inline(__always)
  func rank(_ left: Int32, _ right: Int32) -> UInt32 {
    ranks[slot(of: Self.key(left, right))]
  }

  func product(_ left: Int32, _ right: Int32) -> Int32 {
    products[slot(of: Self.key(left, right))]
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Fibonacci hashing: the high bits of the product with 2⁶⁴ / φ.
  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> shift)
    while keys[slot] != key && keys[slot] != .max { slot = (slot + 1) & (keys.count - 1) }
    return slot
  }
}
