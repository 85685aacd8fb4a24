import Foundation
import JSON
import PluginRuntime
import Testing

/// The program as its users call it. It is built with the tests, beside them.
private enum Program {
  struct Answer {
    let code: Int32
    let output: String
    let error: String
  }

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  static let path: String? = {
    let folders = [ProcessInfo.processInfo.environment["ADAPT_PRUNER_BIN"], root + "/.build/release"]
    return folders.compactMap { $0.map { $0 + "/adapt-pruner" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// Where the build put the plugins' libraries.
  private static var libraries: String { ((path ?? "") as NSString).deletingLastPathComponent }

  static var hasPlugins: Bool { FileManager.default.fileExists(atPath: libraries + "/libMagnitude.so") }

  /// A folder in which each shipped plugin has its plugin.json and its library side by side.
  static func linkPlugins(in folder: TemporaryFolder) throws -> String {
    let files = FileManager.default
    let place = folder.path + "/plugins"
    for name in try files.contentsOfDirectory(atPath: root + "/Plugins") {
      let manifest = "\(root)/Plugins/\(name)/plugin.json"
      guard files.fileExists(atPath: manifest) else { continue }
      try files.createDirectory(atPath: "\(place)/\(name)", withIntermediateDirectories: true)
      try files.createSymbolicLink(atPath: "\(place)/\(name)/plugin.json", withDestinationPath: manifest)
      try files.createSymbolicLink(
        atPath: "\(place)/\(name)/lib\(name).so", withDestinationPath: "\(libraries)/lib\(name).so")
    }
    return place
  }

  static func call(_ arguments: String..., in folder: TemporaryFolder) throws -> Answer {
    try call(arguments, in: folder)
  }

  static func call(_ arguments: [String], in folder: TemporaryFolder) throws -> Answer {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path ?? "")
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.environment = ["HOME": folder.path]
    // Files, since a full pipe would stop the program while the test reads the other one.
    let output = try folder.write("stdout", "")
    let error = try folder.write("stderr", "")
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: error))
    try process.run()
    process.waitUntilExit()
    return Answer(
      code: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8),
      error: try String(contentsOfFile: error, encoding: .utf8))
  }
}

@Suite(.enabled(if: Program.path != nil, "the program is not built"))
struct CommandLineTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("good.json", "{\"stages\": [{\"stage\": \"save\"}]}")
    try folder.write("bad.json", "{\"stages\": [{\"stage\": \"sav\"}], \"sead\": 3}")
  }

  @Test func helpIsAskedForAndIsNoError() throws {
    let answer = try Program.call("--help", in: folder)
    #expect(answer.code == 0)
    #expect(answer.output.contains("SUBCOMMANDS"))
    #expect(answer.error == "")
  }

  @Test func aGoodPipelineIsShownOnStdout() throws {
    let answer = try Program.call("validate", "good.json", "--set", "stages.save.type=float16", in: folder)
    #expect(answer.code == 0)
    #expect(answer.output.contains("saves the model as float16 in model"))
    #expect(answer.error == "")
  }

  @Test func aBadPipelineFailsWithEveryProblemOnStderr() throws {
    let answer = try Program.call("validate", "bad.json", in: folder)
    #expect(answer.code == 1)
    #expect(answer.output == "")
    #expect(
      answer.error == """
        adapt-pruner: bad.json: sead: unknown key; did you mean "seed"?
        adapt-pruner: bad.json: stages[0].stage: "sav" is a string, expected "evaluate" or "prune" or "transform" or \
        "train" or "save" or "repeat"; did you mean "save"?

        """)
  }

  @Test func problemsAreJSONForPrograms() throws {
    let answer = try Program.call("validate", "bad.json", "--json", "--seed", "7", in: folder)
    #expect(answer.code == 1)
    #expect(answer.error == "")
    let report = try JSONValue(parsing: answer.output)
    #expect(report["valid"] == false)
    #expect(report["problems"]?.arrayValue?.first?["path"] == "sead")
    let good = try Program.call("validate", "good.json", "--json", "--seed", "7", in: folder)
    #expect(good.code == 0)
    #expect(try JSONValue(parsing: good.output)["manifest"]?["seed"] == 7)
  }

  @Test func wrongCallsEndWithTwo() throws {
    for arguments in [
      ["prune"], ["validate"], ["validate", "good.json", "--set", "seed"], ["plugin", "--loud"],
    ] {
      let answer = try Program.call(arguments, in: folder)
      #expect(answer.code == 2, "\(arguments)")
      // As compilers begin: who speaks, and then a sentence.
      #expect(answer.error.hasPrefix("adapt-pruner: "), "\(answer.error)")
      #expect(!answer.error.contains("Error:"), "\(answer.error)")
      #expect(answer.output == "", "\(arguments)")
    }
  }

  @Test(arguments: [
    (["prune", "good.json"], 2, "there is no command \"prune\"; did you mean \"adapt-pruner run\"?"),
    (["eval", "good.json"], 2, "did you mean \"adapt-pruner evaluate\"?"),
    (["validat", "good.json"], 2, "did you mean \"validate\"?"),
    (["validate", "good"], 1, "there is no such file; did you mean good.json?"),
    (["validate", "stages.yaml"], 1, "this looks like YAML, and pipelines are JSON"),
    (["validate", "bare"], 1, "this looks like YAML, and pipelines are JSON"),
    (["validate", "stages.toml"], 1, "this looks like TOML, and pipelines are JSON"),
    (["validate", "folder"], 1, "this is a folder, expected a pipeline, which is a JSON file"),
    (["validate", "broken.json"], 1, "broken.json:1:"),
    (
      ["inspect", "HuggingFaceTB/SmolLM2-135M"], 1,
      "fetch it with \"hf download HuggingFaceTB/SmolLM2-135M --local-dir FOLDER\""
    ),
    (
      ["inspect", "https://huggingface.co/Qwen/Qwen3-0.6B/tree/main"], 1,
      "\"hf download Qwen/Qwen3-0.6B --local"
    ),
    (
      ["run", "good.json", "--model", "x", "--output", "y", "--threads", "100000"], 2,
      "--threads 100000: expected 1 to"
    ),
  ])
  func whatWasMeantIsSaid(_ arguments: [String], _ code: Int32, _ sentence: String) throws {
    try folder.write("stages.yaml", "# a pipeline\nstages:\n  - stage: save\n")
    try folder.write("bare", "- stage: save\n")
    try folder.write("stages.toml", "[[stages]]\nstage = \"save\"\n")
    try folder.write("broken.json", "{\"stages\": [}")
    try folder.write("folder/file", "")
    let answer = try Program.call(arguments, in: folder)
    #expect(answer.code == code)
    #expect(answer.error.hasPrefix("adapt-pruner: "), "\(answer.error)")
    #expect(answer.error.contains(sentence), "\(answer.error)")
    #expect(!answer.error.contains("YAML") || sentence.contains("YAML"), "\(answer.error)")
  }

  @Test("a setting that does not fit one of the pipelines is told with that pipeline")
  func settings() throws {
    try folder.write("other.json", "{\"stages\": [{\"stage\": \"save\", \"name\": \"last\"}]}")
    let answer = try Program.call(
      "compare", "good.json", "other.json", "--model", "m", "--output", "o", "--set",
      "stages.last.type=float16",
      in: folder)
    #expect(answer.code == 1)
    #expect(
      answer.error.contains(
        "good.json, with --set stages.last.type=float16: stages: there is no stage \"last\""),
      "\(answer.error)")
    #expect(answer.error.contains("this one fits other.json"), "\(answer.error)")
    #expect(!answer.error.contains("other.json, with"), "\(answer.error)")
  }

  @Test func aFolderWithoutARunHasNoReport() throws {
    try folder.write("empty/readme", "")
    let answer = try Program.call("report", "empty", in: folder)
    #expect(answer.code == 1)
    #expect(answer.output == "")
    #expect(
      answer.error.hasPrefix("adapt-pruner: empty holds no run that can be reported: run.json is missing."),
      "\(answer.error)")
  }

  @Test func aPluginThatIsNotThereIsToldWithThePlacesSearched() throws {
    try folder.write("empty/readme", "")
    let answer = try Program.call(
      "plugin", "describe", "stranger.taylor", "--plugin-path", folder.path + "/empty", in: folder)
    #expect(answer.code == 1)
    #expect(answer.output == "")
    #expect(answer.error.contains("stranger.taylor"))
    #expect(answer.error.contains(folder.path + "/empty"))
  }

  /// The shipped pipelines with the shipped plugins, so that neither can change its options alone.
  @Test(.enabled(if: Program.hasPlugins, "the plugins are not built"), arguments: SchemaTests.names)
  func shippedPipelinesWantTheirInputsAlone(name: String) throws {
    try folder.write("text.txt", "text")
    let pipeline = "\(Program.root)/pipelines/\(name).json"
    let document = try JSONValue(parsing: String(contentsOfFile: pipeline, encoding: .utf8))
    #expect(document["name"] == .string(name))
    let plugins = ["--plugin-path", try Program.linkPlugins(in: folder)]
    let inputs = try #require(document["inputs"]?.objectValue?.keys)
    let without = try Program.call(["validate", pipeline] + plugins, in: folder)
    #expect(without.code == 1)
    for input in inputs { #expect(without.error.contains("--set inputs.\(input)=")) }

    let arguments = ["validate", pipeline, "--json"] + inputs.flatMap { ["--set", "inputs.\($0)=text.txt"] }
    let answer = try Program.call(arguments + plugins, in: folder)
    #expect(answer.code == 0, "\(answer.output)\(answer.error)")
    let stages = try JSONValue(parsing: answer.output)["manifest"]?["stages"]?.arrayValue
    #expect(stages?.count == document["stages"]?.arrayValue?.count)
    // So that the result can be compared with what went in, and is kept.
    #expect(stages?.first?["name"] == "before")
    #expect(stages?.dropLast().last?["name"] == "after" && stages?.last?["stage"] == "save")
  }

  @Test(.enabled(if: Program.hasPlugins, "the plugins are not built"))
  func thePluginsAreListedAndDescribed() throws {
    let plugins = try Program.linkPlugins(in: folder)
    let answer = try Program.call("plugin", "--json", "--plugin-path", plugins, in: folder)
    #expect(answer.code == 0)
    let list = try #require(try JSONValue(parsing: answer.output)["plugins"]?.arrayValue)
    let taylor = try #require(list.first { $0["id"] == "adapt-pruner.taylor" })
    #expect(taylor["kind"] == "criterion")

    let told = try Program.call(
      "plugin", "describe", "adapt-pruner.layer-distance", "--json", "--plugin-path", plugins, in: folder)
    let options = try #require(try JSONValue(parsing: told.output)["options"]?.arrayValue)
    let steps = try #require(options.first { $0["name"] == "steps" })
    #expect(steps["default"] == 50)
    #expect(steps["types"] == ["integer"])
  }
}
