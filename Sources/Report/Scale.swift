/// From a quantity to a place in a drawing, in a straight line.
package struct Scale {
  let domain: ClosedRange<Double>
  /// The places of the domain's ends. Upwards `start` is larger than `end`.
  let start: Double
  let end: Double

  package init(domain: ClosedRange<Double>, start: Double, end: Double) {
    self.domain = domain
    self.start = start
    self.end = end
  }

  /// Returns the place of a value. An empty domain is put in the middle.
  package func place(_ value: Double) -> Double {
    let width = domain.upperBound - domain.lowerBound
    guard width > 0 else { return (start + end) / 2 }
    return start + (value - domain.lowerBound) / width * (end - start)
  }
}

/// The numbers of drawings. They have two decimals at most: nobody sees a hundredth of a unit.
package enum Coordinate {
  package static func text(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e9 else { return "0" }
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
    let decimals = rest % 10 == 0 ? "\(rest / 10)" : (rest < 10 ? "0" : "") + "\(rest)"
    return (hundredths < 0 ? "-" : "") + "\(whole)" + (rest == 0 ? "" : "." + decimals)
  }
}
