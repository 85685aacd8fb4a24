import Foundation
import JSON
import Testing

/// Plugins that are a stranger's: what their files say, where their constructors go, and how long they take.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct HostilePluginTests {
  private let scratch = Scratch()

  private static let pipeline = """
    {"stages": [
      {"stage": "prune", "criterion": "fixture.plugin", "allocator": "adapt-pruner.uniform", "target": 0.8,
       "iterations": 1},
      {"stage": "save"}]}
    """

  /// A model beside the plugin, so that all can be named by relative paths.
  private func placeModel() throws {
    let model = try SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40).write()
    try FileManager.default.moveItem(at: model, to: scratch.url.appendingPathComponent("model"))
  }

  // MARK: - What constructors do

  @Test func aConstructorThatGoesElsewhereMovesNothingOfTheRun() throws {
    try ConformanceTests.place("moves_folder", kind: "criterion", in: scratch)
    try placeModel()
    try scratch.write(Self.pipeline, to: "pipeline.json")
    let answer = try Program.call(
      [
        "run", "pipeline.json", "--model", "model", "--output", "run", "--plugin-path", "plugins", "--quiet",
      ], in: scratch, shell: "umask 022")
    #expect(answer.code == 0, "\(answer.error)")
    #expect(scratch.exists("run/model/model.safetensors"))
    // The constructor would have had everybody write to it.
    for name in ["run/run.json", "run/model/model.safetensors"] {
      let mode = try FileManager.default.attributesOfItem(atPath: scratch.path(name))[.posixPermissions]
      #expect((mode as? Int).map { $0 & 0o022 } == 0, "\(name)")
    }
  }

  @Test func aConstructorThatFlushesDenormalsChangesNoNumber() throws {
    try placeModel()
    func model(_ fixture: String) throws -> Data {
      try ConformanceTests.place(fixture, kind: "criterion", in: scratch)
      try scratch.write(Self.pipeline, to: "pipeline.json")
      let answer = try Program.call(
        [
          "run", "pipeline.json", "--model", "model", "--output", fixture, "--plugin-path", "plugins",
          "--quiet",
        ], in: scratch)
      #expect(answer.code == 0, "\(answer.error)")
      return try Data(contentsOf: URL(fileURLWithPath: scratch.path("\(fixture)/model/model.safetensors")))
    }
    #expect(try model("good") == model("flushes_denormals"))
  }

  // MARK: - What takes for ever

  @Test(arguments: [("hangs_in_loading", "load"), ("hangs_in_create", "create")])
  func aPluginThatHangsBeforeItsFirstCallIsEnded(fixture: String, function: String) throws {
    try ConformanceTests.place(fixture, kind: "criterion", in: scratch)
    try placeModel()
    try scratch.write(
      Self.pipeline.replacing(
        "\"stage\": \"prune\",",
        with: "\"stage\": \"prune\", \"isolate\": {\"load_time_limit_seconds\": 1.5},"),
      to: "pipeline.json")
    let answer = try Program.call(
      [
        "run", "pipeline.json", "--model", "model", "--output", "run", "--plugin-path", "plugins", "--quiet",
      ], in: scratch)
    #expect(answer.code == 1)
    #expect(
      answer.error.contains("fixture.plugin: \(function) did not end within its 1.5 s and was stopped."),
      "\(answer.error)")
  }

  @Test func aPluginThatHangsIsNotDescribed() throws {
    try ConformanceTests.place("hangs_in_loading", kind: "criterion", in: scratch)
    let answer = try Program.call(
      ["plugin", "describe", "fixture.plugin", "--plugin-path", scratch.path("plugins")], in: scratch)
    #expect(answer.code == 1 && answer.output == "")
    #expect(answer.error.contains("load did not end within its 10 s and was stopped."), "\(answer.error)")
  }

  // MARK: - What plugin.json says

  private static func entry(_ id: String, version: String = "1.0.0", summary: String = "x") -> String {
    #"{"id": "\#(id)", "kind": "criterion", "version": "\#(version)", "summary": "\#(summary)"}"#
  }

  private static func manifest(_ entries: [String]) -> String {
    #"{"library": "libx.so", "abi": {"major": 1, "minor": 0}, "plugins": [\#(entries.joined(separator: ","))]}"#
  }

  /// Each is a warning that names its file, and stops no other plugin.
  @Test(arguments: [
    (manifest((0..<1001).map { entry("a.p\($0)") }), "plugins has 1001 entries; one library may hold 1000"),
    (String(repeating: " ", count: 1 << 20) + "{}", "has 1048578 bytes, and may have 1048576"),
    (manifest([entry("a.b", summary: String(repeating: "x", count: 5000))]), "summary has 5000 bytes"),
    (manifest([entry("a.b", version: #"1\u001b[2J"#)]), #"version has control characters: "1\u001b[2J""#),
    (String(repeating: "[", count: 100_000), "nested deeper than 200 levels"),
    ("{\"\u{1B}]0;title\u{7}\": 1}", "a line break or control character within a string"),
    ("{\"\u{202E}library\": 1}", #"unknown key "\u202elibrary""#),
    ("{\"\(String(repeating: "k", count: 9000))\": 1}", "kkkk…"),
  ])
  func aPluginFileThatIsWrongIsAShortWarning(text: String, sentence: String) throws {
    try scratch.write(text, to: "plugins/bad/plugin.json")
    let answer = try Program.call(["plugin"], in: scratch, plugins: [scratch.path("plugins")])
    #expect(answer.code == 0)
    #expect(answer.error.contains(sentence), "\(answer.error)")
    #expect(answer.error.hasPrefix("adapt-pruner: warning: \(scratch.path("plugins/bad/plugin.json"))"))
    #expect(answer.error.utf8.count < 2500)
    #expect(!Self.hasControls(answer.error))
    #expect(answer.output.contains("adapt-pruner.taylor"))
  }

  @Test func aNamedPipeIsNoPluginFile() throws {
    try scratch.write("", to: "plugins/bad/x")
    try #require(mkfifo(scratch.path("plugins/bad/plugin.json"), 0o600) == 0)
    let answer = try Program.call(["plugin"], in: scratch, plugins: [scratch.path("plugins")])
    #expect(answer.code == 0 && answer.error.contains("plugin.json: is no regular file"), "\(answer.error)")
  }

  @Test func aNamedPipeIsNoLibrary() throws {
    try ConformanceTests.place("good", kind: "criterion", in: scratch)
    try FileManager.default.removeItem(atPath: scratch.path("plugins/libfixture.so"))
    try #require(mkfifo(scratch.path("plugins/libfixture.so"), 0o600) == 0)
    let answer = try Program.call(
      ["plugin", "describe", "fixture.plugin", "--plugin-path", "plugins"], in: scratch)
    #expect(answer.code == 1)
    #expect(answer.error.contains("could not be loaded: it is no regular file"), "\(answer.error)")
  }

  @Test func manyBrokenFilesAreAFewWarnings() throws {
    for index in 0..<40 { try scratch.write("{", to: "plugins/p\(index)/plugin.json") }
    let answer = try Program.call(["plugin"], in: scratch, plugins: [scratch.path("plugins")])
    #expect(answer.code == 0)
    #expect(answer.error.split(separator: "\n").count == 11)
    #expect(answer.error.hasSuffix("30 more of the plugin.json files cannot be used\n"))
  }

  // MARK: - What is shown

  @Test func theListFitsAHundredColumnsWhateverPluginsSay() throws {
    let long = Self.entry(
      "a.b", version: String(repeating: "1", count: 300), summary: String(repeating: "w", count: 900))
    try scratch.write(Self.manifest([long]), to: "plugins/plugin.json")
    let answer = try Program.call(["plugin"], in: scratch, plugins: [scratch.path("plugins")])
    let table = answer.output.split(separator: "\n").prefix { !$0.hasPrefix("Their folders") }
    #expect(table.count > 20)
    #expect(table.allSatisfy { $0.count <= 100 }, "\(answer.output)")
    #expect(answer.output.contains("How far a layer or a sublayer turns"))
  }

  /// What steers a terminal stands in a model's configuration, in names of its tensors and in a pipeline.
  @Test func textOfFilesDoesNotReachATerminalAsItIs() throws {
    try placeModel()
    let evil = #"\u001b]0;owned\u0007\u202e\u200b\u009b31m"#
    let file = scratch.url.appendingPathComponent("model/config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacing("\"llama\"", with: "\"\(evil)\"").write(to: file, atomically: true, encoding: .utf8)
    let inspected = try Program.call(["inspect", "model"], in: scratch)
    #expect(inspected.code == 1 && inspected.error.contains(#"\u001b]0;owned\u0007\u202e\u200b\u009b31m"#))
    #expect(!Self.hasControls(inspected.error), "\(inspected.error)")

    try scratch.write(
      "{\"stages\": [{\"stage\": \"\(evil)\", \"\(evil)\": 1}], \"\(evil)\": 2}", to: "pipeline.json")
    for arguments in [["validate", "pipeline.json"], ["validate", "pipeline.json", "--json"]] {
      let said = try Program.call(arguments, in: scratch)
      #expect(said.code == 1)
      #expect(!Self.hasControls(said.error + said.output), "\(said.error)\(said.output)")
      if arguments.count == 3 { #expect(try JSONValue(parsing: said.output)["valid"] == false) }
    }
  }

  private static func hasControls(_ text: String) -> Bool {
    text.unicodeScalars.contains {
      $0 != "\n" && [.control, .format, .lineSeparator].contains($0.properties.generalCategory)
    }
  }

  // MARK: - What plugin check is given, and says

  @Test func anEvaluatorOfTwoTextsIsCheckedWithItsOwn() throws {
    try ConformanceTests.place("two_texts", kind: "evaluator", in: scratch)
    let without = try check()
    #expect(without.code == 1)
    #expect(without.output.contains("the answer is not twice as long as the question"), "\(without.output)")
    // Said once, although every check would find it.
    #expect(without.output.split(separator: "\n").count { $0.contains("not twice as long") } == 1)
    #expect(without.output.contains("1 failed") && without.output.contains("not made"))

    try scratch.write("abcd", to: "plugins/test/question.txt")
    try scratch.write("[[7, 200000, 3, 2, 1, 0, 1, 2]]", to: "plugins/test/answer.json")
    let file = scratch.path("plugins/plugin.json")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    func withOptions(_ options: String) throws {
      try text.replacing(
        "\"summary\": \"A fixture.\"",
        with: "\"summary\": \"A fixture.\", \"check\": {\"options\": \(options)}"
      ).write(toFile: file, atomically: true, encoding: .utf8)
    }
    try withOptions(
      #"{"question": "test/question.txt", "answer": {"path": "test/answer.json", "format": "ids"}}"#)
    let with = try check()
    #expect(with.code == 0, "\(with.output)")

    try withOptions(#"{"question": "test/nowhere.txt", "answer": "test/answer.json"}"#)
    let missing = try check()
    #expect(missing.code == 1)
    #expect(
      missing.output.contains(
        "check.options.question: there is no file \(scratch.path("plugins/test/nowhere.txt"))"),
      "\(missing.output)")

    try withOptions(#"{"question": "test/question.txt", "answer": "test/answer.json", "quesiton": 1}"#)
    let unknown = try check()
    #expect(unknown.code == 1 && unknown.output.contains("quesiton: there is no such option."))
  }

  private func check() throws -> Program.Answer {
    try Program.call(["plugin", "check", "plugins", "--strictness", "10"], in: scratch)
  }
}
