import Report
import Testing

@Suite("Axes")
struct AxisTests {
  @Test(
    "marks are multiples of 1, 2 or 5 times a power of ten",
    arguments: [
      (0.0...10.0, 5, [0.0, 2, 4, 6, 8, 10], ["0", "2", "4", "6", "8", "10"]),
      (3.2...4.4, 5, [3, 3.5, 4, 4.5], ["3.0", "3.5", "4.0", "4.5"]),
      (0...0.3, 3, [0, 0.1, 0.2, 0.3], ["0.0", "0.1", "0.2", "0.3"]),
      (-1...1, 4, [-1, -0.5, 0, 0.5, 1], ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
      (
        0.0...0.0001, 5, [0, 0.00002, 0.00004, 0.00006, 0.00008, 0.0001],
        ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
      ),
      (
        0...2_000_000, 4, [0, 500_000, 1_000_000, 1_500_000, 2_000_000],
        ["0", "500,000", "1,000,000", "1,500,000", "2,000,000"]
      ),
      (0...40_000_000, 4, [0, 1e7, 2e7, 3e7, 4e7], ["0", "1", "2", "3", "4"]),
    ])
  func marks(range: ClosedRange<Double>, count: Int, values: [Double], labels: [String]) {
    let ticks = Ticks(covering: range, about: count)
    #expect(ticks.values == values)
    #expect(ticks.labels == labels)
  }

  @Test("a power of ten that labels share stands in the axis's name instead")
  func factor() {
    #expect(Ticks(covering: 0...0.0001, about: 5).factor == "10⁻⁴")
    #expect(Ticks(covering: 0...40_000_000, about: 4).factor == "10⁷")
    #expect(Ticks(covering: 0...3e-12, about: 3).factor == "10⁻¹²")
    #expect(Ticks(covering: 0...2_000_000, about: 4).factor == nil)
    #expect(Ticks(covering: 0...200_000, about: 2, longest: 1e5).labels == ["0", "1", "2"])
    #expect(Ticks(covering: 0.00018...0.00022, about: 4).labels == ["1.8", "1.9", "2.0", "2.1", "2.2"])
  }

  @Test(
    "a step is the least of 1, 2, 5 and their tenfolds that is enough",
    arguments: [
      (0.3, 0.5), (1, 1), (1.01, 2), (2.5, 5), (6, 10), (0.011, 0.02), (700, 1000), (0, 1), (.infinity, 1),
    ])
  func steps(least: Double, step: Double) { #expect(Ticks.step(atLeast: least) == step) }

  @Test("an axis that counts has no half steps")
  func wholeSteps() {
    #expect(Ticks(covering: 1...3, about: 5, wholeOnly: true).values == [1, 2, 3])
    #expect(Ticks(covering: 1...45, about: 5, wholeOnly: true).values == [0, 10, 20, 30, 40, 50])
  }

  @Test("one value has an axis around it, of a tenth each way")
  func oneValue() {
    #expect(Ticks(covering: 5...5, about: 5).values == [4.4, 4.6, 4.8, 5, 5.2, 5.4, 5.6])
    #expect(Ticks(covering: 0...0, about: 5).values == [0, 0.2, 0.4, 0.6, 0.8, 1])
  }

  @Test(
    "what can't be an axis is one all the same",
    arguments: [-Double.infinity...0, 0...Double.greatestFiniteMagnitude, -1e308...1e308])
  func extremes(range: ClosedRange<Double>) {
    let ticks = Ticks(covering: range, about: 5)
    #expect(ticks.values.count >= 2 && ticks.values.count <= 10)
    #expect(ticks.values.allSatisfy { $0.isFinite })
    #expect(ticks.labels.count == ticks.values.count)
  }

  @Test("a scale is a straight line, also upwards, and puts an empty domain in the middle")
  func scale() {
    #expect(Scale(domain: 0...10, start: 100, end: 0).place(2.5) == 75)
    #expect(Scale(domain: -1...1, start: 84, end: 626).place(0) == 355)
    #expect(Scale(domain: 3...3, start: 10, end: 20).place(3) == 15)
  }

  @Test(
    "places are written with two decimals at most",
    arguments: [
      (3.0, "3"), (12.3, "12.3"), (12.344, "12.34"), (0.05, "0.05"), (1.999, "2"), (-0.5, "-0.5"),
      (-12.25, "-12.25"),
      (0.001, "0"), (-0.001, "0"), (.nan, "0"), (.infinity, "0"),
    ])
  func coordinates(value: Double, text: String) { #expect(Coordinate.text(value) == text) }
}
