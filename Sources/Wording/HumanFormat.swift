import Foundation

/// Formats quantities for people. Files and `--json` have the exact numbers.
public enum HumanFormat {
  /// `134.5 M`, `1.2 B`, `9,840`: exact below ten thousand, one decimal above.
  public static func count(_ value: Int) -> String {
    if value.magnitude < 10_000 { return grouped(value) }
    return scaled(Double(value), by: 1000, units: ["k", "M", "B", "T"], wholeFrom: .infinity)
  }

  /// `134,515,008`: every digit.
  public static func grouped(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    for index in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: index) }
    return (value < 0 ? "-" : "") + String(digits)
  }

  /// `523 MB`, `1.2 GB`, `812 bytes`: decimal units, as on disks.
  public static func bytes(_ value: Int) -> String {
    if value == 1 { return "1 byte" }
    if value.magnitude < 1000 { return "\(value) bytes" }
    return scaled(Double(value), by: 1000, units: ["kB", "MB", "GB", "TB"], wholeFrom: 10)
  }

  /// `340 ms`, `3.2 s`, `42 s`, `2 min 5 s`, `3 h 10 min`.
  public static func duration(seconds: Double) -> String {
    guard seconds.isFinite else { return "unknown" }
    if seconds < 0.9995 { return "\(Int((max(0, seconds) * 1000).rounded())) ms" }
    if seconds < 9.95 { return fixed(seconds, 1) + " s" }
    guard seconds < 1e12 else { return "unknown" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min" + (whole % 60 == 0 ? "" : " \(whole % 60) s") }
    let minutes = Int((seconds / 60).rounded())
    return "\(minutes / 60) h" + (minutes % 60 == 0 ? "" : " \(minutes % 60) min")
  }

  /// `82.2%`.
  public static func percent(_ fraction: Double) -> String { fixed(fraction * 100, 1) + "%" }

  /// Five significant digits at most: `25.615`, `0.00321`, `1.8e+06`.
  public static func measured(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "not a number" : value < 0 ? "-infinity" : "infinity" }
    return String(format: "%.5g", value)
  }

  /// `2.0e-05`: a learning rate.
  public static func scientific(_ value: Double) -> String { String(format: "%.1e", value) }

  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
  }

  /// Divides by `step` until the rounded number is below it: 999.96 k is 1.0 M, not 1000.0 k.
  private static func scaled(_ value: Double, by step: Double, units: [String], wholeFrom: Double) -> String {
    var shown = value / step
    var chosen = 0
    func decimals(_ number: Double) -> Int { number.magnitude >= wholeFrom - 0.05 ? 0 : 1 }
    func rounded(_ number: Double) -> Double {
      decimals(number) == 0 ? number.rounded() : (number * 10).rounded() / 10
    }
    while rounded(shown).magnitude >= step, chosen + 1 < units.count {
      shown /= step
      chosen += 1
    }
    return fixed(shown, decimals(shown)) + " " + units[chosen]
  }
}
