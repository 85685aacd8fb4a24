import Checkpoints
import Foundation
import JSON
import Pipeline
import RunRecords
import Tensors
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What comes along when a model is saved, and what is said of the rest.
@Suite struct SavedCompanionsTests {
  private let workers = Workers(count: 1)
  private let scratch = Scratch()

  private static let fixtures = Support.package.appendingPathComponent("Tests/Fixtures/saving")
  private static let saving: JSONValue = ["name": "saving", "stages": [["stage": "save"]]]

  /// A model's folder with these files in it besides.
  private func folder(_ files: [String: String]) throws -> URL {
    let folder = try SmallModel(.llama, seed: 3).write()
    for (name, text) in files {
      let file = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    return folder
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: scratch.path("model/\(name)"), encoding: .utf8)
  }

  @Test func whatTextsAreReadAndLaidOutByComesAlongAsItIs() throws {
    let names = [
      "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
      "merges.txt",
      "tokenizer.model", "spiece.model", "tokenizer.4.0.0.json", "chat_template.jinja", "chat_template.json",
      "additional_chat_templates/tool_use.jinja", "chat_templates/rag.jinja", "generation_config.json",
      "preprocessor_config.json", "LICENSE", "LICENSE.txt", "Notice.md", "USE_POLICY.md",
    ]
    let source = try folder(Dictionary(uniqueKeysWithValues: names.map { ($0, "of \($0)\r\n") }))
    defer { try? FileManager.default.removeItem(at: source) }
    let left = try LoadedModel(path: source.path).save(
      to: scratch.path("model"), type: .float32, workers: workers)
    #expect(left == [])
    for name in names { #expect(try text(name) == "of \(name)\r\n") }
    #expect(try scratch.files(below: "model").count == names.count + 2)
  }

  @Test func whatDoesNotComeAlongIsNamed() throws {
    let source = try folder([
      "README.md": "about the source", "modeling_own.py": "print()", "pytorch_model.bin": "weights",
      "original/consolidated.pth": "weights", "additional_chat_templates/notes.txt": "x",
      "additional_chat_templates/deeper/x.jinja": "x", ".gitattributes": "x",
    ])
    defer { try? FileManager.default.removeItem(at: source) }
    // Nobody writes into this pipe: who waits for it waits for ever.
    #expect(mkfifo(source.appendingPathComponent("merges.txt").path, 0o600) == 0)
    try FileManager.default.createSymbolicLink(
      atPath: source.appendingPathComponent("vocab.json").path, withDestinationPath: "nowhere")
    try FileManager.default.createSymbolicLink(
      atPath: source.appendingPathComponent("NOTICE").path, withDestinationPath: "README.md")
    let left = try LoadedModel(path: source.path).save(
      to: scratch.path("model"), type: .float32, workers: workers)
    let expected: [LeftBehind] = [
      LeftBehind(".gitattributes"), LeftBehind("README.md", because: "it describes the source"),
      LeftBehind("additional_chat_templates/deeper/"), LeftBehind("additional_chat_templates/notes.txt"),
      LeftBehind("merges.txt", because: "it is no regular file"),
      LeftBehind("modeling_own.py", because: "code is not copied"), LeftBehind("original/"),
      LeftBehind("pytorch_model.bin"),
      LeftBehind("vocab.json", because: "it can't be read: No such file or directory"),
    ]
    #expect(left == expected)
    #expect(try text("NOTICE") == "about the source")
  }

  /// The ids are those that the format gives: a space before the text, whose bytes are 0xE2, 0x96 and 0x81, and then the
  /// text's own, each by its value after the four special tokens.
  @Test func whatAGGUFFileSaysBesideItsWeightsBecomesTheFilesOfTransformers() throws {
    let left = try LoadedModel(path: Self.fixtures.appendingPathComponent("chat.gguf").path).save(
      to: scratch.path("model"), type: .bfloat16, workers: workers)
    #expect(
      try text("chat_template.jinja")
        == "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{% endfor %}")
    #expect(try text("additional_chat_templates/tool_use.jinja") == "tools: {{ tools }}")
    let settings: JSONValue = [
      "bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": 0, "temperature": 0.5, "top_k": 40,
      "do_sample": true,
    ]
    #expect(
      try Support.json(scratch.url.appendingPathComponent("model/generation_config.json")) == settings)
    let config = try Support.json(scratch.url.appendingPathComponent("model/tokenizer_config.json"))
    #expect(config["bos_token"] == "<s>" && config["eos_token"] == "</s>" && config["add_bos_token"] == true)
    #expect(config["pad_token"] == "<unk>" && config["unk_token"] == "<unk>")
    let saved = try LoadedModel(path: scratch.path("model")).tokenizer()
    let ids: [Int32] = [1, 4 + 0xE2, 4 + 0x96, 4 + 0x81, 4 + 72, 4 + 105]
    #expect(saved.encode("Hi", addSpecialTokens: true) == ids)
    let expected: [LeftBehind] = [
      LeftBehind("tokenizer.chat_template.../../evil", because: "no file can have its name"),
      LeftBehind("tokenizer.chat_template.default", because: "there is another default"),
      LeftBehind("general.license"), LeftBehind("general.name"),
      LeftBehind("general.sampling.penalty_last_n"), LeftBehind("tokenizer.ggml.mask_token_id"),
    ]
    #expect(left == expected)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("evil.jinja")))
  }

  @Test func aTokenizerThatCannotBeWrittenIsToldAndTheModelSavedAllTheSame() throws {
    let (summary, folder) = try Support.run(
      Self.saving, model: Self.fixtures.appendingPathComponent("unknown-tokenizer.gguf"), in: scratch.url)
    let model = try #require(summary.savedModels.first)
    #expect(model.leftBehind.map(\.name) == ["the tokenizer"])
    #expect(model.leftBehind.first?.reason?.contains("not-heard-of") == true)
    #expect(ResultText.description(of: summary).contains("left behind of the source: the tokenizer ("))
    let events = try String(contentsOf: folder.appendingPathComponent("events.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    let saved = try #require(events.first { $0["event"] == "saved" })
    #expect(saved["left_behind"]?.arrayValue?.first?["name"] == "the tokenizer")
    #expect(FileManager.default.fileExists(atPath: summary.path(of: model) + "/model.safetensors"))
    #expect(
      try String(contentsOfFile: summary.path(of: model) + "/chat_template.jinja", encoding: .utf8)
        == "{{ messages }}")
  }

  // MARK: - Types

  private func type(ofSavedFrom source: URL) throws -> WeightsOnDisk? {
    let place = scratch.url.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let (summary, _) = try Support.run(Self.saving, model: source, in: place)
    #expect(summary.final.weights == summary.savedModels.first?.weights)
    return summary.final.weights
  }

  @Test(arguments: [StorageType.float32, .float16, .bfloat16])
  func aModelIsSavedInItsSourcesType(_ type: StorageType) throws {
    var model = SmallModel(.untied, seed: 4)
    model.configuration.declaredType = type
    let source = try model.write()
    defer { try? FileManager.default.removeItem(at: source) }
    let bytes = model.configuration.parameterCount * (type == .float32 ? 4 : 2)
    #expect(try self.type(ofSavedFrom: source) == WeightsOnDisk(bytes: bytes, type: type.rawValue))
  }

  @Test func aQuantisedModelIsSavedInBFloat16() throws {
    let source = Self.fixtures.appendingPathComponent("chat.gguf")
    let (summary, _) = try Support.run(Self.saving, model: source, in: scratch.url)
    // 260 × 32 of the embedding, 32 × (4 · 32 + 2 · 16 + 32) of matrices in blocks of 32 that take 34 bytes; 3 norms.
    let values: Int = 260 * 32 + 32 * (5 * 32 + 2 * 16)
    #expect(summary.original.weights == WeightsOnDisk(bytes: values / 32 * 34 + 3 * 32 * 4, type: "q8_0"))
    #expect(summary.final.weights == WeightsOnDisk(bytes: 2 * (values + 3 * 32), type: "bfloat16"))
  }

  /// A folder whose matrices are in float16 and whose norms are in float32, one of them beyond float16's range.
  private func mixedFolder(norm: Float) throws -> URL {
    var model = SmallModel(.untied, seed: 5)
    let folder = try model.write()
    let name = "model.layers.1.input_layernorm.weight"
    model.weights[name]?[2] = norm
    let writer = try SafetensorsWriter(
      path: folder.appendingPathComponent("model.safetensors").path,
      tensors: model.configuration.parameters.map {
        TensorDeclaration(name: $0.key, shape: $0.value, type: $0.value.count > 1 ? .float16 : .float32)
      })
    for (name, values) in model.weights { try writer.append(values, to: name) }
    try writer.finish()
    return folder
  }

  @Test func ofMixedTypesThatOfMostMatricesCounts() throws {
    let source = try mixedFolder(norm: 2)
    defer { try? FileManager.default.removeItem(at: source) }
    #expect(try type(ofSavedFrom: source)?.type == "float16")
  }

  @Test func aValueBeyondFloat16IsRefusedWhereFloat16IsAskedForAndElseSavedInBFloat16() throws {
    let source = try mixedFolder(norm: 70_000)
    defer { try? FileManager.default.removeItem(at: source) }
    #expect(try type(ofSavedFrom: source)?.type == "bfloat16")
    let folder = scratch.path("model")
    #expect(
      throws: CheckpointError.valueTooLarge(
        file: folder, tensor: "model.layers.1.input_layernorm.weight", count: 1, type: .float16)
    ) {
      try LoadedModel(path: source.path).save(to: folder, type: .float16, workers: workers)
    }
    #expect(!FileManager.default.fileExists(atPath: folder))
  }
}
