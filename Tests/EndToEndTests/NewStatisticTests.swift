import Checkpoints
import Foundation
import Pipeline
import PluginRuntime
import Tensors
import Testing
import Transformer

/// A new statistic takes an entry and what gathers it (`InputPeak.swift`), each registered in one line: negotiation, plain
/// functions, the pass and what a plugin is handed follow.
@Suite struct NewStatisticTests {
  private let scratch = Scratch()

  static let offered: StatisticRegistry = {
    var registry = StatisticRegistry.host
    registry.register(.inputPeak)
    return registry
  }()
  static let gatherers: Gatherers = {
    var gatherers = Gatherers.host
    gatherers.register(.inputPeak)
    return gatherers
  }()

  /// Where all tokens of a sequence are the same, every token's x is the mean: then the largest |x| of several such
  /// sequences is the largest |mean| of passes with one of them each.
  @Test func aPluginIsHandedWhatIsGathered() throws {
    let plugin = try LoadedPlugin(loading: found(offered: Self.offered))
    #expect(plugin.statistics == [.inputPeak])
    let criterion = try CriterionInstance(of: plugin)
    let model = try SmallModel(.qwen3, seed: 5).write()
    let sequences: [[Int32]] = [3, 17, 29].map { [Int32](repeating: $0, count: 6) }

    let found = try scores(model, sequences, criterion.statistics) { layer, family, units in
      try criterion.score(model: summary, units: units).map(Double.init)
    }
    var expected: [String: [Double]] = [:]
    for sequence in sequences {
      let one = try scores(model, [sequence], [.inputMean]) { layer, family, units in
        let matrix = try #require(units.matrices.first { $0.axis == .columns })
        let mean = try #require(matrix.statistics[.inputMean])
        return (0..<mean.columns).map { Double(abs(mean.base[$0])) }
      }
      expected.merge(one) { zip($0, $1).map(max) }
    }
    #expect(found.count == 4)
    for (place, scores) in found {
      let peaks = try #require(expected[place])
      let lines = peaks.count / scores.count
      for (unit, score) in scores.enumerated() {
        let sum = peaks[unit * lines..<(unit + 1) * lines].reduce(0, +)
        #expect(sum > 0 && abs(score - sum) < 1e-5 * sum, "\(place), unit \(unit)")
      }
    }
  }

  @Test func withoutItsLineNobodyKnowsIt() throws {
    let error = #expect(throws: PluginError.self) { try LoadedPlugin(loading: found(offered: .host)) }
    #expect(
      "\(try #require(error))".contains(
        "asks for the statistic \"input_peak\", which the host does not have for a criterion"))
  }

  @Test func plainFunctionsNameItWithDots() throws {
    try scratch.write(
      """
      { "library": "libm.so.6", "plugins": [ { "id": "toy.peaks", "kind": "criterion", "version": "1.0.0", "summary": "A toy.",
        "function": { "symbol": "frexp", "call": "matrix", "returns": "void",
          "arguments": [ { "type": "float*", "value": "input.peak" }, { "type": "float*", "value": "scores" } ] } } ] }
      """, to: "plain/plugin.json")
    let known = PluginRegistry(searching: [scratch.path("plain")], offered: Self.offered)
    #expect(try LoadedPlugin(loading: known.find("toy.peaks")).statistics == [.inputPeak])
    let unknown = PluginRegistry(searching: [scratch.path("plain")])
    #expect("\(unknown.problems)".contains("input.peak") && unknown.plugins.isEmpty)
  }

  /// Every entry of criteria and allocators has a gatherer, and asks for the passes that it says.
  @Test func everyEntryIsGathered() throws {
    let entries = [PluginKind.criterion, .allocator].flatMap(StatisticRegistry.host.entries(for:))
    #expect(entries.map(\.name) == Gatherers.host.all.map(\.statistic.name))
    for entry in entries {
      let request = CalibrationRequest(
        sequences: [], batchSize: 1, statistics: [entry], families: [.layer], seed: 0)
      #expect(request.goesBack == (entry.pass == .backward), "\(entry)")
      #expect(!request.removals.isEmpty == (entry.pass == .withoutEachUnit), "\(entry)")
    }
  }

  // MARK: - The pass

  private let summary = ModelSummary(
    architecture: "qwen3", layerCount: 2, hiddenSize: 8, vocabularySize: 32, parameters: 1,
    originalParameters: 1)

  /// What `judge` makes of each family of each layer, in a pass that gathers these statistics.
  private func scores(
    _ model: URL, _ sequences: [[Int32]], _ statistics: [Statistic],
    _ judge: (CalibratedLayer, Family, UnitsRequest) throws -> [Double]
  ) throws -> [String: [Double]] {
    let decoder = try Decoder(Checkpoint.open(model.path))
    var scores: [String: [Double]] = [:]
    let request = CalibrationRequest(
      sequences: sequences, batchSize: 2, statistics: statistics, by: Self.gatherers, families: Family.widths,
      seed: 1)
    _ = try decoder.calibrate(request, workers: Workers(count: 2)) { layer in
      for family in Family.widths {
        let units = layer.request(family, original: decoder.kept[layer.layer].units(of: family))
        scores["layer \(layer.layer), \(family.rawValue)"] = try judge(layer, family, units)
      }
    }
    return scores
  }

  private func found(offered: StatisticRegistry) throws -> PluginDescription {
    try scratch.write(
      """
      { "library": "libfixture.so", "abi": { "major": 1, "minor": 0 },
        "plugins": [ { "id": "fixture.plugin", "kind": "criterion", "version": "1.0.0", "summary": "A fixture." } ] }
      """, to: "plugins/plugin.json")
    try Compiler.compile(
      Support.package.appendingPathComponent("Tests/Fixtures/plugins/sums_peaks.c").path,
      to: scratch.path("plugins/libfixture.so"),
      include: Support.package.appendingPathComponent("Sources/PluginABI/include").path)
    return try PluginRegistry(searching: [scratch.path("plugins")], offered: offered).find("fixture.plugin")
  }
}
