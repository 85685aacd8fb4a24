import Foundation
import Wording

/// The marks of an axis: multiples of 1, 2 or 5 times a power of ten, as people choose them.
package struct Ticks {
  /// Ascending. The first is at or below all values, the last at or above.
  package let values: [Double]
  /// All have the decimals that the distance of two marks needs: `0.5`, `1.0`.
  package let labels: [String]
  /// The power of ten that the labels share, for the axis's name: `10⁻⁴`. nil unless labels would be long.
  package let factor: String?

  /// - Parameters:
  ///   - range: the values that the axis shows.
  ///   - count: the number of steps at most, without those that hold only the ends.
  ///   - wholeOnly: for an axis that counts.
  ///   - longest: from this value on labels share a power of ten, since there is no room for them.
  package init(
    covering range: ClosedRange<Double>, about count: Int, wholeOnly: Bool = false, longest: Double = 1e7
  ) {
    let (low, high) = Self.widened(range)
    var step = Self.step(atLeast: (high - low) / Double(max(1, count)))
    if wholeOnly { step = max(1, step) }
    let first = (low / step + 1e-9).rounded(.down)
    let last = (high / step - 1e-9).rounded(.up)
    // Beside numbers larger by 16 digits a step is lost, and beyond the largest there is none. Then the ends are the
    // marks.
    let isLost =
      !(last - first < 1000 && first * step < last * step && (first * step).isFinite
      && (last * step).isFinite)
    if isLost { step = high - low }
    let values =
      isLost ? [low, high] : (0...Int(last - first)).map { Self.multiple(first + Double($0), of: step) }
    self.values = values
    let largest = values.map(\.magnitude).max() ?? 0
    let isLong = largest >= longest || (largest > 0 && largest < 1e-3)
    let exponent = isLong ? Int(log10(largest).rounded(.down)) : 0
    factor = exponent == 0 ? nil : Self.powerOfTen(exponent)
    let decimals = min(12, max(0, Int((Double(exponent) - log10(step) - 1e-9).rounded(.up))))
    labels = values.map { value in
      // Minus zero is none.
      let shown = value == 0 ? 0 : exponent == 0 ? value : value / pow(10, Double(exponent))
      if decimals == 0, let whole = Int(exactly: shown.rounded()) { return HumanFormat.grouped(whole) }
      return HumanFormat.fixed(shown, decimals)
    }
  }

  /// An axis of powers: 1, 10, 100, …, with 2 and 5 between them if there are few. It has at most eight marks.
  /// - Parameter range: above zero.
  package init(powersCovering range: ClosedRange<Double>) {
    factor = nil
    let first = log10(range.lowerBound).rounded(.down)
    let last = max(first + 1, log10(range.upperBound).rounded(.up))
    guard first > -300, last < 300 else {
      values = [1, 10]
      labels = values.map(Self.powerLabel)
      return
    }
    let stride = max(1, ((last - first) / 7).rounded(.up))
    let marks = (0...Int(((last - first) / stride).rounded(.up))).flatMap { index in
      let power = Self.power(1, first + Double(index) * stride)
      return last - first <= 2 ? [power, 2 * power, 5 * power] : [power]
    }
    // One mark outside of the range at each end.
    let start = marks.lastIndex { $0 <= range.lowerBound * (1 + 1e-9) } ?? 0
    let end = marks.firstIndex { $0 >= range.upperBound * (1 - 1e-9) } ?? marks.count - 1
    values = Array(marks[start...max(start, min(marks.count - 1, max(end, start + 1)))])
    labels = values.map(Self.powerLabel)
  }

  /// Returns the least of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that isn't below `least`.
  package static func step(atLeast least: Double) -> Double {
    guard least.isFinite, least > 1e-300 else { return 1 }
    let exponent = log10(least).rounded(.down)
    for factor in [1.0, 2, 5] {
      let step = power(factor, exponent)
      if step >= least * (1 - 1e-9) { return step }
    }
    return power(1, exponent + 1)
  }

  /// `0.5`, `200`, `10⁶`.
  private static func powerLabel(_ value: Double) -> String {
    if value < 1e5, value >= 1, let whole = Int(exactly: value.rounded()) {
      return HumanFormat.grouped(whole)
    }
    if value >= 1e-3, value < 1 { return HumanFormat.measured(value) }
    let exponent = Int((log10(value) + 1e-9).rounded(.down))
    let factor = Int(exactly: (value / power(1, Double(exponent))).rounded()) ?? 1
    return (factor == 1 ? "" : "\(factor) · ") + powerOfTen(exponent)
  }

  /// `10⁻⁴`.
  private static func powerOfTen(_ exponent: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    let power = String(exponent.magnitude).compactMap(\.wholeNumberValue).map { digits[$0] }
    return "10" + (exponent < 0 ? "⁻" : "") + String(power)
  }

  /// Returns factor · 10^exponent as exactly as possible: 3 / 10 is 0.3, 3 · 0.1 is not.
  private static func power(_ factor: Double, _ exponent: Double) -> Double {
    exponent < 0 ? factor / pow(10, -exponent) : factor * pow(10, exponent)
  }

  /// Returns count · step as exactly as possible: a step below 1 is one over a whole number.
  private static func multiple(_ count: Double, of step: Double) -> Double {
    step < 1 ? count / (1 / step).rounded() : count * step
  }

  private static func widened(_ range: ClosedRange<Double>) -> (Double, Double) {
    let (low, high) = (range.lowerBound, range.upperBound)
    guard low.isFinite, high.isFinite, (high - low).isFinite else { return (0, 1) }
    if high > low, high - low > 1e-12 * max(low.magnitude, high.magnitude) { return (low, high) }
    let half = low == 0 ? 1 : low.magnitude * 0.1
    return low == 0 ? (0, half) : (low - half, high + half)
  }
}
