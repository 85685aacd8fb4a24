import RandomNumbers

/// Shuffles by a seed, a stream and an epoch alone, so two numbers are enough to resume.
struct Shuffle {
  let seed: UInt64

  /// Each `stream` and `epoch` has numbers of its own.
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

  /// A random number from 0 to `highest`, uniformly. Swift's own method may change, so this is written out.
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
