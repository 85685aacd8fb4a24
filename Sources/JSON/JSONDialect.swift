/// Which words stand for numbers that JSON has none for.
public enum JSONDialect: Sendable {
  /// None (RFC 8259): they are refused, and written as `null`.
  case standard
  /// NaN, Infinity and -Infinity, as Python's json module reads and writes them.
  case python
}
