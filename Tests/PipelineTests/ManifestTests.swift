import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing
import Transformer

/// Resolves a manifest that stands in `folder` as `pipeline.json`, called from `folder`/here.
func resolve(_ json: String, in folder: TemporaryFolder, _ settings: [String] = []) throws -> Manifest {
  let resolver = ManifestResolver(catalog: SampleCatalog.catalog, currentFolder: folder.path + "/here")
  return try resolver.resolve(
    JSONValue(parsing: json), file: "pipeline.json", folder: folder.path,
    overrides: settings.map { try Override(parsing: $0) })
}

/// The sentences that a manifest is refused with; empty if it isn't.
func problems(_ json: String, in folder: TemporaryFolder, _ settings: [String] = []) throws -> [String] {
  do {
    _ = try resolve(json, in: folder, settings)
    return []
  } catch let error as ManifestError {
    return error.problems.map(\.description)
  }
}

/// A prune stage that needs nothing, with more members or other ones.
func pruning(_ members: String = "", target: String = "0.8") -> String {
  """
  {"stages": [{"stage": "prune", "criterion": "adapt-pruner.random", "allocator": "adapt-pruner.uniform",
    "target": \(target)\(members.isEmpty ? "" : ", " + members)}]}
  """
}

@Suite struct ManifestTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("calibration.txt", "some text")
    try folder.write("here/other.txt", "other text")
  }

  static let whole = """
    {"$schema": "./pipeline.schema.json", "name": "whole", "description": "All there is.", "seed": 42,
     "inputs": {"calibration": "calibration.txt", "evaluation": null},
     "stages": [
       {"stage": "evaluate", "name": "dense", "evaluators": [
         {"id": "adapt-pruner.perplexity", "options": {"data": {"input": "evaluation"}, "window": 256}}]},
       {"stage": "repeat", "times": 2, "stages": [
         {"stage": "prune", "criterion": {"id": "adapt-pruner.taylor", "options": {"variant": "vectorize"}},
          "allocator": {"id": "adapt-pruner.layer-distance"},
          "calibration": {"data": {"input": "calibration"}, "sequences": 8},
          "target": {"macs": 0.9, "of": "current"}, "families": ["mlp"]},
         {"stage": "save"}]},
       {"stage": "prune", "criterion": "adapt-pruner.random", "allocator": "adapt-pruner.uniform",
        "target": 100000000, "record_scores": true}]}
    """

  @Test func everythingLeftOpenIsFilledIn() throws {
    let manifest = try resolve(Self.whole, in: folder, ["inputs.evaluation=other.txt"])
    #expect(manifest.name == "whole")
    #expect(manifest.seed == 42)
    #expect(manifest.stages.map(\.name) == ["dense", "repeat", "prune-2"])

    guard let dense = manifest.stages[0].work as? EvaluateStage else { throw Unexpected() }
    #expect(dense.evaluators[0].options["max_windows"] == .null)
    // Relative to where the command was called, since it was given there.
    #expect(dense.evaluators[0].data["data"]?.path == folder.path + "/here/other.txt")
    #expect(dense.evaluators[0].data["data"]?.name == "other")

    guard let loop = manifest.stages[1].work as? RepeatStage else { throw Unexpected() }
    guard let prune = loop.stages[0].work as? PruneStage else { throw Unexpected() }
    #expect(loop.times == 2)
    #expect(prune.criterion.statistics == [.gradient])
    #expect(prune.allocator.options == ["distance": "cosine", "amplitude": 0.02, "steps": 50])
    #expect(
      prune.calibration
        == CalibrationSample(
          data: DataSource(path: folder.path + "/calibration.txt", format: .text, name: "calibration"),
          sequences: 8, length: 64, batchSize: 16))
    #expect(prune.target == Target(measure: .macs, amount: .fraction(0.9, of: .current)))
    #expect(prune.iterations == 10)
    #expect(prune.families == [.mlp])

    guard let last = manifest.stages[2].work as? PruneStage else { throw Unexpected() }
    #expect(last.target == Target(measure: .parameters, amount: .count(100_000_000)))
    #expect(last.calibration == nil)
    #expect(last.families == [.attention, .mlp])
    #expect(last.recordsScores)
  }

  @Test func aResolvedManifestIsAManifestThatResolvesToItself() throws {
    let manifest = try resolve(Self.whole, in: folder, ["inputs.evaluation=other.txt"])
    let again = try resolve(manifest.json.pretty, in: folder)
    #expect(again.json == manifest.json)
    #expect(again.executions.count == 6)
  }

  @Test func repeatsAreWrittenOutWithNamesAndDirectoriesOfTheirOwn() throws {
    let manifest = try resolve(Self.whole, in: folder, ["inputs.evaluation=other.txt"])
    #expect(
      manifest.executions.map(\.label) == ["dense", "prune.1", "save.1", "prune.2", "save.2", "prune-2"])
    let directories = manifest.executions.compactMap { execution -> String? in
      if let work = execution.work as? SaveStage { work.directory } else { nil }
    }
    #expect(directories == ["model-1", "model-2"])
  }

  @Test func allProblemsAreListedWithTheirPlace() throws {
    let json = """
      {"seed": -1, "stages": [
        {"stage": "evaluate", "evaluators": [{"id": "adapt-pruner.perplexity", "options": {"windov": 3}}]},
        {"stage": "prune", "criterion": {"id": "adapt-pruner.tailor"}, "alocator": 3, "target": 1.5},
        {"stage": "prun"}, 7]}
      """
    let found = try problems(json, in: folder)
    #expect(
      found == [
        "pipeline.json: seed: -1 is an integer, expected an integer of at least 0",
        "pipeline.json: stages[0].evaluators[0].options.windov: there is no such option. Did you mean "
          + "\"window\"? Known: data, label, window, max_windows",
        "pipeline.json: stages[0].evaluators[0].options.data: this option is required",
        "pipeline.json: stages[1].alocator: unknown key; did you mean \"allocator\"?",
        "pipeline.json: stages[1].criterion.id: there is no plugin \"adapt-pruner.tailor\"; did you mean "
          + "\"adapt-pruner.taylor\"? (adapt-pruner plugin lists them)",
        "pipeline.json: stages[1].allocator: missing, expected an object with \"id\" and \"options\"",
        "pipeline.json: stages[1].target: 1.5 is more than the whole model and no whole number, expected a "
          + "share above 0 and at most 1, or a count",
        "pipeline.json: stages[2].stage: \"prun\" is a string, expected \"evaluate\" or \"prune\" or "
          + "\"transform\" or \"train\" or \"save\" or \"repeat\"; did you mean \"prune\"?",
        "pipeline.json: stages[3]: 7 is an integer, expected an object with \"stage\": one of evaluate, prune, "
          + "transform, train, save, repeat",
      ])
  }

  @Test func aPluginOfAnotherKindIsRefused() throws {
    let json = pruning().replacingOccurrences(of: "\"adapt-pruner.random\"", with: "\"adapt-pruner.uniform\"")
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages[0].criterion.id: adapt-pruner.uniform is an allocator, expected a criterion"
      ])
  }

  @Test func statisticsNeedCalibrationData() throws {
    let json = pruning().replacingOccurrences(of: "\"adapt-pruner.random\"", with: "\"adapt-pruner.taylor\"")
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages[0].calibration: missing, expected calibration data, since adapt-pruner.taylor "
          + "needs statistics (gradient)"
      ])
  }

  @Test(arguments: [
    ("0", "stages[0].target: 0 leaves nothing of the model"),
    ("-0.5", "stages[0].target: -0.5 leaves nothing of the model"),
    ("1.2", "stages[0].target: 1.2 is more than the whole model"),
    ("80", "stages[0].target: 80 is a count, and no model is so small"),
    ("\"80%\"", "stages[0].target: \"80%\" is a string"),
    ("{}", "stages[0].target: neither \"parameters\" nor \"macs\" is given"),
    ("{\"parameters\": 0.5, \"macs\": 0.5}", "stages[0].target: two targets are given"),
    ("{\"parameters\": 1000000, \"of\": \"current\"}", "stages[0].target.of: a count is not a share"),
    ("{\"macs\": 0.5, \"of\": \"now\"}", "stages[0].target.of: \"now\" is a string"),
  ])
  func targetsThatMeanNothingAreRefused(target: String, sentence: String) throws {
    let found = try problems(pruning(target: target), in: folder)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("pipeline.json: " + sentence) == true, "\(found)")
  }

  @Test(arguments: [
    ("0.8", Target(measure: .parameters, amount: .fraction(0.8, of: .original))),
    ("1", Target(measure: .parameters, amount: .fraction(1, of: .original))),
    ("{\"macs\": 90000000}", Target(measure: .macs, amount: .count(90_000_000))),
    (
      "{\"parameters\": 0.5, \"of\": \"current\"}",
      Target(measure: .parameters, amount: .fraction(0.5, of: .current))
    ),
  ])
  func targetsAreSharesOrCounts(json: String, target: Target) throws {
    guard let stage = try resolve(pruning(target: json), in: folder).stages[0].work as? PruneStage else {
      throw Unexpected()
    }
    #expect(stage.target == target)
  }

  @Test(arguments: [
    ("[\"mlp\", \"attention\"]", [Family.attention, .mlp]),
    ("[\"attention_block\"]", [.attentionBlock]), ("[\"mlp_block\"]", [.mlpBlock]),
    ("[\"mlp_block\", \"attention_block\"]", [.attentionBlock, .mlpBlock]), ("[\"layer\"]", [.layer]),
  ])
  func familiesAreWidthsOrBlocksOrLayers(json: String, families: [Family]) throws {
    let manifest = try resolve(pruning("\"families\": \(json)"), in: folder)
    guard let stage = manifest.stages[0].work as? PruneStage else { throw Unexpected() }
    #expect(stage.families == families)
    #expect(try resolve(manifest.json.pretty, in: folder).json == manifest.json)
  }

  static let familyLists =
    "expected a list of families: \"attention\" and/or \"mlp\"; or \"attention_block\" and/or \"mlp_block\"; or \"layer\""

  @Test(arguments: [
    ("[]", "stages[0].families: the list is empty, " + familyLists),
    ("\"mlp\"", "stages[0].families: \"mlp\" is a string, " + familyLists),
    (
      "[\"layer\", \"mlp\"]",
      "stages[0].families: \"mlp\" and \"layer\" are not pruned in one stage, " + familyLists
        + "; give the others a stage of their own"
    ),
    (
      "[\"attention\", \"mlp_block\"]",
      "stages[0].families: \"attention\" and \"mlp_block\" are not pruned in one stage, " + familyLists
        + "; give the others a stage of their own"
    ),
    (
      "[\"layer\", \"attention_block\"]",
      "stages[0].families: \"attention_block\" and \"layer\" are not pruned in one stage, " + familyLists
        + "; give the others a stage of their own"
    ),
    ("[\"layer\", \"layer\"]", "stages[0].families[1]: \"layer\" is given twice"),
    (
      "[\"layers\"]",
      "stages[0].families[0]: \"layers\" is a string, expected \"attention\" or \"mlp\" or \"attention_block\" or "
        + "\"mlp_block\" or \"layer\"; did you mean \"layer\"?"
    ),
  ])
  func otherFamiliesAreRefused(json: String, sentence: String) throws {
    #expect(try problems(pruning("\"families\": \(json)"), in: folder) == ["pipeline.json: " + sentence])
  }

  @Test(arguments: [
    "../model", "/tmp/model", "a/../../b", "", "iterations", "run.json", "report.html", "a//b", ".hidden",
    "~/x",
  ])
  func modelsStayInTheRunFolder(directory: String) throws {
    let json = "{\"stages\": [{\"stage\": \"save\", \"directory\": \"\(directory)\"}]}"
    let found = try problems(json, in: folder)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("pipeline.json: stages[0].directory: ") == true)
  }

  @Test func twoModelsDoNotShareADirectory() throws {
    let json = """
      {"stages": [{"stage": "save", "directory": "models"}, {"stage": "save", "directory": "models/half"}]}
      """
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages[1].directory: \"models/half\" is where the stage \"save\" saves its model; give "
          + "each save stage a \"directory\" of its own"
      ])
  }

  @Test func stageNamesAreUnique() throws {
    let json = """
      {"stages": [{"stage": "save", "name": "a"}, {"stage": "save", "name": "a", "directory": "other"},
                  {"stage": "save", "name": "two words", "directory": "third"}]}
      """
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages[1].name: \"a\" is already the name of stages[0]; choose another",
        "pipeline.json: stages[2].name: \"two words\" is no name for a stage, expected letters, digits, - and "
          + "_, not digits alone",
      ])
  }

  @Test func repeatsThatExplodeAreRefused() throws {
    let json = """
      {"stages": [{"stage": "repeat", "times": 1000, "stages": [{"stage": "repeat", "times": 1000, "stages": [
        {"stage": "save"}]}]}]}
      """
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages: the repeats come to more than 10000 stages; lower \"times\""
      ])
  }

  @Test func aFileThatIsNoJSONIsToldByLineAndColumn() throws {
    try folder.write("broken.json", "{\n  \"stages\": [,]\n}")
    let resolver = ManifestResolver(catalog: SampleCatalog.catalog, currentFolder: folder.path)
    #expect {
      try resolver.resolve(file: "broken.json")
    } throws: {
      "\($0)".hasPrefix("broken.json:2:14: expected a value")
    }
    #expect {
      try resolver.resolve(file: "absent.json")
    } throws: {
      "\($0)" == "absent.json: there is no such file"
    }
  }
}

/// Something was not of the kind that the test was written for.
struct Unexpected: Error {}
