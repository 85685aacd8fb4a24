import Foundation

/// From a quantity to a place in a drawing, in a straight line.
package struct Scale: Equatable {
  /// Of the quantity; not empty.
  package let domain: ClosedRange<Double>
  /// The places of the domain's ends in the drawing's units; `start` may lie behind `end`, as it does upwards.
  package let start: Double
  package let end: Double

  package init(domain: ClosedRange<Double>, start: Double, end: Double) {
    self.domain = domain
    self.start = start
    self.end = end
  }

  /// An empty domain is put in the middle.
  package func place(_ value: Double) -> Double {
    let width = domain.upperBound - domain.lowerBound
    guard width > 0 else { return (start + end) / 2 }
    return start + (value - domain.lowerBound) / width * (end - start)
  }
}

/// A drawing's numbers: two decimals at most, since a hundredth of a unit can't be seen.
package enum Coordinate {
  package static func text(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e9 else { return "0" }
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
    let sign = hundredths < 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    return rest % 10 == 0
      ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole)." + (rest < 10 ? "0" : "") + "\(rest)"
  }
}
