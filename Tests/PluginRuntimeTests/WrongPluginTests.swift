import Foundation
import PluginRuntime
import Testing

@Suite("Plugins that go wrong are refused with a sentence")
struct WrongPluginTests {
  static func load(_ name: String, kind: PluginKind = .criterion) throws -> LoadedPlugin {
    try LoadedPlugin(loading: CompiledPlugin.fixture(name, kind: kind))
  }

  static func score(_ name: String) throws -> [Float] {
    try scoreOnes(CriterionInstance(of: load(name)), count: 3)
  }

  @Test func aRightOneScores() throws {
    #expect(try Self.score("good") == [0, 1, 2])
  }

  @Test func anotherMajorVersionOfTheLibraryIsNamedWithBothNumbers() {
    let words = sentence { _ = try Self.load("other_major") }
    #expect(words.contains("fixture.plugin"))
    #expect(
      words.contains(
        "was built for version 7.\(ABIVersion.host.minor) of the plugin ABI, this host speaks \(ABIVersion.host)"
      ))
  }

  @Test func anotherMajorVersionInTheDescriptionIsRefusedBeforeTheLibraryIsOpened() throws {
    var description = try CompiledPlugin.fixture("good", abi: ABIVersion(major: 2, minor: 0))
    description.library = "/nowhere/libfixture.so"
    let words = sentence { _ = try LoadedPlugin(loading: description) }
    #expect(
      words.contains("was built for version 2.0 of the plugin ABI, this host speaks \(ABIVersion.host)"))
  }

  @Test func aMissingLibraryIsNamed() throws {
    var description = try CompiledPlugin.fixture("good")
    description.library = "/nowhere/libfixture.so"
    let words = sentence { _ = try LoadedPlugin(loading: description) }
    #expect(words.contains("/nowhere/libfixture.so could not be loaded"))
  }

  @Test func everyPlaceAtWhichALibraryWasLookedForIsListed() throws {
    let folder = try RegistryTests.folder(["a/plugin.json": RegistryTests.manifest("a.one")])
    let words = sentence { _ = try LoadedPlugin(loading: PluginRegistry(searching: [folder]).find("a.one")) }
    for place in ["/a/libx.so", "/libx.so", "/a/.build/release/libx.so", "/a/target/debug/libx.so"] {
      #expect(words.contains("\n  \(folder)\(place)"), "\(words)")
    }
  }

  @Test func aLibraryIsFoundWhereSwiftAndCargoBuildItAndTheNewestWins() throws {
    let folder = try RegistryTests.folder([
      "plugin.json": RegistryTests.manifest("a.one"), "target/release/libx.so": "",
      ".build/debug/libx.so": "",
    ])
    func found() throws -> String { try PluginRegistry(searching: [folder]).find("a.one").library }
    func touch(_ name: String, _ seconds: Double) throws {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: folder + "/" + name)
    }
    try touch("target/release/libx.so", 1_000_000)
    try touch(".build/debug/libx.so", 2_000_000)
    #expect(try found() == folder + "/.build/debug/libx.so")
    try touch("target/release/libx.so", 3_000_000)
    #expect(try found() == folder + "/target/release/libx.so")
  }

  @Test func aLibraryWithoutTheSymbol() {
    #expect(
      sentence { _ = try Self.load("no_symbol") }.contains("it exports no function adapt_pruner_plugin"))
  }

  @Test func anEntryThatAnswersNull() {
    #expect(
      sentence { _ = try Self.load("null_library") }.contains(
        "adapt_pruner_plugin() of fixture.plugin should be a library, but is null"))
  }

  @Test func aFailureCarriesThePluginsSentence() {
    #expect(
      sentence { _ = try Self.score("returns_error") }
        == "fixture.plugin: score failed: the moon is in the wrong house")
  }

  @Test func aFailureWithoutASentenceSaysSo() {
    #expect(
      sentence { _ = try Self.score("silent_error") }
        == "fixture.plugin: score does not support this: it gave no reason")
  }

  @Test func tooFewScores() {
    #expect(
      sentence { _ = try Self.score("too_few_scores") }
        == "fixture.plugin: too few scores for layer 1, mlp: 2 were written, 3 are needed.")
  }

  @Test func scoresPastTheEnd() {
    #expect(
      sentence { _ = try Self.score("too_many_scores") }
        == "fixture.plugin: too many scores for layer 1, mlp: 3 are needed, and more were written.")
  }

  @Test func scoresThatAreNotNumbers() {
    let words = sentence { _ = try Self.score("nan_scores") }
    #expect(words.hasPrefix("fixture.plugin: the score of unit 1 of layer 1, mlp is "))
    #expect(words.hasSuffix("nan, and must be finite."))
  }

  @Test func anUnknownStatisticIsNamedWithTheKnownOnes() {
    let words = sentence { _ = try Self.load("unknown_statistic") }
    #expect(words.contains("asks for the statistic \"gradients\""))
    #expect(words.contains("Did you mean \"gradient\"?"))
    #expect(words.contains("It has: gradient, gradient_square"))
  }

  @Test func aSchemaKeywordThatNobodyWouldCheck() {
    #expect(
      sentence { _ = try Self.load("bad_schema") }.contains(
        "properties.power.multipleOf: this host does not know this keyword"))
  }

  @Test func aTableThatIsTooShort() {
    let words = sentence { _ = try Self.load("truncated_table") }
    #expect(words.contains("ap_criterion says it is 32 bytes long, version 1.0 of the ABI has 40"))
  }

  @Test func alaterMinorVersionWithLongerStructsWorks() throws {
    let plugin = try Self.load("future_minor")
    #expect(plugin.abi == .host)
    #expect(try scoreOnes(CriterionInstance(of: plugin), count: 3) == [0, 1, 2])
  }

  @Test func aKindThatDoesNotMatchPluginJSON() {
    #expect(
      sentence { _ = try Self.load("good", kind: .evaluator) }.contains(
        "kind of fixture.plugin should be evaluator"))
  }

  @Test func aVersionThatDoesNotMatchPluginJSON() {
    #expect(
      sentence { _ = try LoadedPlugin(loading: CompiledPlugin.fixture("good", version: "2.0.0")) }.contains(
        "version of fixture.plugin should be 2.0.0 as in"))
  }

  @Test func aCriterionWhereAnAllocatorIsWanted() {
    #expect(
      sentence { _ = try AllocatorInstance(of: Self.load("good")) }
        == "fixture.plugin is a criterion, and an allocator is wanted here.")
  }

  @Test(
    "An allocator's answer is checked",
    arguments: [
      ("forgets", "sparsity of layer 0, mlp must be in 0 ... 1, but is NaN, or was not written."),
      ("sparsity", "sparsity of layer 0, attention must be in 0 ... 1, but is 1.5."),
      ("empties", "keep of layer 0, attention must be in 1 ... 4, but is 0."),
      ("grows", "keep of layer 0, attention must be in 1 ... 4, but is 5."),
      ("misses", "says that it meets goals, but ended at 100, which is not within 10 below"),
      ("right", ""),
    ])
  func allocator(mode: String, expected: String) {
    let words = sentence {
      let allocator = try AllocatorInstance(
        of: Self.load("greedy_allocator", kind: .allocator), options: ["mode": .string(mode)])
      let attention = FamilyRequest(
        name: "attention", count: 4, originalCount: 4, cost: 10, scores: [1, 2, 3, 4])
      let mlp = FamilyRequest(name: "mlp", count: 2, originalCount: 2, cost: 1, scores: [1, 2])
      _ = try allocator.allocate(
        model: toyModel,
        budget: BudgetRequest(
          measure: "parameters", now: 100, original: 100, goal: 50, iterationGoal: 80, iteration: 0,
          iterations: 1),
        layers: [LayerRequest(families: [attention, mlp])])
    }
    #expect(expected.isEmpty ? words.isEmpty : words.contains(expected))
  }

  @Test(
    "An evaluator's answer is checked",
    arguments: [
      ("nothing", "fixture.plugin gave no metric."),
      ("unnamed", "fixture.plugin: metric \"\": its name is empty"),
      ("infinite", "fixture.plugin: metric \"infinite\": its value is inf, and must be finite"),
      ("data", "fixture.plugin: evaluate does not support this: the host does not offer open_data here"),
    ])
  func evaluator(mode: String, expected: String) {
    let words = sentence {
      _ = try EvaluatorInstance(
        of: Self.load("mute_evaluator", kind: .evaluator), options: ["mode": .string(mode)]
      ).evaluate(model: toyModel)
    }
    #expect(words == expected)
  }
}
