import Checkpoints
import Foundation
import Testing

@Suite(
  "Models written by transformers",
  .enabled(if: Reference.isPresent, "set ADAPT_PRUNER_REFERENCE to the folder of reference values"))
struct ReferenceModelTests {
  /// PyTorch's gradients have the names and shapes of the parameters.
  @Test("have the parameters that PyTorch has", arguments: Reference.supported)
  func parameters(model: String) throws {
    let checkpoint = try Checkpoint.open(Reference.tiny(model))
    let golden = try SafetensorsFile(path: Reference.tiny(model) + "/golden.safetensors")
    let gradients = golden.tensorNames.filter { $0.hasPrefix("grad.") }
    let parameters = checkpoint.configuration.parameters
    #expect(Set(gradients.map { String($0.dropFirst(5)) }) == Set(parameters.keys))
    for (name, shape) in parameters { #expect(try golden.tensor(named: "grad.\(name)").shape == shape) }
    let numbers = try gradients.reduce(0) { $0 + (try golden.tensor(named: $1).elementCount) }
    #expect(checkpoint.configuration.parameterCount == numbers)
    #expect(
      checkpoint.totalBytes == numbers * checkpoint.configuration.declaredType.bytesPerBlock)
    #expect(try golden.tensor(named: "input_ids").integers().count == 96)
  }

  @Test("say the same in the configuration of transformers 4 as of 5", arguments: Reference.supported)
  func legacy(model: String) throws {
    var new = try ModelConfiguration.read(Reference.tiny(model) + "/config.json")
    var old = try ModelConfiguration.read(Reference.tiny(model) + "/config.legacy.json")
    new.otherKeys = [:]
    old.otherKeys = [:]
    #expect(new == old)
  }

  @Test("of other architectures are refused by name", arguments: ["mixtral", "olmoe"])
  func refused(model: String) throws {
    let scratch = try Scratch()
    let path = "\(Reference.folder)/tiny-more/\(model)/config.json"
    #expect(
      scratch.complaint { () throws(CheckpointError) in _ = try ModelConfiguration.read(path) }
        == "\(path): the architecture “\(model)” is not supported; supported are llama, mistral, qwen2, qwen3, "
        + "gemma2, gemma3_text, phi3, olmo2, smollm3, granite."
    )
  }

  @Test("have the same weights in shards as in one file")
  func shards() throws {
    let whole = try Checkpoint.open(Reference.tiny("llama_gqa"))
    let sharded = try Checkpoint.open(Reference.tiny("llama_gqa_sharded"))
    #expect(Set(whole.tensorNames) == Set(sharded.tensorNames))
    for name in whole.tensorNames {
      let (ours, theirs) = (try whole.tensor(named: name), try sharded.tensor(named: name))
      #expect(ours.withBytes { Array($0) } == theirs.withBytes { Array($0) })
    }
  }

  /// The three checkpoints are one model, rounded by PyTorch.
  @Test(
    "are rounded as PyTorch rounds",
    arguments: [("llama_gqa_f16", StorageType.float16), ("llama_gqa_bf16", .bfloat16)])
  func rounding(model: String, type: StorageType) throws {
    let source = try Checkpoint.open(Reference.tiny("llama_gqa"))
    let rounded = try Checkpoint.open(Reference.tiny(model))
    var configuration = source.configuration
    configuration.declaredType = type
    let scratch = try Scratch()
    let writer = try ModelWriter(folder: scratch.file("out"), configuration: configuration)
    for name in configuration.parameters.keys {
      try writer.append(try source.tensor(named: name).floats(), to: name)
    }
    try writer.finish()
    let written = try Checkpoint.open(scratch.file("out"))
    for name in rounded.tensorNames {
      let (ours, theirs) = (try written.tensor(named: name), try rounded.tensor(named: name))
      #expect(ours.type == theirs.type)
      #expect(ours.withBytes { Array($0) } == theirs.withBytes { Array($0) })
      // And widened again, by the definition of the type.
      let slow = theirs.withBytes { bytes in
        (0..<theirs.elementCount).map { index -> Float in
          let bits = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
          return type == .float16
            ? StorageTypeTests.halfByDefinition(bits) : Float(bitPattern: UInt32(bits) << 16)
        }
      }
      #expect(try theirs.floats() == slow)
    }
  }

  @Test("are read for what their configurations say")
  func particulars() throws {
    func read(_ model: String) throws -> ModelConfiguration {
      try Checkpoint.open(Reference.tiny(model)).configuration
    }
    #expect(
      try read("llama_gqa").layers
        == Array(
          repeating: LayerShape(queryHeads: 8, keyValueHeads: 2, headDimension: 8, intermediateSize: 176),
          count: 4))
    #expect(
      try read("llama_bias").biases
        == Biases(queryKeyValue: true, attentionOutput: true, gateUp: true, down: true))
    #expect(try read("qwen2").biases == Biases(queryKeyValue: true))
    #expect(try read("qwen2").rope == RotaryEmbedding(theta: 1e6))
    #expect(try read("qwen3").queryKeyNorm)
    #expect(try read("qwen3").layers[0].headDimension == 32)
    #expect(try read("mobilellm_like_tied").tiedEmbeddings)
    #expect(try read("mistral").layers.allSatisfy { $0.slidingWindow == nil })
    #expect(try read("mistral_swa16").layers.allSatisfy { $0.slidingWindow == 16 })
    #expect(try read("llama_rope_linear").rope == RotaryEmbedding(theta: 10_000, scaling: .linear(factor: 4)))
    #expect(
      try read("llama_rope_llama3").rope
        == RotaryEmbedding(
          theta: 10_000,
          scaling: .llama3(factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 64)
        ))
    let llama = try read("llama_gqa")
    #expect((llama.beginningOfText, llama.endOfText, llama.maxPositions) == (1, [2], 256))
    #expect(llama.otherKeys["initializer_range"] == .number(0.15))
  }
}

@Suite(
  "SmolLM2 from its GGUF file",
  .enabled(
    if: Reference.isPresent && Reference.hasSmolLM2,
    "set ADAPT_PRUNER_SMOLLM2 to SmolLM2-135M-Instruct.Q4_1.gguf, and ADAPT_PRUNER_REFERENCE"))
struct SmolLM2Tests {
  @Test("has the published sizes")
  func sizes() throws {
    let checkpoint = try Checkpoint.open(Reference.smolLM2)
    let configuration = checkpoint.configuration
    #expect(configuration.parameterCount == 134_515_008)
    #expect(configuration.tiedEmbeddings)
    #expect(configuration.rmsNormEpsilon == 1e-5)
    #expect(configuration.rope == RotaryEmbedding(theta: 100_000))
    guard case .gguf(let file) = checkpoint.format else { return #expect(Bool(false)) }
    guard case .strings(let merges)? = file.metadata["tokenizer.ggml.merges"] else {
      return #expect(Bool(false))
    }
    #expect(merges.count == 48_900)
    #expect(merges.first == "Ġ t")
  }

  /// Sums of magnitudes that the published Adapt-Pruner code computed in PyTorch. Its fold of the query heads
  /// depends on the order of q's rows, and so does the order of k's.
  @Test("has the magnitudes that PyTorch sums, row by row", arguments: [0, 13, 29])
  func magnitudes(layer: Int) throws {
    let checkpoint = try Checkpoint.open(Reference.smolLM2)
    let golden = try SafetensorsFile(path: Reference.folder + "/smollm2/first_iteration.safetensors")
    func matrix(_ name: String) throws -> StoredTensor {
      try checkpoint.tensor(named: "model.layers.\(layer).\(name).weight")
    }
    func rowSums(_ name: String) throws -> [Double] {
      let tensor = try matrix(name)
      let values = try tensor.floats()
      return (0..<tensor.rows).map { row in
        values[row * tensor.columns..<(row + 1) * tensor.columns].reduce(0) { $0 + Double(abs($1)) }
      }
    }
    func columnSums(_ name: String) throws -> [Double] {
      let tensor = try matrix(name)
      var sums = [Double](repeating: 0, count: tensor.columns)
      for (index, value) in try tensor.floats().enumerated() {
        sums[index % tensor.columns] += Double(abs(value))
      }
      return sums
    }
    func check(_ ours: [Double], _ name: String) throws {
      let theirs = try golden.tensor(named: name).floats()[(layer * ours.count)..<((layer + 1) * ours.count)]
      for (found, expected) in zip(ours, theirs) { #expect(abs(found - Double(expected)) < 1e-5 * found) }
    }
    let (gate, up, down) = (
      try rowSums("mlp.gate_proj"), try rowSums("mlp.up_proj"), try columnSums("mlp.down_proj")
    )
    try check(gate.indices.map { (gate[$0] + up[$0] + down[$0]) / 3 }, "magnitude_l1__mlp")
    let (query, output) = (try rowSums("self_attn.q_proj"), try columnSums("self_attn.o_proj"))
    let (key, value) = (try rowSums("self_attn.k_proj"), try rowSums("self_attn.v_proj"))
    let folded = key.indices.map { row in
      let heads = stride(from: row, to: query.count, by: key.count).reduce(0) { $0 + query[$1] + output[$1] }
      return (heads + key[row] + value[row]) / 4
    }
    try check(folded, "magnitude_l1__attn_rows_before_consecutive")
  }
}
