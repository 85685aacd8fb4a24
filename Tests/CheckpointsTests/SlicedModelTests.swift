import Checkpoints
import Foundation
import JSON
import Testing

/// A sliced model's folder: config.json with `residual_widths`, shortcut matrices in the place of the norms' weights.
@Suite struct SlicedModelTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Two layers, the first without attention, the second without an MLP.
  private var configuration: ModelConfiguration {
    ModelConfiguration(
      architecture: .llama, vocabularySize: 12, hiddenSize: 8,
      layers: [
        LayerShape(queryHeads: 0, keyValueHeads: 0, headDimension: 4, intermediateSize: 6),
        LayerShape(queryHeads: 2, keyValueHeads: 1, headDimension: 4, intermediateSize: 0),
        LayerShape(queryHeads: 2, keyValueHeads: 1, headDimension: 4, intermediateSize: 6),
      ],
      rmsNormEpsilon: 1e-5, rope: RotaryEmbedding(theta: 10000), tiedEmbeddings: false,
      residualWidths: ResidualWidths(attention: [5, 7, 3], mlp: [5, 3, 4], head: 8), maxPositions: 64)
  }

  /// Writes the model, with its config.json and the declared tensors changed.
  private func folder(
    _ change: (inout JSONObject) -> Void = { _ in }, declare: (inout ModelConfiguration) -> Void = { _ in }
  ) throws -> String {
    let folder = scratch.file(UUID().uuidString)
    var written = configuration
    declare(&written)
    let writer = try ModelWriter(folder: folder, configuration: written)
    for (name, shape) in written.parameters {
      try writer.append([Float](repeating: 0.5, count: shape.reduce(1, *)), to: name)
    }
    try writer.finish()
    guard case .object(var keys) = configuration.json else { return folder }
    change(&keys)
    try Data(JSONValue.object(keys).compact.utf8).write(to: URL(filePath: folder + "/config.json"))
    return folder
  }

  private func complaint(
    _ change: (inout JSONObject) -> Void = { _ in }, declare: (inout ModelConfiguration) -> Void = { _ in }
  ) throws -> String {
    let place = try folder(change, declare: declare)
    return scratch.complaint { () throws(CheckpointError) in _ = try Checkpoint.open(place) }
  }

  private func widths(_ attention: [Int], _ mlp: [Int], _ head: Int) -> JSONValue {
    [
      "attention": .array(attention.map { .integer($0) }), "mlp": .array(mlp.map { .integer($0) }),
      "head": .integer(head),
    ]
  }

  @Test func whatIsWrittenIsRead() throws {
    let read = try Checkpoint.open(folder())
    #expect(read.configuration == configuration)
    func shape(_ name: String) throws -> [Int] { try read.tensor(named: name).shape }
    #expect(try shape("model.embed_tokens.weight") == [12, 5])
    #expect(try shape("model.layers.0.mlp_shortcut_Q") == [5, 7])
    #expect(try shape("model.layers.0.mlp.down_proj.weight") == [7, 6])
    #expect(try shape("model.layers.1.attn_shortcut_Q") == [7, 3])
    #expect(try shape("model.layers.1.self_attn.o_proj.weight") == [3, 8])
    #expect(try shape("model.layers.2.self_attn.k_proj.weight") == [4, 3])
    #expect(try shape("model.layers.2.mlp.gate_proj.weight") == [6, 4])
    #expect(try shape("lm_head.weight") == [12, 8])
    #expect(!read.tensorNames.contains { $0.contains("norm") })
  }

  @Test func otherProgramsStopAtItsName() throws {
    #expect(configuration.json["architectures"] == ["SlicedLlamaForCausalLM"])
    var whole = configuration
    whole.residualWidths = nil
    #expect(whole.json["architectures"] == ["LlamaForCausalLM"] && whole.json["residual_widths"] == nil)
  }

  @Test func layersThatAreLeftOutTakeTheirWidthsAlong() throws {
    var model = configuration
    model.layers[1] = LayerShape(queryHeads: 0, keyValueHeads: 0, headDimension: 4, intermediateSize: 0)
    model.residualWidths = ResidualWidths(attention: [5, 7, 7], mlp: [5, 7, 4], head: 8)
    #expect(
      LayerRenumbering(model).configuration.residualWidths
        == ResidualWidths(attention: [5, 7], mlp: [5, 4], head: 8))
  }

  @Test func widthsThatCannotBeAreRefused() throws {
    #expect(
      try complaint { $0["residual_widths"] = 5 }.hasSuffix(
        "residual_widths: expected an object, found 5."))
    #expect(
      try complaint { $0["residual_widths"] = widths([5, 7, 3], [5, 3, 4], 9) }.contains(
        "residual_widths.head: expected widths from 1 to hidden_size, 8"))
    #expect(
      try complaint { $0["residual_widths"] = widths([5, 7, 0], [5, 3, 4], 8) }.contains(
        "residual_widths.attention: expected widths from 1 to hidden_size, 8"))
    #expect(
      try complaint { $0["residual_widths"] = widths([5, 7], [5, 3, 4], 8) }.contains(
        "residual_widths.attention: expected a whole number, or a list of num_hidden_layers = 3"))
    #expect(
      try complaint { $0["residual_widths"] = ["attention": 5] }.contains("residual_widths.mlp"))
    #expect(
      try complaint { $0["residual_widths"] = widths([5, 7, 3], [6, 3, 4], 8) }.contains(
        "residual_widths.mlp[0]: expected 5, as before, since the layer has no attention, found 6"))
    #expect(
      try complaint { $0["residual_widths"] = widths([5, 7, 4], [5, 3, 4], 8) }.contains(
        "residual_widths, behind layer 1: expected 3, as before, since the layer has no MLP, found 4"))
    #expect(
      try complaint { $0["tie_word_embeddings"] = true }.contains(
        "the embedding and the head of a sliced model stand in different bases"))
  }

  @Test func tensorsThatDoNotFitAreNamed() throws {
    // Shortcuts that are missing, since the file is an ordinary model's.
    #expect(
      try complaint(declare: {
        $0.residualWidths = nil
        $0.hiddenSize = 8
      }).contains("model.embed_tokens.weight has shape [12, 8], but the configuration says [12, 5]"))
    #expect(
      try complaint(declare: {
        $0.residualWidths = ResidualWidths(attention: [5, 7, 3], mlp: [5, 3, 5], head: 8)
      })
      .contains("has shape"))
    // All widths as they are without slicing: then only shortcuts and norms tell.
    let full = widths([8, 8, 8], [8, 8, 8], 8)
    #expect(
      try complaint({ $0["residual_widths"] = full }, declare: { $0.residualWidths = nil }).contains(
        "has no tensor model.layers.0.mlp_shortcut_Q, expected with shape [8, 8]: the configuration says residual_widths"
      ))
    #expect(
      try complaint(
        { $0["residual_widths"] = nil },
        declare: { $0.residualWidths = ResidualWidths(attention: [8, 8, 8], mlp: [8, 8, 8], head: 8) }
      ).contains("has no tensor model.layers.0.post_attention_layernorm.weight"))
  }
}
