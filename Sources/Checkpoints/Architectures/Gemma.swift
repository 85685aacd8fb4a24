import Foundation
import JSON

/// Gemma 2: norms of weight 1 + w around each sublayer, and a gate of GELU. Embeddings are scaled, scores and logits are
/// capped. Every other layer has a window. Sources: modeling_gemma2.py of transformers 5, gemma2.cpp of llama.cpp.
struct Gemma2: GemmaRules {
  let modelType = "gemma2"
  let className = "Gemma2ForCausalLM"
  let defaults: ArchitectureDefaults = Self.defaults(vocabularySize: 256_000, maxPositions: 8192)
  let ownKeys: Set<String> = ["hidden_activation"]
  let ggufKeys: Set<String> = [
    "attn_logit_softcapping", "final_logit_softcapping", "attention.sliding_window_pattern",
  ]

  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign {
    var design = try Self.design(keys, hiddenSize: hiddenSize)
    design.attentionSoftCap = try Self.cap(keys, "attn_logit_softcapping", default: 50)
    design.finalSoftCap = try Self.cap(keys, "final_logit_softcapping", default: 30)
    return design
  }

  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    try Self.windows(keys, layers: layers, period: 2)
  }

  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    Self.write(configuration, into: &keys)
    keys["attn_logit_softcapping"] = configuration.design.attentionSoftCap.map { .number($0) } ?? .null
  }

  /// 46 layers are the 27B model, whose scale is of other heads than it has (`load_arch_hparams` in gemma2.cpp).
  func finish(
    _ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys
  ) throws(CheckpointError) {
    try Self.finish(&configuration, keys, period: 2, window: 4096, largest: 46)
    configuration.design.attentionSoftCap = try keys.number("attn_logit_softcapping", default: 50)
    configuration.design.finalSoftCap = try keys.number("final_logit_softcapping", default: 30)
  }
}

/// Gemma 3's text model: Gemma 2 with norms of queries and keys in place of the caps. Layers with a window have a rotary
/// embedding of their own. Sources: modeling_gemma3.py of transformers 5, gemma3.cpp of llama.cpp.
struct Gemma3Text: GemmaRules {
  let modelType = "gemma3_text"
  let className = "Gemma3ForCausalLM"
  let ggufName: String? = "gemma3"
  let defaults: ArchitectureDefaults = Self.defaults(
    vocabularySize: 262_208, maxPositions: 131_072, ropeTheta: 1e6)
  let ownKeys: Set<String> = ["hidden_activation", "rope_local_base_freq"]
  let ggufKeys: Set<String> = [
    "final_logit_softcapping", "attention.sliding_window_pattern", "rope.freq_base_swa",
  ]

  /// `attn_logit_softcapping` is read past: Gemma3Attention does not hand it on.
  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign {
    var design = try Self.design(keys, hiddenSize: hiddenSize)
    design.queryKeyNorm = .perHead
    design.finalSoftCap = try Self.cap(keys, "final_logit_softcapping", default: nil)
    return design
  }

  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    try Self.windows(keys, layers: layers, period: try keys.size("sliding_window_pattern", default: 6))
  }

  /// `rope_scaling` is of layers that see everything; transformers 5 has an object for each type of layers.
  func ropes(
    _ keys: ConfigurationKeys, layers: inout [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> [RotaryEmbedding] {
    for index in layers.indices { layers[index].rope = layers[index].slidingWindow == nil ? 0 : 1 }
    let shapes = layers
    let types = ["full_attention", "sliding_attention"]
    let nested = try keys.object("rope_parameters")
    for member in nested?.members.members ?? [] where !types.contains(member.key) {
      throw keys.unsupported(
        "rope_parameters.\(member.key)", found: member.value.summary,
        "an object for each of full_attention and sliding_attention is expected")
    }
    var ropes: [RotaryEmbedding] = []
    for (type, theta, standard) in [
      (types[0], "rope_theta", defaults.ropeTheta), (types[1], "rope_local_base_freq", 10_000),
    ] {
      var described: [(key: String, object: ConfigurationKeys)] = []
      if type == types[0], let scaling = try keys.object("rope_scaling") {
        described.append(("rope_scaling", scaling))
      }
      if let object = try nested?.object(type) { described.append(("rope_parameters.\(type)", object)) }
      ropes.append(
        try RotaryEmbedding.agreed(keys, theta: theta, standard: standard, described) {
          (scaling, outer) throws(CheckpointError) in
          try RotaryEmbedding.read(scaling, outer, within: keys, layers: shapes, maxPositions: maxPositions)
        })
    }
    return ropes
  }

  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    Self.write(configuration, into: &keys)
    guard let local = configuration.ropes.dropFirst().first else { return }
    if local.scaling == .none {
      keys["rope_local_base_freq"] = .number(local.theta)
      return
    }
    // Only transformers 5 has words for it.
    keys["rope_theta"] = nil
    keys["rope_scaling"] = nil
    keys["rope_parameters"] = .object([
      "full_attention": .object(configuration.rope.parameters),
      "sliding_attention": .object(local.parameters),
    ])
  }

  /// 62 layers are the 27B model. A linear factor is of layers without a window alone.
  func finish(
    _ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys
  ) throws(CheckpointError) {
    try Self.finish(&configuration, keys, period: 6, window: nil, largest: 62)
    configuration.design.queryKeyNorm = .perHead
    if let cap = keys["final_logit_softcapping"], cap.numberValue != 0 {
      configuration.design.finalSoftCap = try keys.number("final_logit_softcapping")
    }
    let base = try keys.number("rope.freq_base_swa", default: 10_000)
    configuration.ropes.append(RotaryEmbedding(theta: base))
    for index in configuration.layers.indices where configuration.layers[index].slidingWindow != nil {
      configuration.layers[index].rope = 1
    }
  }
}

/// The rules that both share.
protocol GemmaRules: ArchitectureRules {}

extension GemmaRules {
  var activation: (key: String, names: [String: DecoderDesign.Activation]) {
    // Names of one function in transformers' activations.py.
    ("hidden_activation", ["gelu_pytorch_tanh": .geluTanh, "gelu_new": .geluTanh])
  }
  var ggufNormOffset: Float { 1 }

  static func defaults(
    vocabularySize: Int, maxPositions: Int, ropeTheta: Double = 10_000
  ) -> ArchitectureDefaults {
    ArchitectureDefaults(
      vocabularySize: vocabularySize, hiddenSize: 2304, intermediateSize: 9216, layers: 26, queryHeads: 8,
      keyValueHeads: 4, headDimension: 256, maxPositions: maxPositions, ropeTheta: ropeTheta,
      tiedEmbeddings: true, beginningOfText: 2, endOfText: 1)
  }

  static func design(hiddenSize: Int) -> DecoderDesign {
    var design = DecoderDesign()
    design.activation = .geluTanh
    design.normWeight = .onePlus
    design.normPlacement = .around
    // A model in bfloat16 rounds it, as transformers does; here it is computed in float32.
    design.embeddingScale = Double(hiddenSize).squareRoot()
    return design
  }

  static func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign {
    guard try !keys.flag("use_bidirectional_attention", default: false) else {
      throw keys.unsupported(
        "use_bidirectional_attention", "a model that predicts the next token is expected")
    }
    var design = design(hiddenSize: hiddenSize)
    design.attentionScale = 1 / (try keys.number("query_pre_attn_scalar", default: 256)).squareRoot()
    return design
  }

  /// - Parameter standard: the cap where there is no such key. null means none.
  static func cap(
    _ keys: ConfigurationKeys, _ key: String, default standard: Double?
  ) throws(CheckpointError) -> Double? {
    if keys.members[key] == .null { return nil }
    return keys[key] == nil ? standard : try keys.number(key)
  }

  /// Follows `layer_types`. Without it every `period`-th layer sees everything, and the others slide.
  static func windows(
    _ keys: ConfigurationKeys, layers: Int, period: Int
  ) throws(CheckpointError) -> [Int?] {
    let window =
      keys.members["sliding_window"] == .null ? nil : try keys.size("sliding_window", default: 4096)
    let missing = "sliding_window is null"
    if let windows = try LayerTypes.windows(keys, layers: layers, used: window, missing: missing) {
      return windows
    }
    guard let window else { throw keys.malformed("sliding_window", "the width of the window") }
    return (0..<layers).map { ($0 + 1) % period == 0 ? nil : window }
  }

  static func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    keys["layer_types"] = LayerTypes.json(of: configuration.layers)
    keys["sliding_window"] = LayerTypes.window(of: configuration.layers)
    let design = configuration.design
    if let scale = design.attentionScale {
      let scalar = 1 / (scale * scale)
      let whole = scalar.rounded()
      // transformers 5 asks for a whole number.
      let isWhole = abs(scalar - whole) < 1e-9 * whole
      keys["query_pre_attn_scalar"] =
        (isWhole ? Int(exactly: whole) : nil).map { .integer($0) } ?? .number(scalar)
    }
    keys["final_logit_softcapping"] = design.finalSoftCap.map { .number($0) } ?? .null
  }

  /// llama.cpp derives the scale from the number of layers.
  static func finish(
    _ configuration: inout ModelConfiguration, _ keys: ConfigurationKeys, period: Int, window: Int?,
    largest: Int
  ) throws(CheckpointError) {
    configuration.design = design(hiddenSize: configuration.hiddenSize)
    if let first = configuration.layers.first {
      let dimension =
        configuration.layers.count == largest
        ? configuration.hiddenSize / max(1, first.queryHeads) : first.headDimension
      configuration.design.attentionScale = 1 / Double(dimension).squareRoot()
    }
    let slides = try slidingLayers(keys, layers: configuration.layers.count, period: period)
    for index in configuration.layers.indices {
      let found = configuration.layers[index].slidingWindow ?? window
      configuration.layers[index].slidingWindow = slides[index] ? found : nil
    }
  }

  /// [layers]: which layers have a window. Every `period`-th has none, unless the file gives another period or a flag for
  /// each layer.
  private static func slidingLayers(
    _ keys: ConfigurationKeys, layers: Int, period: Int
  ) throws(CheckpointError) -> [Bool] {
    let key = "attention.sliding_window_pattern"
    if case .array(let flags)? = keys[key] {
      let slides = flags.compactMap(\.boolValue)
      if flags.count == layers, slides.count == layers { return slides }
    } else if let period = keys[key] == nil ? period : keys[key]?.integerValue, period > 0 {
      return (0..<layers).map { ($0 + 1) % period != 0 }
    }
    throw keys.malformed(key, "a period, or a truth value for each of \(layers) layers")
  }
}
