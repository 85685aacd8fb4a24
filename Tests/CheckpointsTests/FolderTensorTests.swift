import Checkpoints
import Foundation
import JSON
import OrderedCollections
import Testing

@Suite("Every tensor of a folder is a parameter, or is refused by name")
struct FolderTensorTests {
  typealias Tensors = OrderedDictionary<String, (shape: [Int], values: [Float])>

  /// The small Llama's tensors and config.json, to be changed.
  private struct Model {
    var tensors: Tensors = [:]
    var keys: JSONObject
    let scratch: Scratch

    init() throws {
      scratch = try Scratch()
      let file = try SafetensorsFile(path: fixture("llama/model.safetensors"))
      for (name, tensor) in file.tensors { tensors[name] = (tensor.shape, try tensor.floats()) }
      let text = try #require(FileManager.default.contents(atPath: fixture("llama/config.json")))
      guard case .object(let keys) = try JSONValue(parsing: Array(text)) else {
        throw CocoaError(.coderReadCorrupt)
      }
      self.keys = keys
    }

    func open() throws -> Checkpoint {
      try FileManager.default.createDirectory(
        atPath: scratch.file("model"), withIntermediateDirectories: true)
      try SafetensorsWriter.write(tensors, to: scratch.file("model/model.safetensors"))
      return try reopen()
    }

    func reopen() throws -> Checkpoint {
      _ = try scratch.write(JSONValue.object(keys).pretty, to: "model/config.json")
      return try Checkpoint.open(scratch.file("model"))
    }

    func complaint() -> String {
      do {
        _ = try open()
        return "no complaint"
      } catch { return "\(error)".replacingOccurrences(of: scratch.path, with: "…") }
    }
  }

  private let embedding = "model.embed_tokens.weight"

  @Test("a head with values of its own stays, whatever tie_word_embeddings says, and is saved")
  func flagBesideAnotherHead() throws {
    var model = try Model()
    model.keys["tie_word_embeddings"] = true
    let checkpoint = try model.open()
    #expect(!checkpoint.configuration.tiedEmbeddings)
    #expect(
      try checkpoint.tensor(named: "lm_head.weight").floats() == model.tensors["lm_head.weight"]?.values)
    #expect(checkpoint.configuration.json["tie_word_embeddings"] == false)
    #expect(checkpoint.configuration.parameters["lm_head.weight"] != nil)
  }

  @Test("one matrix stored twice is one, and under either name", arguments: ["both", "embedding", "head"])
  func tied(stored: String) throws {
    var model = try Model()
    model.keys["tie_word_embeddings"] = true
    let matrix = try #require(model.tensors[embedding])
    model.tensors["lm_head.weight"] = stored == "embedding" ? nil : matrix
    if stored == "head" { model.tensors[embedding] = nil }
    let checkpoint = try model.open()
    #expect(checkpoint.configuration.tiedEmbeddings)
    #expect(!checkpoint.tensorNames.contains("lm_head.weight"))
    #expect(try checkpoint.tensor(named: embedding).floats() == matrix.values)
  }

  @Test("equal values are equal in another type")
  func tiedInTwoTypes() throws {
    var model = try Model()
    model.keys["tie_word_embeddings"] = true
    let (shape, values) = try #require(model.tensors[embedding])
    model.tensors["lm_head.weight"] = nil
    _ = try model.open()
    func write(_ change: (inout [Float]) -> Void) throws -> Checkpoint {
      var head = values
      change(&head)
      let declarations = model.tensors.map {
        TensorDeclaration(name: $0.key, shape: $0.value.shape, type: .float32)
      }
      let writer = try SafetensorsWriter(
        path: model.scratch.file("model/model.safetensors"),
        // The fixture's values are float16's.
        tensors: declarations + [TensorDeclaration(name: "lm_head.weight", shape: shape, type: .float16)])
      for (name, tensor) in model.tensors { try writer.append(tensor.values, to: name) }
      try writer.append(head, to: "lm_head.weight")
      try writer.finish()
      return try model.reopen()
    }
    #expect(try write { _ in }.configuration.tiedEmbeddings)
    #expect(try !write { $0[$0.count - 1] += 1 }.configuration.tiedEmbeddings)
  }

  @Test("the prefix model. may be lacking, or one too many", arguments: ["", "model.model."])
  func prefix(_ prefix: String) throws {
    var model = try Model()
    let whole = try model.open()
    model.tensors = Tensors(
      uniqueKeysWithValues: model.tensors.map {
        ($0.key.hasPrefix("model.") ? prefix + $0.key.dropFirst(6) : $0.key, $0.value)
      })
    let found = try model.open()
    #expect(Set(found.tensorNames) == Set(whole.tensorNames))
    let name = "model.layers.1.mlp.up_proj.weight"
    #expect(try found.tensor(named: name).floats() == whole.tensor(named: name).floats())
    model.tensors["model.norm.weight"] = ([32], [Float](repeating: 1, count: 32))
    #expect(
      model.complaint()
        == "…/model/model.safetensors: the tensors: expected one for model.norm.weight, found "
        + (prefix.isEmpty
          ? "model.norm.weight and norm.weight." : "model.norm.weight and model.model.norm.weight.")
        || model.complaint().hasSuffix("norm.weight and model.norm.weight."))
  }

  @Test(
    "what follows from the configuration is read past",
    arguments: [
      "model.layers.0.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq",
      "model.layers.1.self_attn.rotary_emb.cos_cached", "model.layers.1.self_attn.masked_bias",
    ])
  func harmless(name: String) throws {
    var model = try Model()
    model.tensors[name] = ([4], [1, 2, 3, 4])
    #expect(try !model.open().tensorNames.contains(name))
  }

  @Test(
    "what would change the model is refused",
    arguments: [
      ("lm_head.bias", "the head of llama has no bias, and without it the model would be another."),
      ("score.weight", "it belongs to a model that judges texts, and a language model is expected."),
      ("model.layers.0.self_attn.q_norm.weight", "llama has no such tensor."),
      ("model.layers.0.self_attn.inv_freq", "llama has no such tensor."),
      ("model.layers.2.mlp.up_proj.weight", "it has num_hidden_layers 2."),
      ("mtp.layers.0.eh_proj.weight", "llama has no such tensor."),
      ("alpha", "llama has no such tensor."),
    ])
  func refused(name: String, advice: String) throws {
    var model = try Model()
    model.tensors[name] = ([2, 2], [1, 2, 3, 4])
    #expect(
      model.complaint()
        == "…/model/model.safetensors has the tensor \(name), which …/model/config.json does not declare: \(advice)"
    )
  }

  @Test(
    "of an adapter or a quantisation the remains say how to go on",
    arguments: [
      ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "merge_and_unload()"),
      ("model.layers.0.self_attn.q_proj.lora_B.default.weight", "merge_and_unload()"),
      ("model.layers.0.self_attn.q_proj.base_layer.weight", "merge_and_unload()"),
      ("model.layers.0.self_attn.q_proj.lora_magnitude_vector", "merge_and_unload()"),
      ("model.layers.0.self_attn.q_proj.qweight", "unquantised checkpoint"),
      ("model.layers.0.self_attn.q_proj.weight_scale", "unquantised checkpoint"),
    ])
  func unfinished(name: String, advice: String) throws {
    var model = try Model()
    model.tensors[name] = ([2, 2], [1, 2, 3, 4])
    // Such files often lack the plain weight: what is there tells more than what is not.
    model.tensors["model.layers.0.self_attn.q_proj.weight"] = nil
    #expect(model.complaint().contains("has the tensor \(name), which"))
    #expect(model.complaint().contains(advice))
  }

  @Test("an adapter in the folder is not passed over")
  func adapter() throws {
    let model = try Model()
    _ = try model.open()
    _ = try model.scratch.write(#"{"peft_type": "LORA"}"#, to: "model/adapter_config.json")
    #expect(
      model.complaint().hasPrefix(
        "…/model/adapter_config.json belongs to an adapter, which is not applied here."))
    #expect(model.complaint().contains("merge_and_unload()"))
    try FileManager.default.removeItem(atPath: model.scratch.file("model/config.json"))
    let alone = model.scratch.complaint { () throws(CheckpointError) in
      _ = try Checkpoint.open(model.scratch.file("model"))
    }
    #expect(alone.contains("there is no model beside it"))
  }

  @Test("an index may name tensors that nobody needs, and lack some that the shards have")
  func staleIndex() throws {
    let model = try Model()
    _ = try model.open()
    try FileManager.default.moveItem(
      atPath: model.scratch.file("model/model.safetensors"), toPath: model.scratch.file("model/a.safetensors")
    )
    func index(_ names: some Sequence<String>) throws {
      let map = JSONObject(names.map { ($0, JSONValue.string("a.safetensors")) })
      let text = JSONValue.object(["weight_map": .object(map)]).compact
      _ = try model.scratch.write(text, to: "model/model.safetensors.index.json")
    }
    func complaint() -> String {
      model.scratch.complaint { () throws(CheckpointError) in
        _ = try Checkpoint.open(model.scratch.file("model"))
      }
    }
    try index(model.tensors.keys + ["model.layers.0.self_attn.rotary_emb.inv_freq"])
    #expect(complaint() == "no complaint")
    try index(model.tensors.keys.filter { $0 != "model.norm.weight" })
    #expect(complaint() == "no complaint")
    // A second shard with the same tensor: which of the two is meant?
    try FileManager.default.copyItem(
      atPath: model.scratch.file("model/a.safetensors"), toPath: model.scratch.file("model/b.safetensors"))
    _ = try model.scratch.write(
      #"{"weight_map": {"lm_head.weight": "a.safetensors", "model.norm.weight": "b.safetensors"}}"#,
      to: "model/model.safetensors.index.json")
    #expect(
      complaint().contains("expected each tensor in one shard, found it in …/model/a.safetensors as well"))
  }

  @Test("a tensor that the index promises and no shard has is missed by name")
  func promised() throws {
    var model = try Model()
    model.tensors["model.norm.weight"] = nil
    _ = model.complaint()
    try FileManager.default.moveItem(
      atPath: model.scratch.file("model/model.safetensors"), toPath: model.scratch.file("model/a.safetensors")
    )
    _ = try model.scratch.write(
      #"{"weight_map": {"lm_head.weight": "a.safetensors", "model.norm.weight": "a.safetensors"}}"#,
      to: "model/model.safetensors.index.json")
    #expect(
      model.scratch.complaint { () throws(CheckpointError) in
        _ = try Checkpoint.open(model.scratch.file("model"))
      }
        == "…/model has no tensor model.norm.weight, expected with shape [32]: model.safetensors.index.json says that "
        + "it is in a.safetensors, which has no such tensor.")
  }

  @Test("metadata of null is none")
  func nullMetadata() throws {
    let scratch = try Scratch()
    let path = try scratch.write(safetensors(#"{"__metadata__": null}"#), to: "f.safetensors")
    #expect(try SafetensorsFile(path: path).metadata.isEmpty)
  }
}
