import Foundation
import Wording

/// Where an axis has its marks: multiples of 1, 2 or 5 times a power of ten, as people choose them.
package struct Ticks: Equatable {
  /// Ascending; the first is at or below all values, the last at or above.
  package let values: [Double]
  /// Between two marks.
  package let step: Double
  /// From here on labels share a power of ten.
  private let longest: Double
  /// Marks are powers, each with the decimals that it needs.
  private let isPowers: Bool

  /// - Parameters:
  ///   - range: what the axis has to show; an empty one is widened.
  ///   - count: how many steps there should be at most, those not counted that only the ends are in.
  ///   - wholeOnly: for an axis that counts.
  ///   - longest: from this value on labels share a power of ten, since there is no room for them.
  package init(
    covering range: ClosedRange<Double>, about count: Int, wholeOnly: Bool = false, longest: Double = 1e7
  ) {
    self.longest = longest
    isPowers = false
    let (low, high) = Self.widened(range)
    var step = Self.step(atLeast: (high - low) / Double(max(1, count)))
    if wholeOnly { step = max(1, step) }
    let first = (low / step + 1e-9).rounded(.down)
    let last = (high / step - 1e-9).rounded(.up)
    // Beside numbers larger by 16 digits a step is lost, and beyond the largest there is none: then the ends are the
    // marks.
    guard last - first < 1000, first * step < last * step, (first * step).isFinite, (last * step).isFinite
    else {
      (values, self.step) = ([low, high], high - low)
      return
    }
    self.step = step
    values = (0...Int(last - first)).map { Self.multiple(first + Double($0), of: step) }
  }

  /// For an axis of powers: 1, 10, 100, …, with 2 and 5 between them where there are few, and never more than eight.
  /// - Parameter range: above zero.
  package init(powersCovering range: ClosedRange<Double>) {
    longest = .infinity
    isPowers = true
    let first = log10(range.lowerBound).rounded(.down)
    let last = max(first + 1, log10(range.upperBound).rounded(.up))
    guard first > -300, last < 300 else {
      (values, step) = ([1, 10], 9)
      return
    }
    let stride = max(1, ((last - first) / 7).rounded(.up))
    var marks: [Double] = []
    for index in 0...Int(((last - first) / stride).rounded(.up)) {
      let power = Self.power(1, first + Double(index) * stride)
      marks += last - first <= 2 ? [power, 2 * power, 5 * power] : [power]
    }
    // One mark outside of the range at each end.
    let start = marks.lastIndex { $0 <= range.lowerBound * (1 + 1e-9) } ?? 0
    let end = marks.firstIndex { $0 >= range.upperBound * (1 - 1e-9) } ?? marks.count - 1
    values = Array(marks[start...max(start, min(marks.count - 1, max(end, start + 1)))])
    step = 1
  }

  /// The least of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that isn't below `least`.
  package static func step(atLeast least: Double) -> Double {
    guard least.isFinite, least > 1e-300 else { return 1 }
    let exponent = log10(least).rounded(.down)
    for factor in [1.0, 2, 5] {
      let step = power(factor, exponent)
      if step >= least * (1 - 1e-9) { return step }
    }
    return power(1, exponent + 1)
  }

  /// The power of ten that all labels are to be multiplied with; 0 unless they would be long.
  private var exponent: Int {
    if isPowers { return 0 }
    let largest = values.map(\.magnitude).max() ?? 0
    guard largest >= longest || (largest > 0 && largest < 1e-3) else { return 0 }
    return Int(log10(largest).rounded(.down))
  }

  /// `10⁻⁴`, for the axis's name, where the labels have to be multiplied with it.
  package var factor: String? {
    exponent == 0 ? nil : Self.powerOfTen(exponent)
  }

  /// The marks' texts, all with the decimals that the step needs: `0.5`, `1.0`.
  package var labels: [String] {
    if isPowers { return values.map(Self.powerLabel) }
    let decimals = min(12, max(0, Int((Double(exponent) - log10(step) - 1e-9).rounded(.up))))
    return values.map { value in
      // Minus zero is none.
      let shown = value == 0 ? 0 : exponent == 0 ? value : value / pow(10, Double(exponent))
      if decimals == 0, let whole = Int(exactly: shown.rounded()) { return HumanFormat.grouped(whole) }
      return HumanFormat.fixed(shown, decimals)
    }
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

  /// factor · 10^exponent, as near as can be: 3 · 0.1 isn't 0.3, 3 / 10 is.
  private static func power(_ factor: Double, _ exponent: Double) -> Double {
    exponent < 0 ? factor / pow(10, -exponent) : factor * pow(10, exponent)
  }

  /// The same care with the marks: steps below 1 are one over a whole number.
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
