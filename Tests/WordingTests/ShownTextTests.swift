import Testing
import Wording

/// Which characters are meant: Unicode's categories Cc, Cf, Zl, Zp (Unicode 16, chapter 4), and UAX #9 for directions.
@Suite("Text that is shown")
struct ShownTextTests {
  @Test(arguments: [
    ("\u{1B}[31mred", #"\u001b[31mred"#), ("\u{9B}31m", #"\u009b31m"#), ("a\u{7F}b", #"a\u007fb"#),
    ("\u{202E}txt.exe", #"\u202etxt.exe"#), ("a\u{2066}b\u{2069}", #"a\u2066b\u2069"#),
    ("\u{200B}\u{200D}\u{2060}\u{FEFF}\u{AD}", #"\u200b\u200d\u2060\ufeff\u00ad"#),
    ("\u{2028}\u{2029}", #"\u2028\u2029"#), ("\u{E0041}", #"\udb40\udc41"#),
    ("a\r\nb\tc", #"a\u000d\u000ab\u0009c"#),
    ("Grüße, 東京 – λ 🙂", "Grüße, 東京 – λ 🙂"), ("plain", "plain"),
  ])
  func hidesNothing(text: String, shown: String) {
    #expect(ShownText.value(text) == shown)
    #expect(ShownText.oneLine(text) == shown)
  }

  @Test func valuesAreCutByScalars() {
    #expect(ShownText.value(String(repeating: "x", count: 200)) == String(repeating: "x", count: 200))
    #expect(ShownText.value(String(repeating: "x", count: 201)) == String(repeating: "x", count: 200) + "…")
    // One character, as Swift counts.
    let stacked = "e" + String(repeating: "\u{301}", count: 10_000)
    #expect(ShownText.value(stacked).unicodeScalars.count == 201)
    #expect(ShownText.lines(stacked).unicodeScalars.count == 201)
  }

  @Test func linesKeepTheirBreaksAndPathsAndLoseWhatNobodyReads() {
    #expect(ShownText.lines("one\n  two\n") == "one\n  two\n")
    #expect(ShownText.lines("a\u{1B}[0m\nb\r\n") == "a\\u001b[0m\nb\\u000d\n")
    let path = "/" + String(repeating: "folder/", count: 100)
    #expect(ShownText.lines("no file \(path) here") == "no file \(path) here")
    let word = String(repeating: "k", count: 5000)
    #expect(
      ShownText.lines("key \(word) is unknown") == "key \(String(repeating: "k", count: 200))… is unknown")
    let many = ShownText.lines("first " + String(repeating: "word ", count: 5000) + "last")
    #expect(many.hasPrefix("first word") && many.hasSuffix("word last") && many.count < 2100)
  }

  @Test func resultsKeepAllButWhatSteersATerminal() {
    #expect(ShownText.withoutControls("a\tb\n\u{1B}[2Jc\r\u{202E}d👩‍🚀") == "a\tb\n[2Jcd👩‍🚀")
  }

  @Test func cellsAreAlignedAsTheyAreShown() {
    var table = TextTable([.init("name"), .init("value", .right)])
    table.add(["a\u{1B}b", "1"])
    table.add(["c", "22"])
    #expect(table.plain == "name      value\na\\u001bb      1\nc            22\n")
    #expect(table.plain(width: 8) == "name   …\na\\u001b…\nc      …\n")
  }
}
