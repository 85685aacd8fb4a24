import PluginRuntime
import Testing

@Suite("JSON")
struct JSONTests {
  @Test func keepsTheOrderOfKeysAndTellsIntegersFromNumbers() throws {
    let value = try JSONValue(
      parsing: #"{"z": 1, "a": [1.0, -2e3, true, null], "m": {"é": "\u00e9\n😀\ud83d\ude00"}}"#)
    #expect(value == ["z": 1, "a": [1.0, -2000.0, true, nil], "m": ["é": "é\n😀😀"]])
    #expect(value.compact == #"{"z":1,"a":[1.0,-2000.0,true,null],"m":{"é":"é\n😀😀"}}"#)
  }

  @Test func prettyIsReadAgainAsTheSame() throws {
    let value: JSONValue = ["a": [1, 2], "b": ["c": [["d": 0.1]], "e": [:]], "f": []]
    #expect(
      value.pretty == """
        {
          "a": [1, 2],
          "b": {
            "c": [
              {
                "d": 0.1
              }
            ],
            "e": {}
          },
          "f": []
        }

        """)
    #expect(try JSONValue(parsing: value.pretty) == value)
  }

  @Test(arguments: [0.1, 1e-300, 2.2250738585072014e-308, 1.7976931348623157e308, -0.0, 123456789.123456789])
  func numbersComeBackBitByBit(number: Double) throws {
    let back = try JSONValue(parsing: JSONValue.number(number).compact).numberValue
    #expect(back?.bitPattern == number.bitPattern)
  }

  @Test(
    "A mistake is told with line and column",
    arguments: [
      ("{\n  \"a\": 1,\n}", 3, 1, "expected a key in quotes, found '}'"),
      ("{\"a\": 1 \"b\": 2}", 1, 9, "expected ',' or '}', found '\"'"),
      ("{\"é\": tru}", 1, 7, "expected a value, found 't'"),
      ("[1, 2", 1, 6, "expected ',' or ']', found the end"),
      ("{\"a\": 1, \"a\": 2}", 1, 10, "the key \"a\" is given twice"),
      ("[01]", 1, 2, "a number does not start with 0"),
      ("[1.]", 1, 4, "expected a digit after the point, found ']'"),
      ("[1e999]", 1, 2, "1e999 is too large a number"),
      ("\"a\nb\"", 1, 3, "a line break or control character within a string"),
      ("\"abc", 1, 1, "the string that starts here does not end"),
      ("\"\\q\"", 1, 2, "an unknown escape"),
      ("\"\\ud800\"", 1, 2, "half of a surrogate pair"),
      ("1 2", 1, 3, "expected the end, found '2'"),
      ("", 1, 1, "expected a value, found the end"),
      ("// no", 1, 1, "expected a value, found '/'"),
    ])
  func mistakes(text: String, line: Int, column: Int, reason: String) {
    #expect(sentence { _ = try JSONValue(parsing: text) } == "line \(line), column \(column): \(reason)")
  }

  @Test func deepNestingIsRefusedRatherThanOverflowingTheStack() {
    let text = String(repeating: "[", count: 100_000)
    #expect(sentence { _ = try JSONValue(parsing: text) }.contains("nested deeper than 200 levels"))
  }

  @Test func bytesThatAreNotUTF8() {
    #expect(
      sentence { _ = try JSONValue(parsing: [0x22, 0x61, 0xFF, 0x22]) }
        == "line 1, column 3: this is not UTF-8 text")
  }
}
