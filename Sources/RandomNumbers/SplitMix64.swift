/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), which gives the same numbers on every machine.
///
/// The n-th number is `mix(state + n · step)`, so a number at any place needs no others.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  @inlinable public init(state: UInt64) { self.state = state }

  @inlinable public mutating func next() -> UInt64 {
    state &+= Self.step
    return Self.mix(state)
  }

  /// From 0 to `count` − 1, even to within count / 2⁶⁴: the upper half of the 128-bit product.
  @inlinable public mutating func index(below count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(max(1, count))).high)
  }

  /// The fraction of the golden ratio, made odd.
  @inlinable public static var step: UInt64 { 0x9e37_79b9_7f4a_7c15 }

  @inlinable public static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
