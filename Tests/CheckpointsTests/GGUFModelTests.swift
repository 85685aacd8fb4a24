import Checkpoints
import Testing

@Suite("A GGUF file made by llama.cpp's package")
struct GGUFModelTests {
  @Test("has the weights, names and order of rows of the Hugging Face model", arguments: ["llama", "qwen2"])
  func weights(architecture: String) throws {
    let gguf = try Checkpoint.open(fixture("\(architecture).gguf"))
    let source = try Checkpoint.open(fixture("llama"))
    for name in gguf.configuration.parameters.keys {
      let (ours, theirs) = (try gguf.tensor(named: name), try source.tensor(named: name))
      #expect(ours.shape == theirs.shape)
      #expect(try ours.floats() == theirs.floats(), "\(name)")
      let rows = [theirs.rows - 1, 3, 0]
      #expect(try Self.dequantize(ours, rows) == Self.dequantize(theirs, rows), "\(name)")
    }
    // transformers' Qwen2 has no bias on o.
    let lacking = architecture == "qwen2" ? 2 : 0
    #expect(gguf.configuration.parameters.count == source.configuration.parameters.count - lacking)
  }

  private static func dequantize(_ tensor: StoredTensor, _ rows: [Int]) throws -> [Float] {
    var values = [Float](repeating: 0, count: rows.count * tensor.columns)
    try values.withUnsafeMutableBufferPointer { buffer throws(CheckpointError) in
      try tensor.dequantize(rows: .rows(rows), into: buffer)
    }
    return values
  }

  @Test("is permuted: the test above would notice")
  func permuted() throws {
    let gguf = try GGUFFile(path: fixture("llama.gguf"))
    let source = try Checkpoint.open(fixture("llama"))
    let stored = try gguf.tensors["blk.0.attn_k.weight"]?.floats()
    #expect(try stored != source.tensor(named: "model.layers.0.self_attn.k_proj.weight").floats())
  }

  @Test("has the same configuration, Llama 3's rotary embedding found in its divisors")
  func configuration() throws {
    var ours = try Checkpoint.open(fixture("llama.gguf")).configuration
    let theirs = try Checkpoint.open(fixture("llama")).configuration
    ours.otherKeys = theirs.otherKeys
    #expect(ours == theirs)
    #expect(try Checkpoint.open(fixture("qwen2.gguf")).configuration.rope == RotaryEmbedding(theta: 500_000))
  }

  @Test("has its metadata, typed")
  func metadata() throws {
    let metadata = try GGUFFile(path: fixture("llama.gguf")).metadata
    #expect(metadata["general.architecture"] == .string("llama"))
    #expect(metadata["llama.block_count"] == .integer(2))
    #expect(metadata["llama.attention.layer_norm_rms_epsilon"] == .real(1e-5))
    #expect(metadata["tokenizer.ggml.tokens"] == .strings((0..<64).map { "token\($0)" }))
    #expect(metadata["tokenizer.ggml.scores"] == .reals((0..<64).map { Double($0) / 4 }))
    #expect(metadata["tokenizer.ggml.token_type"] == .integers(Array(repeating: 1, count: 64)))
  }
}
