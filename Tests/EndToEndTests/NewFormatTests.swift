import Checkpoints
import Foundation
import JSON
import Pipeline
import Tensors
import Testing
import Transformer

/// A new format of models takes a sink and a constant that names it; what leaves the model, and that it appears whole, follow.
@Suite struct NewFormatTests {
  /// Every parameter's name with its shape, in one JSON file.
  final class ListingSink: ModelSink {
    private let file: URL
    private let shapes: [String: [Int]]
    private var counts: [String: Int] = [:]

    init(folder: String, configuration: ModelConfiguration) throws {
      let folder = URL(fileURLWithPath: folder)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      file = folder.appendingPathComponent("shapes.json")
      shapes = Dictionary(uniqueKeysWithValues: configuration.parameters.map { ($0.key, $0.value) })
    }

    func append(_ values: UnsafeBufferPointer<Float>, to name: String) throws(CheckpointError) {
      guard shapes[name] != nil else {
        throw .badWrite(file: file.path, tensor: name, problem: "it has no shape")
      }
      counts[name, default: 0] += values.count
    }

    func finish() throws(CheckpointError) {
      for (name, shape) in shapes where counts[name] != shape.reduce(1, *) {
        throw .badWrite(file: file.path, tensor: name, problem: "\(counts[name] ?? 0) values came")
      }
      let list = JSONObject(
        shapes.sorted { $0.key < $1.key }.map { ($0.key, .array($0.value.map { .integer($0) })) })
      do { try JSONValue.object(list).compact.write(to: file, atomically: true, encoding: .utf8) } catch {
        throw .badWrite(file: file.path, tensor: "", problem: "\(error)")
      }
    }
  }

  private static let listing = ModelFormat(
    open: { folder, configuration, _ in try ListingSink(folder: folder, configuration: configuration) },
    addCompanions: { _, _ in [] })

  /// The shapes are those in the header of what the Hugging Face writer makes of the same pruned model.
  @Test func aSinkGetsEveryParameterOfThePrunedModel() throws {
    let scratch = Scratch()
    let model = try LoadedModel(path: SmallModel(.biased, seed: 3, layers: 3).write().path)
    try model.decoder.keep([0, 2, 5, 7], of: .mlp, layer: 0)
    try model.decoder.keep([1], of: .attention, layer: 2)
    try model.decoder.keep([], of: .layer, layer: 1)
    let workers = Workers(count: 1)
    try model.save(to: scratch.path("listing"), type: .float32, as: Self.listing, workers: workers)
    try model.save(to: scratch.path("saved"), type: .float32, workers: workers)

    let found = try #require(
      Support.json(scratch.url.appendingPathComponent("listing/shapes.json")).objectValue)
    let bytes = [UInt8](try Data(contentsOf: scratch.url.appendingPathComponent("saved/model.safetensors")))
    let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(JSONValue(parsing: Array(bytes[8..<8 + length])).objectValue)
    let expected = header.members.filter { $0.key != "__metadata__" }
    #expect(expected.count == found.members.count && expected.count > 20)
    for member in expected { #expect(found[member.key] == member.value["shape"], "\(member.key)") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("listing")) == ["shapes.json"])
  }

  @Test func aSinkThatFailsLeavesNothing() throws {
    let scratch = Scratch()
    let model = try LoadedModel(path: SmallModel(.llama, seed: 3).write().path)
    let failing = ModelFormat(
      open: { folder, configuration, _ in
        var fewer = configuration
        fewer.layers.removeLast()
        return try ListingSink(folder: folder, configuration: fewer)
      }, addCompanions: { _, _ in [] })
    #expect(throws: CheckpointError.self) {
      try model.save(to: scratch.path("listing"), type: .float32, as: failing, workers: Workers(count: 1))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == [])
  }
}
