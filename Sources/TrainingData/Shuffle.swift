/// Steele, Lea and Flood's SplitMix64 (OOPSLA 2014): the same numbers on every machine.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(state: UInt64) { self.state = state }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Orders that follow from a seed, a stream and an epoch alone, so that a place in them is two numbers.
struct Shuffle {
  let seed: UInt64

  /// A stream of numbers of its own for each `stream` and `epoch`.
  private func generator(stream: Int, epoch: Int) -> SplitMix64 {
    var first = SplitMix64(state: seed)
    var second = SplitMix64(state: first.next() ^ UInt64(truncatingIfNeeded: stream))
    return SplitMix64(state: second.next() ^ UInt64(truncatingIfNeeded: epoch))
  }

  /// The elements in a random order, every order as likely as any other (Fisher and Yates).
  func shuffled<Element>(_ elements: [Element], stream: Int, epoch: Int) -> [Element] {
    var elements = elements
    var generator = generator(stream: stream, epoch: epoch)
    var last = elements.count - 1
    while last > 0 {
      elements.swapAt(last, Self.number(upTo: last, &generator))
      last -= 1
    }
    return elements
  }

  /// From 0 to `highest`, each as likely. Written out, since Swift doesn't promise how its own does it.
  private static func number(upTo highest: Int, _ generator: inout SplitMix64) -> Int {
    let count = UInt64(highest) + 1
    // Lemire's multiplication (ACM TOMACS 2019), with his rejection of the numbers that would favour some.
    var product = generator.next().multipliedFullWidth(by: count)
    if product.low < count {
      let threshold = (0 &- count) % count
      while product.low < threshold { product = generator.next().multipliedFullWidth(by: count) }
    }
    return Int(product.high)
  }
}
