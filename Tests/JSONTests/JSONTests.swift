import JSON
import Testing

@Suite("JSON")
struct JSONTests {
  @Test func keepsTheOrderOfKeysAndTellsIntegersFromNumbers() throws {
    let value = try JSONValue(
      parsing: #"{"z": 1, "a": [1.0, -2e3, true, null], "m": {"é": "\u00e9\n😀\ud83d\ude00"}}"#)
    #expect(value == ["z": 1, "a": [1.0, -2000.0, true, nil], "m": ["é": "é\n😀😀"]])
    #expect(value.compact == #"{"z":1,"a":[1.0,-2000.0,true,null],"m":{"é":"é\n😀😀"}}"#)
  }

  @Test func everyEscapeIsReadAndWritten() throws {
    let text = try JSONValue(parsing: #""a\"\\\/\b\f\n\r\t\u0001\u00e9\ud83d\ude00é😀""#)
    #expect(text == "a\"\\/\u{8}\u{c}\n\r\t\u{1}é😀é😀")
    #expect(text.compact == #""a\"\\/\b\f\n\r\t\u0001é😀é😀""#)
  }

  @Test func aWholeNumberTooLargeForAnIntegerIsANumber() throws {
    #expect(try JSONValue(parsing: "9223372036854775807") == .integer(.max))
    #expect(try JSONValue(parsing: "9223372036854775808") == .number(9_223_372_036_854_775_808))
  }

  @Test("Keys that are only canonically equivalent stay apart", arguments: [0, 20])
  func canonicalEquivalents(others: Int) throws {
    let more = (0..<others).map { ", \"\($0)\": null" }.joined()
    let object = try #require(try JSONValue(parsing: #"{"\u00c5": 0, "\u212b": 1\#(more)}"#).objectValue)
    #expect(object.count == 2 + others)
    #expect(object["\u{c5}"] == 0)
    #expect(object["\u{212b}"] == 1)
    #expect(object["A\u{30a}"] == nil)
    #expect(object != JSONObject(object.members.reversed().map { ($0.key, $0.value) }))
  }

  @Test(arguments: 1...20)
  func membersAreFoundByKeyHoweverManyThereAre(count: Int) throws {
    var object = JSONObject((0..<count).map { ("key \($0)", .integer($0)) })
    object["key 0"] = "again"
    #expect(object.keys == (0..<count).map { "key \($0)" })
    #expect((0..<count).allSatisfy { object["key \($0)"] == ($0 == 0 ? "again" : .integer($0)) })
    for removed in 0..<count {
      object["key \(removed)"] = nil
      #expect(object.keys == (removed + 1..<count).map { "key \($0)" })
      #expect((0..<count).allSatisfy { (object["key \($0)"] == nil) == ($0 <= removed) })
    }
  }

  @Test func pythonsWordsForNumbersThatAreNoneAreReadOnlyOnDemand() throws {
    let text = "[NaN,Infinity,-Infinity,-1]"
    let value = try JSONValue(parsing: text, .python)
    #expect(value.arrayValue?[0].numberValue?.isNaN == true)
    #expect(value.arrayValue?.dropFirst() == [.number(.infinity), .number(-.infinity), -1])
    #expect(value.text(.compact, .python) == text)
    #expect(value.compact == "[null,null,null,-1]")
    for word in ["NaN", "Infinity"] {
      #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: word) }
    }
    #expect(sentence("-Infinity") == "line 1, column 2: expected a digit, found 'I'")
  }

  @Test func anElementALineIsHowTokenizersAreSaved() throws {
    let value: JSONValue = ["a": [1, []], "b": [:]]
    #expect(value.text(.elementALine) == "{\n  \"a\": [\n    1,\n    []\n  ],\n  \"b\": {}\n}")
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
      ("\"\\ud800\\u0041\"", 1, 2, "half of a surrogate pair"),
      ("\"\\u12\"", 1, 4, "expected four hexadecimal digits after \\u"),
      ("\"\\u+123\"", 1, 4, "expected four hexadecimal digits after \\u"),
      ("tru", 1, 1, "expected a value, found 't'"),
      ("+1", 1, 1, "expected a value, found '+'"),
      ("1.2.3", 1, 4, "expected the end, found '.'"),
      ("{\"a\" 1}", 1, 6, "expected ':' after the key \"a\", found '1'"),
      ("1 2", 1, 3, "expected the end, found '2'"),
      ("", 1, 1, "expected a value, found the end"),
      ("// no", 1, 1, "expected a value, found '/'"),
    ])
  func mistakes(text: String, line: Int, column: Int, reason: String) {
    #expect(sentence(text) == "line \(line), column \(column): \(reason)")
  }

  @Test func deepNestingIsRefusedRatherThanOverflowingTheStack() {
    let text = String(repeating: "[", count: 100_000)
    #expect(sentence(text).contains("nested deeper than 200 levels"))
  }

  @Test func bytesThatAreNotUTF8() {
    let error = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0x61, 0xFF, 0x22]) }
    #expect(error?.description == "line 1, column 3: this is not UTF-8 text")
  }

  private func sentence(_ text: String) -> String {
    do {
      return "no mistake: \(try JSONValue(parsing: text).compact)"
    } catch {
      return error.description
    }
  }
}
