import JSON
import PluginRuntime
import Testing

@Suite("Whether scores compare across families")
struct ScoresCompareTests {
  @Test("A library of version 1.0 does not say, and what lies behind its structs is not read")
  func firstVersion() throws {
    let plugin = try LoadedPlugin(loading: CompiledPlugin.fixture("first_version"))
    #expect(plugin.abi == ABIVersion(major: 1, minor: 0))
    #expect(!plugin.scoresCompare)
    let criterion = try CriterionInstance(of: plugin)
    #expect(!criterion.scoresCompare)
    #expect(try scoreOnes(criterion, count: 3) == [0, 1, 2])
  }

  @Test("A criterion that leaves the newer members out does not compare")
  func notSaid() throws {
    let plugin = try LoadedPlugin(loading: CompiledPlugin.fixture("good"))
    #expect(try !CriterionInstance(of: plugin).scoresCompare)
  }

  @Test("What a criterion says arrives")
  func said() throws {
    let description = try CompiledPlugin.fixture("compares")
    #expect(try CriterionInstance(of: LoadedPlugin(loading: description)).scoresCompare)
  }

  @Test(
    "What a criterion says arrives from a process of its own too",
    .enabled(if: Isolated.isBuilt, Isolated.missing))
  func saidApart() throws {
    let isolated = try Isolated.plugin("compares")
    #expect(isolated.scoresCompare)
    #expect(try CriterionInstance(of: isolated).scoresCompare)
    #expect(try !CriterionInstance(of: Isolated.plugin("good")).scoresCompare)
  }

  @Test("An instance cannot say more than its descriptor")
  func contradiction() throws {
    let plugin = try LoadedPlugin(loading: CompiledPlugin.fixture("contradicts_itself"))
    let words = sentence { _ = try CriterionInstance(of: plugin) }
    #expect(words.contains("scores_compare") && words.contains("as in the descriptor"), "\(words)")
  }

  static let shipped: [(String, JSONValue, Bool)] = [
    ("adapt-pruner.taylor", [:], true), ("adapt-pruner.taylor", ["variant": "vectorize"], true),
    ("adapt-pruner.taylor", ["reduction": "mean"], false), ("adapt-pruner.llm-pruner", [:], true),
    ("adapt-pruner.llm-pruner", ["importance": "param_mix"], true),
    ("adapt-pruner.llm-pruner", ["importance": "l1"], false),
    ("adapt-pruner.llm-pruner", ["importance": "random"], false),
    ("adapt-pruner.llm-pruner", ["reduction": "max"], false),
    ("adapt-pruner.second-order", [:], true), ("adapt-pruner.random", [:], true),
    ("adapt-pruner.block-influence", [:], true), ("adapt-pruner.finercut", [:], true),
    ("adapt-pruner.magnitude", [:], false), ("adapt-pruner.wanda-sp", [:], false),
    ("adapt-pruner.magnitude-sp", [:], false), ("adapt-pruner.flap", [:], false),
    ("adapt-pruner.flap", ["standardise": false], false), ("adapt-pruner.activation", [:], false),
  ]

  @Test(
    "Estimates of the loss compare, measures of size do not", .enabled(if: Shipped.isBuilt),
    arguments: shipped)
  func shippedCriteria(_ id: String, _ options: JSONValue, _ compares: Bool) throws {
    #expect(try CriterionInstance(of: Shipped.plugin(id), options: options).scoresCompare == compares)
  }
}
