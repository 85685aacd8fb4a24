import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing

/// The folder `pipelines`, seen from this file.
private let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("pipelines").path

/// Asks Python's jsonschema which of some documents the shipped schema accepts.
private enum PythonSchema {
  static let isThere = (try? run("import jsonschema; print('yes')", input: "")) == "yes\n"

  static func accepts(_ documents: [String]) throws -> [Bool] {
    let script = """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1], encoding="utf-8"))
      jsonschema.Draft202012Validator.check_schema(schema)
      validator = jsonschema.Draft202012Validator(schema)
      for line in sys.stdin:
          print("yes" if validator.is_valid(json.loads(line)) else "no")
      """
    let lines = try documents.map { try JSONValue(parsing: $0).compact }.joined(separator: "\n")
    return try run(script, input: lines).split(separator: "\n").map { $0 == "yes" }
  }

  private static func run(_ script: String, input: String) throws -> String {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, shipped + "/pipeline.schema.json"]
    process.standardInput = try FileHandle(
      forReadingFrom: URL(fileURLWithPath: try folder.write("input", input)))
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self)
  }
}

@Suite struct SchemaTests {
  /// Those that there are: a new one is tested without a line here.
  static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: shipped))?
    .filter { $0.hasSuffix(".json") && $0 != "pipeline.schema.json" }.map { String($0.dropLast(5)) }.sorted()
    ?? []

  @Test func thereArePipelinesToCheck() { #expect(!Self.names.isEmpty) }

  /// Where both can judge (not: files, plugins and names that must exist) they judge alike.
  static let good = [
    pruning(), pruning(target: "{\"macs\": 1000000}"), pruning(target: "1"),
    pruning(target: "{\"parameters\": 0.5, \"of\": \"current\"}"),
    pruning("\"name\": \"cut-1\", \"iterations\": 3, \"families\": [\"mlp\"], \"record_scores\": true"),
    pruning("\"isolate\": true"), pruning("\"isolate\": false"), pruning("\"isolate\": {}"),
    pruning("\"isolate\": {\"time_limit_seconds\": 0.5, \"memory_limit_megabytes\": 100}"),
    pruning("\"families\": [\"mlp\", \"attention\"]"), pruning("\"families\": [\"layer\"]"),
    pruning("\"families\": [\"mlp_block\"]"), pruning("\"families\": [\"mlp_block\", \"attention_block\"]"),
    pruning("\"calibration\": {\"data\": \"text.txt\", \"sequences\": 1, \"length\": 2, \"batch_size\": 1}"),
    pruning("\"calibration\": {\"data\": {\"path\": \"text.txt\", \"format\": \"jsonl\", \"field\": \"a\"}}"),
    """
    {"$schema": "x", "name": "n", "description": "", "seed": 3, "inputs": {"a": "text.txt"}, "stages": [
      {"stage": "evaluate", "evaluators": [
        {"id": "adapt-pruner.perplexity", "options": {"data": {"input": "a"}}}]},
      {"stage": "repeat", "times": 2, "stages": [{"stage": "save", "type": "float16", "directory": "a/b"}]}]}
    """,
    "{\"stages\": [{\"stage\": \"save\", \"directory\": \"run.json.model\"}]}",
    pruning(target: "{\"macs\": 0.5, \"spread_over_rounds\": true}"),
    pruning(target: "{\"parameters\": 0.5, \"of\": \"original\", \"spread_over_rounds\": true}"),
    pruning(target: "{\"parameters\": 1000000, \"spread_over_rounds\": false}"),
    training(), training("\"data\": {\"path\": \"text.txt\"}"),
    training("\"recovery\": \"distill\", \"schedule\": \"constant\", \"optimizer\": {}"),
    training("\"recovery\": {\"kind\": \"lora\", \"rank\": 4, \"alpha\": 8, \"targets\": [\"q_proj\"]}"),
    training("\"recovery\": {\"kind\": \"norms-and-biases\"}, \"schedule\": {\"warmup\": 0}"),
    training("\"schedule\": {\"kind\": \"wsd\", \"warmup\": 0.1, \"decay\": 0.2, \"minimum\": 0.1}"),
    training(input: "\"separator\": \"---\", \"weight\": 2.5, \"skip_broken\": true"),
    training(input: "\"format\": \"jsonl\", \"field\": \"a\""),
    training(input: "\"format\": \"chat\", \"completions_only\": false"),
    training(input: "\"format\": \"instruction\", \"fields\": {\"input\": \"context\"}"),
    transforming("\"target\": 0.8"), transforming("\"target\": {\"macs\": 0.5}, \"name\": \"slice\""),
    transforming(options: "{\"sparsity\": 0.2}"),
  ]

  static let bad =
    [
      "{}", "[]", "{\"stages\": []}", "{\"stages\": {}}", "{\"stages\": [{}]}", "{\"stages\": [\"save\"]}",
      "{\"stages\": [{\"stage\": \"trim\"}]}", "{\"stages\": [{\"stage\": \"save\"}], \"Seed\": 1}",
      "{\"stages\": [{\"stage\": \"save\"}], \"seed\": -1}",
      "{\"stages\": [{\"stage\": \"save\"}], \"name\": \"\"}",
      "{\"stages\": [{\"stage\": \"save\"}], \"inputs\": []}",
      "{\"stages\": [{\"stage\": \"save\", \"name\": \"12\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"name\": \"a b\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"type\": \"int8\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"../model\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"/model\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"a//b\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"scores/a\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"run.json\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"\"}]}",
      "{\"stages\": [{\"stage\": \"repeat\", \"stages\": [{\"stage\": \"save\"}]}]}",
      "{\"stages\": [{\"stage\": \"repeat\", \"times\": 0, \"stages\": [{\"stage\": \"save\"}]}]}",
      "{\"stages\": [{\"stage\": \"repeat\", \"times\": 2, \"stages\": []}]}",
      "{\"stages\": [{\"stage\": \"evaluate\"}]}",
      "{\"stages\": [{\"stage\": \"evaluate\", \"evaluators\": []}]}",
      "{\"stages\": [{\"stage\": \"evaluate\", \"evaluators\": [{\"options\": {}}]}]}",
      "{\"stages\": [{\"stage\": \"prune\"}]}", pruning(target: "0"), pruning(target: "1.5"),
      pruning(target: "50"), pruning(target: "\"80%\""), pruning(target: "{}"),
      pruning(target: "{\"parameters\": 0.5, \"macs\": 0.5}"),
      pruning(target: "{\"macs\": 1000000, \"of\": \"current\"}"),
      pruning(target: "{\"macs\": 0.5, \"of\": \"dense\"}"), pruning(target: "{\"params\": 0.5}"),
      pruning("\"isolate\": 1"), pruning("\"isolate\": {\"time_limit_seconds\": 0}"),
      pruning("\"isolate\": {\"memory_limit_megabytes\": 0.5}"), pruning("\"isolate\": {\"seconds\": 1}"),
      pruning("\"iterations\": 0"), pruning("\"iterations\": 2.5"), pruning("\"families\": []"),
      pruning("\"families\": [\"mlp\", \"mlp\"]"), pruning("\"families\": [\"heads\"]"),
      pruning("\"families\": [\"layer\", \"mlp\"]"), pruning("\"families\": [\"attention\", \"mlp_block\"]"),
      pruning("\"families\": [\"attention_block\", \"layer\"]"), pruning("\"families\": \"layer\""),
      pruning("\"record_scores\": 1"), pruning("\"stop\": 3"), pruning("\"calibration\": \"text.txt\""),
      pruning("\"calibration\": {}"), pruning("\"calibration\": {\"data\": 3}"),
      pruning("\"calibration\": {\"data\": \"text.txt\", \"length\": 1}"),
      pruning("\"calibration\": {\"data\": {\"file\": \"text.txt\"}}"),
      pruning("\"calibration\": {\"data\": {\"path\": \"text.txt\", \"format\": \"csv\"}}"),
      pruning("\"calibration\": {\"data\": {\"input\": \"a\", \"name\": \"b\"}}"),
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"state\"}]}",
      "{\"stages\": [{\"stage\": \"save\", \"directory\": \"tensorboard/a\"}]}",
      pruning(target: "{\"parameters\": 1000000, \"spread_over_rounds\": true}"),
      pruning(target: "{\"parameters\": 0.5, \"of\": \"current\", \"spread_over_rounds\": true}"),
      pruning(target: "{\"parameters\": 0.5, \"spread_over_rounds\": 1}"),
      "{\"stages\": [{\"stage\": \"train\"}]}", "{\"stages\": [{\"stage\": \"train\", \"steps\": 1}]}",
      "{\"stages\": [{\"stage\": \"train\", \"data\": \"text.txt\"}]}",
      "{\"stages\": [{\"stage\": \"transform\"}]}", transforming("\"target\": \"small\""),
      transforming("\"target\": 0.8, \"iterations\": 3"),
      transforming("\"target\": 0.8", calibration: "{\"sequences\": 3}"),
      transforming("\"target\": 0.8", calibration: "{\"data\": \"text.txt\", \"batch_size\": 4}"),
    ] + TrainReadingTests.mistakes.map(\.json)

  @Test func theDecoderAcceptsTheGoodAndRefusesTheBad() throws {
    let folder = try TemporaryFolder()
    try folder.write("text.txt", "text")
    for json in Self.good { #expect(try problems(json, in: folder) == [], "\(json)") }
    for json in Self.bad { #expect(try !problems(json, in: folder).isEmpty, "\(json)") }
  }

  @Test(.enabled(if: PythonSchema.isThere, "python3 has no jsonschema"))
  func theSchemaAgreesWithTheDecoder() throws {
    let shippedPipelines = try Self.names.map {
      try String(contentsOfFile: "\(shipped)/\($0).json", encoding: .utf8)
    }
    let good = Self.good + shippedPipelines
    let verdicts = try PythonSchema.accepts(good + Self.bad)
    try #require(verdicts.count == good.count + Self.bad.count)
    for (json, accepted) in zip(good, verdicts) { #expect(accepted, "\(json)") }
    for (json, accepted) in zip(Self.bad, verdicts.dropFirst(good.count)) { #expect(!accepted, "\(json)") }
  }

  /// One change anywhere in a good manifest: it is refused with sentences, or the schema accepts it too.
  @Test(.enabled(if: PythonSchema.isThere, "python3 has no jsonschema"))
  func whatTheDecoderAcceptsTheSchemaAccepts() throws {
    let folder = try TemporaryFolder()
    try folder.write("calibration.txt", "text")
    try folder.write("text.txt", "text")
    let whole = ManifestTests.whole.replacingOccurrences(
      of: "\"evaluation\": null", with: "\"evaluation\": \"calibration.txt\"")
    let transform = transforming(
      "\"target\": {\"parameters\": 0.8}",
      calibration: "{\"data\": \"text.txt\", \"sequences\": 2, \"length\": 2}")
    let documents = try [whole, TrainReadingTests.whole, transform].map { try JSONValue(parsing: $0) }
    let mutations = documents.flatMap { Mutations.of($0).map(\.compact) }
    #expect(mutations.count > 1500)
    let accepted = try mutations.filter { try problems($0, in: folder).isEmpty }
    // Enough are accepted for the comparison to mean something.
    #expect(accepted.count > 30)
    let verdicts = try PythonSchema.accepts(accepted)
    try #require(verdicts.count == accepted.count)
    for (json, accepts) in zip(accepted, verdicts) { #expect(accepts, "\(json)") }
  }
}
