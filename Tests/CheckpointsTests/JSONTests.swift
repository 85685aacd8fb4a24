import Checkpoints
import Testing

@Suite("JSON")
struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue {
    try Array(text.utf8).withUnsafeBytes { bytes in try JSONValue.parse(bytes) }
  }

  @Test("is read as RFC 8259 says, whole numbers apart from others")
  func values() throws {
    #expect(
      try parse(" [1, -2, 3.5, 1e3, true, false, null, \"\"] ")
        == .array([
          .integer(1), .integer(-2), .real(3.5), .real(1000), .bool(true), .bool(false), .null, .string(""),
        ]))
    #expect(try parse(#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀""#) == .string("a\"\\/\u{8}\u{c}\n\r\té😀é😀"))
    #expect(try parse("9223372036854775808") == .real(9_223_372_036_854_775_808))
    guard case .object(let members) = try parse(#"{"b": 1, "a": {"c": []}}"#) else {
      return #expect(Bool(false))
    }
    #expect(members.keys.elements == ["b", "a"])
  }

  @Test(
    "that is none is refused",
    arguments: [
      "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "tru", "01x", "+1", "-", "1.2.3", "\"", "\"\\x\"",
      "\"\\u12\"",
      "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\u{1}\"", "[1] 2", "{\"a\":1,\"a\":2}", "\"\\u+123\"",
    ])
  func refused(text: String) {
    #expect(throws: JSONProblem.self) { try parse(text) }
  }

  @Test("is written so that it is read back")
  func written() throws {
    for text in [
      #"{"a": [1, 2.5, "é\n\u0001\"\\"], "b": {}, "c": [{"d": null}, []], "e": 1e-06, "f": 1e22}"#, "[]", "3",
    ] {
      let value = try parse(text)
      #expect(try parse(value.text) == value)
    }
    #expect(
      try parse(#"{"a":[1,2],"b":{"c":true}}"#).text
        == "{\n  \"a\": [1, 2],\n  \"b\": {\n    \"c\": true\n  }\n}")
  }
}
