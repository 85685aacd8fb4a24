import JSON
import Testing
import TrainingData

@Suite struct ChatTemplateSourceTests {
  @Test func aFolderHasItsTemplateInAFileOfItsOwnOrInTheConfiguration() throws {
    let scratch = try Scratch()
    #expect(try ChatTemplateSource(folder: scratch.path) == nil)
    let tokens: JSONObject = [
      "bos_token": "<s>", "eos_token": ["content": "</s>", "lstrip": false], "pad_token": nil,
    ]
    var configuration = tokens
    _ = try scratch.write(JSONValue.object(configuration).pretty, to: "tokenizer_config.json")
    #expect(try ChatTemplateSource(folder: scratch.path) == nil)
    configuration["chat_template"] = "plain"
    _ = try scratch.write(JSONValue.object(configuration).pretty, to: "tokenizer_config.json")
    let found = try #require(try ChatTemplateSource(folder: scratch.path))
    #expect(found.text == "plain" && found.variables == ["bos_token": "<s>", "eos_token": "</s>"])
    configuration["chat_template"] = [
      ["name": "rag", "template": "other"], ["name": "default", "template": "usual"],
    ]
    _ = try scratch.write(JSONValue.object(configuration).pretty, to: "tokenizer_config.json")
    #expect(try ChatTemplateSource(folder: scratch.path)?.text == "usual")
    _ = try scratch.write("{{ own }}\n", to: "chat_template.jinja")
    #expect(try ChatTemplateSource(folder: scratch.path)?.text == "{{ own }}\n")
    #expect(try ChatTemplateSource(folder: scratch.path)?.variables["eos_token"] == "</s>")
    _ = try scratch.write("{", to: "tokenizer_config.json")
    #expect(
      scratch.complaint { _ = try ChatTemplateSource(folder: scratch.path) }.hasPrefix(
        "…/tokenizer_config.json can't be read: line 1"))
  }
}
