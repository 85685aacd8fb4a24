import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing

/// A kind of stage that the program has not: all that there is of it stands here.
private struct WeighStage: StageWork {
  enum Unit: String, CaseIterable, Sendable { case kilograms, pounds }

  var unit = Unit.kilograms
  var cups = 1
  var sign = "a sign"
  var criterion: PluginUse?

  static let kind = "weigh"
  static let does = "says how heavy the model is"
  static let title = "Say how heavy the model is"
  static let leavesModel = true

  static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .choice("unit", \.unit, "What it is weighed in."),
        .integer("cups", \.cups, 1...9, "Cups on the scales.").required(
          "how many cups, an integer from 1 to 9"),
        .text("sign", \.sign, "What is written on the scales."),
        .plugin(.criterion, \.criterion, "Which units are heavy?"),
      ])
  }

  func words(in round: StageRound) -> [String] { ["weighs the model in \(unit.rawValue)"] }

  func execute(in session: RunSession, _ context: StageContext) throws {
    context.reporter.note("\(context.label): \(cups) cups of \(sign)")
  }
}

/// A new kind of stage is one type and its place in the list of kinds: nothing else knows of it.
@Suite struct NewStageTests {
  private static let kinds = StageKinds(StageKinds.shipped.all + [WeighStage.self])

  private func resolve(_ json: String, _ catalog: PluginCatalog = PluginCatalog(entries: [])) throws
    -> Manifest
  {
    var resolver = ManifestResolver(catalog: catalog)
    resolver.kinds = Self.kinds
    return try resolver.resolve(JSONValue(parsing: json), file: "pipeline.json", folder: "/")
  }

  private func problems(_ json: String) throws -> [String] {
    do {
      _ = try resolve(json)
      return []
    } catch let error as ManifestError {
      return error.problems.map(\.description)
    }
  }

  @Test func itIsReadAndWrittenBack() throws {
    let manifest = try resolve("{\"stages\": [{\"stage\": \"weigh\", \"cups\": 3, \"unit\": \"pounds\"}]}")
    let stage = try #require(manifest.stages.first?.work as? WeighStage)
    #expect(stage == WeighStage(unit: .pounds, cups: 3, sign: "a sign", criterion: nil))
    #expect(
      manifest.json["stages"]
        == [["stage": "weigh", "name": "weigh", "unit": "pounds", "cups": 3, "sign": "a sign"]])
    #expect(try resolve(manifest.json.compact) == manifest)
    #expect(PipelineText.description(of: manifest).contains("weighs the model in pounds"))
  }

  @Test func itsMistakesAreTold() throws {
    #expect(
      try problems(
        "{\"stages\": [{\"stage\": \"weigh\", \"unit\": \"pound\", \"cup\": 3, \"criterion\": \"a.b\"}, {\"stage\": \"wei\"}]}"
      )
        == [
          "pipeline.json: stages[0].cup: unknown key; did you mean \"cups\"?",
          "pipeline.json: stages[0].cups: missing, expected how many cups, an integer from 1 to 9",
          "pipeline.json: stages[0].unit: \"pound\" is a string, expected \"kilograms\" or \"pounds\"; did you mean "
            + "\"pounds\"?",
          "pipeline.json: stages[0].criterion.id: there is no plugin \"a.b\"; there are no criteria here (adapt-pruner "
            + "plugin lists them)",
          "pipeline.json: stages[1].stage: \"wei\" is a string, expected \"evaluate\" or \"prune\" or \"transform\" or "
            + "\"train\" or \"save\" or \"repeat\" or \"weigh\"; did you mean \"weigh\"?",
        ])
  }

  @Test func theSchemaAndThePageHaveIt() throws {
    let schema = try PipelineSchema.json(Self.kinds, PluginCatalog(entries: []))
    let weigh = try #require(schema["$defs"]?["weigh"])
    #expect(weigh["required"] == ["stage", "cups"])
    #expect(
      weigh["properties"]?["cups"]
        == ["description": "Cups on the scales.", "type": "integer", "minimum": 1, "maximum": 9])
    #expect(weigh["properties"]?["unit"]?["default"] == "kilograms")
    #expect(weigh["properties"]?["isolate"] != nil)
    #expect(schema["$defs"]?["stage"]?["properties"]?["stage"]?["enum"]?.arrayValue?.last == "weigh")
    let page = FieldPages.filled("<!-- fields: weigh -->\n<!-- end -->", Self.kinds)
    #expect(page.contains("\n| `cups` | integer, 1 to 9 | required | Cups on the scales. |\n"))
  }

  private final class Notes: ProgressReporter, @unchecked Sendable {
    private let lock = NSLock()
    private var sentences: [String] = []
    var all: [String] { lock.withLock { sentences } }
    func begin(_ task: ProgressTask) {}
    func advance(to done: Int) {}
    func end() {}
    func note(_ sentence: String) { lock.withLock { sentences.append(sentence) } }
  }

  @Test func itIsCarriedOut() throws {
    let scratch = Scratch()
    let model = try SmallModel(.llama, seed: 5).write()
    defer { try? FileManager.default.removeItem(at: model) }
    let manifest = try resolve(
      """
      {"stages": [{"stage": "repeat", "times": 2, "stages": [{"stage": "weigh", "cups": 2, "sign": "tin"}]}]}
      """)
    let notes = Notes()
    _ = try Operations.run(
      manifest, registry: PluginRegistry(searching: []), modelPath: model.path,
      outputPath: scratch.path("run"), threads: 1, progress: notes, cancellation: Cancellation())
    #expect(
      notes.all.filter { $0.hasPrefix("weigh") } == ["weigh.1: 2 cups of tin", "weigh.2: 2 cups of tin"])
  }
}
