import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing

/// What can't be done ends with a sentence and exit code 1, and leaves nothing behind that looks like a result.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct BadInputTests {
  private let scratch = Scratch()

  private static let good = """
    {"stages": [
      {"stage": "prune", "criterion": "adapt-pruner.magnitude", "allocator": "adapt-pruner.uniform", "target": 0.8,
       "iterations": 1},
      {"stage": "save"}]}
    """

  private func smallModel(_ change: (inout SmallModel) -> Void = { _ in }) throws -> URL {
    var model = SmallModel(.untied, seed: 2)
    change(&model)
    let written = try model.write()
    let place = scratch.url.appendingPathComponent("source")
    try FileManager.default.moveItem(at: written, to: place)
    return place
  }

  /// Runs a pipeline that must fail, and answers what was said.
  private func failure(
    of pipeline: String = good, model: String, plugins: [String] = [], shell: String = ":", set: [String] = []
  ) throws -> String {
    let file = try scratch.write(pipeline, to: "pipeline.json")
    let answer = try Program.call(
      ["run", file, "--model", model, "--output", scratch.path("run"), "--quiet"]
        + set.flatMap { ["--set", $0] },
      in: scratch, plugins: plugins, shell: shell)
    #expect(answer.code == 1, "\(answer.error)")
    #expect(answer.output == "")
    #expect(answer.error.hasPrefix("adapt-pruner: "))
    expectNoModel()
    return answer.error
  }

  private func expectNoModel() {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: scratch.path("run"))) ?? []
    #expect(!names.contains { $0.contains("model") || $0.contains("partial") }, "\(names)")
  }

  /// The run has begun, so its record says how it ended, in the words that the user got.
  private func expectRecordedFailure(_ sentence: String) throws {
    let record = try Support.json(scratch.url.appendingPathComponent("run/run.json"))
    #expect(record["state"] == "failed")
    let reason = try #require(record["reason"]?.stringValue)
    #expect(reason.contains(sentence), "\(reason)")
    let events = try String(contentsOfFile: scratch.path("run/events.jsonl"), encoding: .utf8)
    let last = try #require(events.split(separator: "\n").last)
    #expect(try JSONValue(parsing: String(last))["event"] == "run_failed", "\(last)")
  }

  // MARK: - Models

  enum Fault: String, CaseIterable, Sendable {
    case truncated, lyingHeader, missingTensor, disagreeingConfiguration, noConfiguration, truncatedGGUF,
      lyingGGUF
    case nothing
  }

  private func model(with fault: Fault) throws -> (path: String, sentence: String) {
    let fixture = Support.package.appendingPathComponent("Tests/Fixtures/Checkpoints/llama.gguf")
    let folder = try smallModel()
    let weights = folder.appendingPathComponent("model.safetensors")
    let configuration = folder.appendingPathComponent("config.json")
    switch fault {
    case .truncated:
      try Data(contentsOf: weights).dropLast(100).write(to: weights)
      return (folder.path, "lie outside of the")
    case .lyingHeader:
      var data = try Data(contentsOf: weights)
      data.replaceSubrange(0..<8, with: [255, 255, 255, 255, 0, 0, 0, 0])
      try data.write(to: weights)
      return (folder.path, "claims a header of 4294967295 bytes")
    case .missingTensor:
      var data = try Data(contentsOf: weights)
      let range = try #require(data.range(of: Data("lm_head.weight".utf8)))
      data.replaceSubrange(range, with: Data("lm_haed.weight".utf8))
      try data.write(to: weights)
      return (folder.path, "has no tensor lm_head.weight, expected with shape [32, 8]")
    case .disagreeingConfiguration:
      let text = try String(contentsOf: configuration, encoding: .utf8)
      try text.replacing("\"intermediate_size\": 10", with: "\"intermediate_size\": 11")
        .write(to: configuration, atomically: true, encoding: .utf8)
      return (folder.path, "mlp.gate_proj.weight has shape [10, 8], but the configuration says [11, 8]")
    case .noConfiguration:
      try FileManager.default.removeItem(at: configuration)
      return (folder.path, "config.json")
    case .truncatedGGUF:
      return (try scratch.write(Data(contentsOf: fixture).dropLast(4000), to: "cut.gguf"), "cut.gguf")
    case .lyingGGUF:
      var data = try Data(contentsOf: fixture)
      data.replaceSubrange(8..<16, with: [0, 0, 0, 0, 0, 0, 0, 16])
      return (
        try scratch.write(data, to: "lying.gguf"), "lying.gguf: the number of tensors is 1152921504606846976"
      )
    case .nothing: return (scratch.path("nowhere"), "nothing at that path")
    }
  }

  @Test(arguments: Fault.allCases)
  func aModelThatIsBroken(_ fault: Fault) throws {
    let (path, sentence) = try model(with: fault)
    let said = try failure(model: path)
    #expect(said.contains(sentence), "\(said)")
    #expect(said.contains(path), "\(said)")
    #expect(!scratch.exists("run"), "the model is looked at before the run's folder is made")
    // Whatever else reads models says the same.
    let inspected = try Program.call(["inspect", path], in: scratch)
    #expect(inspected.code == 1)
    #expect(inspected.error == said)
  }

  // MARK: - Pipelines

  @Test(arguments: [
    ("{\"stages\": [", "pipeline.json"),
    ("{\"stages\": [{\"stage\": \"save\", \"tpye\": \"float16\"}]}", "unknown key; did you mean \"type\"?"),
    (
      good.replacing("adapt-pruner.magnitude", with: "adapt-pruner.magnitud"),
      "did you mean \"adapt-pruner.magnitude\"?"
    ),
    (
      good.replacing(
        "\"adapt-pruner.magnitude\"", with: "{\"id\": \"adapt-pruner.magnitude\", \"options\": {\"nrom\": 1}}"
      ),
      "did you mean \"norm\"?"
    ),
    (good.replacing("0.8", with: "1.2"), "target"), (good.replacing("0.8", with: "0"), "target"),
    (good.replacing("adapt-pruner.magnitude", with: "adapt-pruner.taylor"), "calibration"),
  ])
  func aPipelineThatIsWrong(_ pipeline: String, _ sentence: String) throws {
    let said = try failure(of: pipeline, model: smallModel().path)
    #expect(said.lowercased().contains(sentence.lowercased()), "\(said)")
    #expect(!scratch.exists("run"))
  }

  @Test(arguments: [
    ("99999999", "is not below the"), ("{\"macs\": 99999999}", "is not below the"),
    ("1.0", "is not below the"),
    ("0.05", "is out of reach"), ("600", "is out of reach"),
  ])
  func aTargetThatCantBeMet(_ target: String, _ sentence: String) throws {
    let said = try failure(of: Self.good.replacing("0.8", with: target), model: smallModel().path)
    #expect(said.contains(sentence), "\(said)")
    #expect(!scratch.exists("run"))
  }

  @Test(arguments: [
    ("empty.txt", "", "has no text"), ("blank.txt", " \n\n ", "has no text"),
    ("short.json", "[[1, 2, 3], [4, 5, 6]]", "asked for"),
    ("other.json", "[[1, 2, 3, 99], [4, 5, 6, 7]]", "99 is no token id"),
    ("text.txt", "Some text", "has no tokenizer"),
  ])
  func aCalibrationThatCantBeUsed(_ name: String, _ text: String, _ sentence: String) throws {
    let path = try scratch.write(text, to: name)
    let pipeline = """
      {"stages": [
        {"stage": "prune", "criterion": "adapt-pruner.taylor", "allocator": "adapt-pruner.uniform", "target": 0.8,
         "calibration": {"data": "\(path)", "sequences": 2, "length": 4}},
        {"stage": "save"}]}
      """.replacing(
        "\"\(path)\"",
        with: name.hasSuffix("json") ? "{\"path\": \"\(path)\", \"format\": \"ids\"}" : "\"\(path)\"")
    let said = try failure(of: pipeline, model: smallModel().path)
    #expect(said.contains(sentence), "\(said)")
    #expect(!scratch.exists("run"))
  }

  // MARK: - The output

  @Test func aFolderWithSomethingInItStaysAsItIs() throws {
    try scratch.write("precious", to: "run/notes.txt")
    let said = try failure(model: smallModel().path)
    #expect(said.contains("\(scratch.path("run")) is not empty, and nothing is overwritten"))
    #expect(try scratch.files(below: "run") == ["notes.txt": Data("precious".utf8)])
  }

  @Test func aFileWhereTheFolderShouldBeStaysAsItIs() throws {
    try scratch.write("precious", to: "run")
    #expect(try failure(model: smallModel().path).contains("is a file; choose a folder for --output"))
    #expect(try String(contentsOfFile: scratch.path("run"), encoding: .utf8) == "precious")
  }

  /// With a limit on the size of files the system refuses the write in the middle, as a full disk does.
  @Test func noRoomForTheModelLeavesNoHalfOfIt() throws {
    let model = try smallModel { $0 = SmallModel(.untied, seed: 2, hidden: 32, intermediate: 400, layers: 3) }
    let said = try failure(model: model.path, shell: "trap '' XFSZ; ulimit -f 64")
    #expect(said.contains("model.safetensors"), "\(said)")
    #expect(said.contains("File too large"), "\(said)")
    try expectRecordedFailure("File too large")
    // What the run had found until then is still there.
    #expect(scratch.exists("run/iterations/001.json"))
  }

  // MARK: - Plugins

  /// Compiles a fixture with plain cc into a plugin folder.
  private func plugin(_ name: String) throws -> String {
    try scratch.write(
      """
      { "library": "libfixture.so", "abi": { "major": 1, "minor": 0 },
        "plugins": [ { "id": "fixture.plugin", "kind": "criterion", "version": "1.0.0", "summary": "A fixture." } ] }
      """, to: "plugins/plugin.json")
    try Compiler.compile(
      Support.package.appendingPathComponent("Tests/Fixtures/plugins/\(name).c").path,
      to: scratch.path("plugins/libfixture.so"),
      include: Support.package.appendingPathComponent("Sources/PluginABI/include").path)
    return scratch.path("plugins")
  }

  @Test(arguments: [
    (
      "other_major",
      "was built for version 7.\(ABIVersion.host.minor) of the plugin ABI, this host speaks \(ABIVersion.host)"
    ),
    ("no_symbol", "exports no function adapt_pruner_plugin"),
    ("unknown_statistic", "asks for the statistic \"gradients\", which the host does not have"),
  ])
  func aPluginThatCantBeLoadedStopsTheRunBeforeItBegins(_ name: String, _ sentence: String) throws {
    let said = try failure(
      of: Self.good.replacing("adapt-pruner.magnitude", with: "fixture.plugin"), model: smallModel().path,
      plugins: [plugin(name)])
    #expect(said.contains(sentence), "\(said)")
    #expect(!scratch.exists("run"))
  }

  @Test func aPluginThatDoesNotTakeTheModelStopsTheRunBeforeItBegins() throws {
    let said = try failure(
      of: Self.good.replacing("adapt-pruner.magnitude", with: "fixture.plugin"), model: smallModel().path,
      plugins: [plugin("silent_error")])
    #expect(said.contains("fixture.plugin: score does not support this: it gave no reason"), "\(said)")
    #expect(!scratch.exists("run"))
  }

  @Test(arguments: [
    ("returns_error", "fixture.plugin: score failed: the moon is in the wrong house"),
    (
      "too_few_scores", "fixture.plugin: too few scores for layer 1, attention: 2 were written, 3 are needed."
    ),
    ("too_many_scores", "fixture.plugin: too many scores for layer 1, attention: 3 are needed"),
    ("nan_scores", "must be finite"),
  ])
  func aPluginThatAnswersWrongEndsTheRunByName(_ name: String, _ sentence: String) throws {
    let said = try failure(
      of: Self.good.replacing("adapt-pruner.magnitude", with: "fixture.plugin"), model: smallModel().path,
      plugins: [plugin(name)])
    #expect(said.contains(sentence), "\(said)")
    #expect(said.contains("fixture.plugin"))
    try expectRecordedFailure(sentence)
  }
}
