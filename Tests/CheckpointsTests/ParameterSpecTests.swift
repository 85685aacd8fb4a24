import Checkpoints
import Testing

@Suite struct ParameterSpecTests {
  private func model(
    _ design: DecoderDesign = DecoderDesign(), _ biases: Biases = Biases(), widths: ResidualWidths? = nil
  ) -> ModelConfiguration {
    let whole = LayerShape(queryHeads: 6, keyValueHeads: 2, headDimension: 4, intermediateSize: 10)
    let cut = LayerShape(queryHeads: 0, keyValueHeads: 0, headDimension: 4, intermediateSize: 7)
    return ModelConfiguration(
      architecture: .llama, vocabularySize: 9, hiddenSize: 12, layers: [whole, cut], rmsNormEpsilon: 1e-5,
      rope: RotaryEmbedding(theta: 10_000), tiedEmbeddings: false, biases: biases,
      design: design, residualWidths: widths, maxPositions: 32)
  }

  static let all = Biases(queryKeyValue: true, attentionOutput: true, gateUp: true, down: true)

  @Test func fusedProjectionsAreOneTensorWithTheRowsOfAllInTheirOrder() throws {
    var design = DecoderDesign()
    design.fusesProjections = true
    let configuration = model(design, Self.all)
    let shapes = configuration.parameters
    #expect(shapes["model.layers.0.self_attn.qkv_proj.weight"] == [24 + 8 + 8, 12])
    #expect(shapes["model.layers.0.self_attn.qkv_proj.bias"] == [24 + 8 + 8])
    #expect(shapes["model.layers.0.mlp.gate_up_proj.weight"] == [20, 12])
    #expect(shapes["model.layers.0.self_attn.q_proj.weight"] == nil)
    let sizes = configuration.sizes(0)
    let value = try #require(sizes.specs.first { $0.role == .value })
    #expect(value.fused?.above.reduce(0) { $0 + sizes[$1] } == 32)
  }

  @Test(arguments: [false, true], [DecoderDesign.QueryKeyNorm.none, .perHead, .wholeWidth])
  func layersCountWhatTheirTensorsHold(isSliced: Bool, norm: DecoderDesign.QueryKeyNorm) {
    let widths = ResidualWidths(attention: [8, 5], mlp: [7, 5], head: 6)
    for placement in DecoderDesign.NormPlacement.allCases where !isSliced || placement == .before {
      var design = DecoderDesign(queryKeyNorm: norm)
      design.normPlacement = placement
      let configuration = model(design, Self.all, widths: isSliced ? widths : nil)
      for layer in 0..<2 {
        let sizes = configuration.sizes(layer)
        let tensors = configuration.parameters.filter { $0.key.hasPrefix("model.layers.\(layer).") }.values
        #expect(sizes.parameters == tensors.reduce(0) { $0 + $1.reduce(1, *) })
        #expect(
          sizes.multiplyAccumulates
            == tensors.filter { $0.count == 2 }.reduce(0) { $0 + $1.reduce(1, *) })
      }
      // A unit costs what a layer with one unit less has less.
      var (whole, less) = (configuration.sizes(0), configuration.sizes(0))
      whole.shape.intermediateSize = 10
      less.shape.intermediateSize = 9
      #expect(whole.parametersPerUnit(of: .mlp) == whole.parameters - less.parameters)
      #expect(
        whole.multiplyAccumulatesPerUnit(of: .mlp) == whole.multiplyAccumulates - less.multiplyAccumulates)
      less = whole
      (less.shape.queryHeads, less.shape.keyValueHeads) = (3, 1)
      #expect(whole.parametersPerUnit(of: .attention) == whole.parameters - less.parameters)
      #expect(
        whole.multiplyAccumulatesPerUnit(of: .attention)
          == whole.multiplyAccumulates - less.multiplyAccumulates)
    }
  }

  /// Modules and their order of transformers' modeling_gemma2.py and modeling_olmo2.py.
  @Test(arguments: [
    (DecoderDesign.NormPlacement.before, ["input_layernorm", "post_attention_layernorm"]),
    (.after, ["post_attention_layernorm", "post_feedforward_layernorm"]),
    (
      .around,
      [
        "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
        "post_feedforward_layernorm",
      ]
    ),
  ])
  func normsAreNamedByWhereTheyStand(placement: DecoderDesign.NormPlacement, names: [String]) {
    var design = DecoderDesign()
    design.normPlacement = placement
    let specs = ParameterSpec.list(design, Biases())
    #expect(specs.filter { $0.rows == .hidden }.map(\.module) == names)
  }
}
