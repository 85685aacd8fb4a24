import Checkpoints
import Foundation
import Testing

@Suite("A faulty model folder is refused in words")
struct FolderFaultTests {
  /// A copy of the small Llama, its config.json or weights to be spoilt.
  private func copy(_ scratch: Scratch, replacing: [String: String] = [:]) throws -> String {
    let folder = scratch.file("model")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(atPath: fixture("llama/\(name)"), toPath: "\(folder)/\(name)")
    }
    var text = try String(contentsOfFile: "\(folder)/config.json", encoding: .utf8)
    for (old, new) in replacing {
      #expect(text.contains(old))
      text = text.replacing(old, with: new)
    }
    try text.write(toFile: "\(folder)/config.json", atomically: false, encoding: .utf8)
    return folder
  }

  private func complaint(_ scratch: Scratch, _ path: String) -> String {
    scratch.complaint { () throws(CheckpointError) in _ = try Checkpoint.open(path) }
  }

  private func complaint(replacing: [String: String]) throws -> String {
    let scratch = try Scratch()
    return complaint(scratch, try copy(scratch, replacing: replacing))
  }

  @Test func nothingThere() throws {
    let scratch = try Scratch()
    #expect(
      complaint(scratch, scratch.file("none"))
        == "…/none is no checkpoint: expected a .gguf file or a folder with config.json and model.safetensors "
        + "(or model.safetensors.index.json), found nothing at that path.")
    #expect(
      complaint(scratch, try scratch.write("", to: "model.bin")).hasSuffix(
        "found a file that is not named .gguf."))
  }

  @Test func missingFiles() throws {
    let scratch = try Scratch()
    let folder = try copy(scratch)
    try FileManager.default.removeItem(atPath: folder + "/model.safetensors")
    #expect(
      complaint(scratch, folder)
        == "…/model/model.safetensors is missing: the folder has neither it nor model.safetensors.index.json; "
        + "PyTorch's .bin files are not read.")
    try FileManager.default.removeItem(atPath: folder + "/config.json")
    #expect(
      complaint(scratch, folder)
        == "…/model/config.json is missing: a model's folder has a config.json beside its safetensors files.")
  }

  @Test func configurationAndWeightsDisagree() throws {
    #expect(try complaint(replacing: [:]) == "no complaint")
    #expect(
      try complaint(replacing: [#""intermediate_size": 48"#: #""intermediate_size": 47"#])
        == "…/model/model.safetensors: tensor model.layers.0.mlp.gate_proj.weight has shape [48, 32], but the "
        + "configuration says [47, 32] (hidden_size 32, vocab_size 64, layer 0 of 4 query heads, 2 key-value heads "
        + "of 8, and 47 channels).")
    #expect(
      try complaint(replacing: [#""attention_bias": true"#: #""attention_bias": false"#])
        == "…/model/model.safetensors has the tensor model.layers.0.self_attn.k_proj.bias, which "
        + "…/model/config.json does not declare: it would be lost; are attention_bias and mlp_bias as they should be?"
    )
    #expect(
      try complaint(replacing: [#""mlp_bias": false"#: #""mlp_bias": true"#])
        == "…/model has no tensor model.layers.0.mlp.gate_proj.bias, expected with shape [48]: "
        + "the configuration declares a bias.")
    #expect(
      try complaint(replacing: [#""num_hidden_layers": 2"#: #""num_hidden_layers": 1"#])
        .hasSuffix("which …/model/config.json does not declare: it has num_hidden_layers 1."))
    #expect(
      try complaint(replacing: [#""num_hidden_layers": 2"#: #""num_hidden_layers": 3"#])
        == "…/model has no tensor model.layers.2.input_layernorm.weight, expected with shape [32].")
    #expect(
      try complaint(replacing: [#""model_type": "llama""#: #""model_type": "qwen3""#])
        .contains("has no tensor model.layers.0.self_attn.q_norm.weight"))
  }

  @Test func untiedWithoutAHead() throws {
    let scratch = try Scratch()
    var configuration = try Checkpoint.open(fixture("llama")).configuration
    configuration.tiedEmbeddings = true
    let writer = try ModelWriter(folder: scratch.file("model"), configuration: configuration)
    for (name, shape) in configuration.parameters {
      try writer.append([Float](repeating: 0, count: shape.reduce(1, *)), to: name)
    }
    try writer.finish()
    #expect(complaint(scratch, scratch.file("model")) == "no complaint")
    configuration.tiedEmbeddings = false
    try configuration.writeJSON(to: scratch.file("model/config.json"))
    #expect(
      complaint(scratch, scratch.file("model"))
        == "…/model has no tensor lm_head.weight, expected with shape [64, 32]: is tie_word_embeddings true for this model?"
    )
  }

  @Test func shards() throws {
    let scratch = try Scratch()
    let folder = try copy(scratch)
    try FileManager.default.moveItem(
      atPath: folder + "/model.safetensors", toPath: scratch.file("outside.safetensors"))
    func index(_ shard: String) throws -> String {
      _ = try scratch.write(
        #"{"weight_map": {"lm_head.weight": "\#(shard)"}}"#, to: "model/model.safetensors.index.json")
      return complaint(scratch, folder)
    }
    #expect(
      try index("model-00001-of-00002.safetensors")
        == "…/model/model.safetensors.index.json says that lm_head.weight is in model-00001-of-00002.safetensors, "
        + "which is not beside it: download it, or repair the index.")
    for path in ["../outside.safetensors", scratch.file("outside.safetensors"), "..", ""] {
      let shown = path.replacing(scratch.path, with: "…")
      #expect(
        try index(path)
          == "…/model/model.safetensors.index.json names the shard “\(shown)”: expected the name of a file in the "
          + "same folder.")
    }
    _ = try scratch.write("{}", to: "model/model.safetensors.index.json")
    #expect(complaint(scratch, folder).contains("weight_map: expected an object"))
  }
}
