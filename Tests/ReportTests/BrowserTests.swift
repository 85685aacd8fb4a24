import Foundation
import Report
import Testing

/// A Chromium and a Python of this machine, and the script that looks at a page with them.
enum Browser {
  static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("scripts/check-report.py").path
  static let missing: Comment = "Skipped: there is no Chromium here, or no python3 to speak to it"

  static let isHere =
    (try? run(["-c", "import browser, sys; sys.exit(browser.installed() is None)"]))?.code == 0

  static func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-B"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging([
      "PYTHONPATH": URL(fileURLWithPath: script).deletingLastPathComponent().path
    ]) { _, new in new }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}

/// What a browser makes of the pages: wide and narrow, light and dark, with a pointer, with keys and without JavaScript.
/// What is looked for stands at the head of `scripts/check-report.py`.
@Suite("Pages in a browser", .enabled(if: Browser.isHere, Browser.missing))
struct BrowserTests {
  @Test(
    "nothing is wrong with the page of a run, and with that of a comparison of more methods than there are colours"
  )
  func nothingToMend() throws {
    let run = try RunCopy()
    let folder = try ComparisonFolder()
    let names = try folder.writeMethods(12, targets: [0.9, 0.8])
    try folder.writeRecord(
      names,
      more:
        ", \"samples\": [{\"run\": null, \"prompt\": \"Once\", \"text\": \"upon\", \"maximum_tokens\": 8}]")
    let found = try Browser.run([
      Browser.script, try RunReport.write(of: run.path), try ComparisonReport.write(of: folder.path),
    ])
    #expect(found.text == "check-report: nothing to mend\n")
    #expect(found.code == 0)
  }

  @Test("what is wrong with a page is found and named")
  func findsWhatIsWrong() throws {
    let folder = try ComparisonFolder()
    try folder.writeRecord(try folder.writeMethods(3, targets: [0.9, 0.8]))
    var html = try ComparisonReport.page(of: folder.path).html
    for (old, new) in [
      ("class=\"mark c2 m2\"", "class=\"mark c1 m1\""), ("class=\"curve c2 d2\"", "class=\"curve c1 d1\""),
      ("<h3>", "<h5>"), ("</h3>", "</h5>"), ("</main>", "<p style=\"width: 2000px\">wide</p></main>"),
      ("</body>", "<script>undefinedName()</script></body>"), ("--soft: #5c646d", "--soft: #cccccc"),
    ] {
      #expect(html.contains(old))
      html = html.replacingOccurrences(of: old, with: new)
    }
    try folder.write(html, to: "wrong.html")
    let found = try Browser.run([Browser.script, folder.path + "/wrong.html"])
    #expect(found.code == 1)
    for sentence in [
      "two curves have the same colour and dashes and mark", "skips a level",
      "pixels wide on a screen of 390",
      "ReferenceError: undefinedName is not defined", "stands out by 1.6 only",
    ] { #expect(found.text.contains(sentence), "\(sentence): \(found.text)") }
  }
}
