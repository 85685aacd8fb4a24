import Checkpoints
import Foundation
import JSON
import Testing

/// The fixture is what transformers' own classes make of the same files (scripts/make-configuration-fixture.py).
@Suite("A config.json that leaves keys out is read as transformers reads it")
struct AbsentKeysTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let config: JSONValue
    let expected: JSONValue
    var testDescription: String { config.compact }
  }

  static let cases: [Case] = {
    guard let text = FileManager.default.contents(atPath: fixture("configurations.json")),
      let cases = try? JSONValue(parsing: Array(text))["cases"]?.arrayValue
    else { return [] }
    return cases.compactMap { one in
      one["config"].flatMap { config in one["expected"].map { Case(config: config, expected: $0) } }
    }
  }()

  @Test func theFixtureHasEveryArchitecture() {
    #expect(Self.cases.count > 60)
    let known = Set(Self.cases.compactMap { $0.config["model_type"]?.stringValue })
    #expect(known == Set(ModelConfiguration.Architecture.allCases.map(\.rawValue)))
  }

  @Test(arguments: cases) func everyKey(_ one: Case) throws {
    let found = try ModelConfiguration(json: one.config, file: "config.json")
    let expected = one.expected
    func check(_ key: String, _ value: Int) { #expect(expected[key] == .integer(value), "\(key)") }
    func check(_ key: String, _ value: Bool) { #expect(expected[key] == .bool(value), "\(key)") }
    check("vocab_size", found.vocabularySize)
    check("hidden_size", found.hiddenSize)
    check("num_hidden_layers", found.layers.count)
    for layer in found.layers {
      check("num_attention_heads", layer.queryHeads)
      check("num_key_value_heads", layer.keyValueHeads)
      check("head_dim", layer.headDimension)
      check("intermediate_size", layer.intermediateSize)
    }
    check("max_position_embeddings", found.maxPositions)
    check("tie_word_embeddings", found.tiedEmbeddings)
    check("attention_bias", found.biases.queryKeyValue)
    check("mlp_bias", found.biases.gateUp)
    let activation = found.design.activation == .silu ? "silu" : "gelu_pytorch_tanh"
    #expect(expected["hidden_act"] == .string(activation))
    #expect(expected["rms_norm_eps"]?.numberValue == found.rmsNormEpsilon)
    #expect(expected["bos_token_id"] == found.beginningOfText.map { .integer($0) } ?? .null)
    #expect(expected["eos_token_id"]?.arrayValue == found.endOfText.map { .integer($0) })
    #expect(
      expected["windows"]?.arrayValue == found.layers.map { $0.slidingWindow.map { .integer($0) } ?? .null })
    let thetas = found.layers.map { $0.rope.map { JSONValue.number(found.ropes[$0].theta) } ?? .null }
    #expect(expected["thetas"]?.arrayValue?.map { $0.numberValue.map { .number($0) } ?? .null } == thetas)
    try checkDesign(found, try #require(expected["design"]))
    // And what we write of it is the same model. Keys of scales and caps are written beside the source's own keys.
    var again = try ModelConfiguration(json: found.json, file: "config.json")
    if found.design != DecoderDesign() { again.otherKeys = found.otherKeys }
    #expect(again == found)
    guard let frequencies = expected["frequencies"]?.arrayValue?.compactMap(\.numberValue) else { return }
    let ours = found.rope.frequencies(headDimension: found.layers[0].headDimension)
    #expect(ours.count == frequencies.count)
    for (our, theirs) in zip(ours, frequencies) { #expect(abs(our - theirs) < 1e-6 * theirs) }
  }

  /// Scales, caps and multipliers; none of them is an absent cap.
  private func checkDesign(_ found: ModelConfiguration, _ expected: JSONValue) throws {
    let design = found.design
    let head = Double(found.layers[0].headDimension)
    for (key, ours) in [
      ("attention_scale", design.attentionScale ?? 1 / head.squareRoot()),
      ("attention_cap", design.attentionSoftCap), ("final_cap", design.finalSoftCap),
      ("embedding_scale", design.embeddingScale), ("residual_multiplier", design.residualMultiplier),
      ("logit_scale", design.logitScale),
    ] as [(String, Double?)] {
      let theirs = expected[key]?.numberValue
      #expect((ours == nil) == (theirs == nil), "\(key)")
      #expect(abs((ours ?? 0) - (theirs ?? 0)) <= 1e-9 * abs(theirs ?? 0), "\(key)")
    }
  }

  @Test(
    "what two keys say differently, or a key says of some layers alone, is refused by name",
    arguments: [
      (
        #""rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "rope_scaling": {"rope_type": "linear", "factor": 4.0}"#,
        "rope_scaling: expected the same rotary embedding as rope_parameters describes, or one of the two keys alone, found an object with 2 keys."
      ),
      // Without rope_theta of its own, rope_scaling means 10,000 to transformers.
      (
        #""rope_parameters": {"rope_type": "linear", "factor": 4, "rope_theta": 500000}, "rope_scaling": {"rope_type": "linear", "factor": 4}"#,
        "rope_scaling: expected the same rotary embedding as rope_parameters describes, or one of the two keys alone, found an object with 2 keys."
      ),
      (
        #""rope_theta": 10000, "rope_parameters": {"rope_theta": 500000}"#,
        "rope_theta: expected 500000.0, as rope_parameters says, or one of the two alone, found 10000."
      ),
      (
        #""rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1000.0}}"#,
        "rope_parameters.full_attention is an object with 2 keys: a rotary embedding for each type of layers is not supported; "
          + "where it is the same in all layers, write rope_theta and rope_type without the layers' type."
      ),
      (
        #""per_layer_config": [{}, {}]"#,
        "per_layer_config is set: sizes that differ between layers are read from lists, intermediate_size for instance."
      ),
      (
        #""layer_types": ["full_attention", "sliding_attention"]"#,
        "layer_types[1] is “sliding_attention”: the width of the window is missing: use_sliding_window is not true, or "
          + "sliding_window is null."
      ),
      (
        #""layer_types": ["full_attention"]"#,
        "layer_types: expected a list of 2 names, found a list of 1."
      ),
      (
        #""head_dim": [8, 4294967296]"#,
        "head_dim: expected a whole number, or a list of num_hidden_layers = 2 of them, found a list of 2."
      ),
      (
        #""head_dim": [8, 131072]"#,
        "head_dim: expected even numbers up to 65536, since the rotary embedding turns pairs; layer 1 has 131072, found a list of 2."
      ),
      (
        #""head_dim": [8, 7]"#,
        "head_dim: expected even numbers up to 65536, since the rotary embedding turns pairs; layer 1 has 7, found a list of 2."
      ),
      (
        #""head_dim": [8, 8], "num_key_value_heads": [2, 3]"#,
        "layer 1: expected num_attention_heads to be a multiple of num_key_value_heads, found 4 and 3."
      ),
    ])
  func refused(keys: String, sentence: String) {
    #expect(
      ConfigurationTests.complaint(ConfigurationTests.text("qwen3", keys)) == "config.json: \(sentence)")
  }

  @Test("the rotary embedding is written under the keys that transformers 4 and 5 share")
  func written() throws {
    let linear = try ConfigurationTests.read(
      ConfigurationTests.text(
        "llama", #""rope_parameters": {"rope_type": "linear", "factor": 4, "rope_theta": 7}"#))
    guard case .object(let keys) = linear.json else { return #expect(Bool(false)) }
    #expect(keys["rope_theta"] == .number(7))
    #expect(keys["rope_scaling"] == ["rope_type": "linear", "factor": .number(4)])
    #expect(keys["rope_parameters"] == nil)
  }
}
