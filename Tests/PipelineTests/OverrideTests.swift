import Pipeline
import PluginRuntime
import Testing

@Suite struct OverrideTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("calibration.txt", "some text")
    try folder.write("here/other.txt", "other text")
  }

  private func pruned(_ manifest: Manifest, _ name: String) throws -> PruneStage {
    for execution in manifest.executions where execution.stage == name {
      if let stage = execution.work as? PruneStage { return stage }
    }
    throw Unexpected()
  }

  private func changed(_ settings: String...) throws -> Manifest {
    try resolve(ManifestTests.whole, in: folder, ["inputs.evaluation=other.txt"] + settings)
  }

  private func refused(_ settings: String...) throws -> [String] {
    try problems(ManifestTests.whole, in: folder, ["inputs.evaluation=other.txt"] + settings)
  }

  @Test func placesAreKeysIndicesAndNamesOfStages() throws {
    #expect(try changed("seed=7").seed == 7)
    #expect(try pruned(changed("stages.1.stages.0.iterations=3"), "prune").iterations == 3)
    #expect(try pruned(changed("stages[1].stages[0].iterations=3"), "prune").iterations == 3)
    #expect(try pruned(changed("stages.repeat.stages.prune.iterations=3"), "prune").iterations == 3)
    #expect(try pruned(changed("stages.prune-2.iterations=4"), "prune-2").iterations == 4)
    // The one stage of that kind in the list, though it is called prune-2.
    #expect(try pruned(changed("stages.prune.iterations=4"), "prune-2").iterations == 4)
  }

  @Test func valuesAreJSONOrElseText() throws {
    #expect(try Override(parsing: "a=0.5").value == 0.5)
    #expect(try Override(parsing: "a=[1,2]").value == [1, 2])
    #expect(try Override(parsing: "a=\"5\"").value == "5")
    #expect(try Override(parsing: "a=text=more").value == "text=more")
    #expect(try Override(parsing: "a=").value == "")
  }

  @Test(arguments: ["seed", "=3", "a..b=1", ".a=1"])
  func whatHasNoKeyAndValueIsRefused(argument: String) {
    #expect(throws: Override.SyntaxError.self) { try Override(parsing: argument) }
  }

  @Test func membersThatWereLeftOutCanBeSet() throws {
    let manifest = try changed("stages.repeat.stages.prune.allocator.options.steps=20")
    #expect(try pruned(manifest, "prune").allocator.options["steps"] == 20)
  }

  @Test func shortFormsHaveTheirPartsToo() throws {
    let manifest = try changed("stages.prune.target.of=current", "stages.prune.target.parameters=0.6")
    #expect(
      try pruned(manifest, "prune-2").target
        == Target(measure: .parameters, amount: .fraction(0.6, of: .current)))
    let renamed = try changed("inputs.calibration.name=mine")
    guard let sample = try pruned(renamed, "prune").calibration else { throw Unexpected() }
    #expect(sample.data.name == "mine")
    // The path still stands in the manifest, and is relative to it.
    #expect(sample.data.path == folder.path + "/calibration.txt")
  }

  @Test func aMistakeInASettingIsBlamedOnTheSetting() throws {
    #expect(
      try refused("stages.prune.iteratoins=3") == [
        "--set stages.prune.iteratoins=3: stages[2].iteratoins: unknown key; did you mean \"iterations\"?"
      ])
    #expect(
      try refused("seed=many") == [
        "--set seed=many: seed: \"many\" is a string, expected an integer of at least 0"
      ])
    #expect(
      try refused("inputs.calibraton=other.txt") == [
        "--set inputs.calibraton=other.txt: inputs.calibraton: no stage uses this input; did you mean "
          + "\"calibration\"?"
      ])
  }

  @Test func aPathIntoNothingNamesTheNearest() throws {
    #expect(
      try refused("stages.purne-2.iterations=3") == [
        "--set stages.purne-2.iterations=3: stages: there is no stage \"purne-2\"; did you mean \"prune-2\"?"
      ])
    #expect(
      try refused("stages.9.iterations=3") == [
        "--set stages.9.iterations=3: stages: there is no element 9, expected 0 to 2"
      ])
    #expect(
      try refused("name.first=3") == [
        "--set name.first=3: name: \"whole\" is a string and has no \"first\" within"
      ])
  }

  @Test func oneKindOfTwoStagesIsAmbiguous() throws {
    let json = """
      {"stages": [{"stage": "save", "name": "a"}, {"stage": "save", "name": "b", "directory": "x"}]}
      """
    #expect(
      try problems(json, in: folder, ["stages.save.type=float16"]) == [
        "--set stages.save.type=float16: stages: there are 2 stages of the kind \"save\"; say which: a, b"
      ])
  }

  @Test func inputsThatAreNeededAreToldOnceWithTheArgumentToAdd() throws {
    #expect(
      try problems(ManifestTests.whole, in: folder) == [
        "pipeline.json: inputs.evaluation: stages[0].evaluators[0].options.data needs this input and it isn't "
          + "given; add --set inputs.evaluation=PATH, a file with text"
      ])
    #expect(
      try problems(ManifestTests.whole, in: folder, ["inputs.evaluation=absent.txt"]) == [
        "--set inputs.evaluation=absent.txt: inputs.evaluation: there is no file \(folder.path)/here/absent.txt"
      ])
  }

  @Test(arguments: [
    ("{\"path\": \"calibration.txt\", \"field\": \"body\"}", "data.field: only JSONL has fields"),
    ("{\"path\": \"calibration.txt\", \"format\": \"parquet\"}", "data.format: \"parquet\" is a string"),
    ("{\"file\": \"calibration.txt\"}", "data.file: unknown key"),
    ("{\"input\": \"calibratino\"}", "data.input: there is no input \"calibratino\"; did you mean"),
    ("\".\"", "/here is a folder, expected a file"),
    ("3", "data: 3 is an integer, expected a path"),
  ])
  func dataThatCannotBeReadIsRefused(data: String, sentence: String) throws {
    let found = try problems(
      ManifestTests.whole, in: folder,
      ["inputs.evaluation=other.txt", "stages.0.evaluators.0.options={\"data\": \(data)}"])
    #expect(found.contains { $0.contains(sentence) }, "\(found)")
  }
}
