import Foundation

/// The day that `strftime_now` tells a template. It never comes from the clock, so the same input gives the same text.
public struct TemplateDate: Sendable, Equatable, CustomStringConvertible {
  public let year: Int
  public let month: Int
  public let day: Int

  /// 26 July 2024, which the templates of Llama 3.1 and 3.2 write where they know no other.
  public static let usual = TemplateDate(year: 2024, month: 7, day: 26)

  private init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// From `2025-01-31`; nil for what is no day.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2],
      text.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), year > 0, day > 0
    else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...12).contains(month), day <= days[month - 1] else { return nil }
    self.init(year: year, month: month, day: day)
  }

  public var description: String {
    String(format: "%04ld-%02ld-%02ld", year, month, day)
  }

  /// The day's midnight in the form of C's `strftime`, as Python's `datetime.strftime` gives it: without a time zone,
  /// with `%f` for microseconds. nil where the text would be longer than 4096 bytes.
  func formatted(_ format: String) -> String? {
    var plain = ""
    var isDirective = false
    for scalar in format.unicodeScalars {
      switch (isDirective, scalar) {
      case (true, "z"), (true, "Z"): plain.unicodeScalars.removeLast()
      case (true, "f"):
        plain.unicodeScalars.removeLast()
        plain += "000000"
      case (_, "\0"): return nil
      default: plain.unicodeScalars.append(scalar)
      }
      isDirective = !isDirective && scalar == "%"
    }
    if plain.isEmpty { return "" }
    guard plain.utf8.count <= 1024 else { return nil }
    var time = tm()
    time.tm_year = Int32(year - 1900)
    time.tm_mon = Int32(month - 1)
    time.tm_mday = Int32(day)
    // Fills in the day of the week and of the year.
    _ = timegm(&time)
    var buffer = [CChar](repeating: 0, count: 4097)
    // `strftime` returns 0 for an empty text and for too little room: the byte in front tells them apart.
    let length = strftime(&buffer, buffer.count, "." + plain, &time)
    guard length > 0 else { return nil }
    return String(decoding: buffer[1..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
