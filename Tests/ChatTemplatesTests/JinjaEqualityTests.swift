import ChatTemplates
import JSON
import Testing

@Suite struct JinjaEqualityTests {
  @Test func conversationsReadAsJinjaWritesThem() throws {
    let fixture = try Fixture.json("conversations")
    let variables = try #require(fixture["variables"]?.objectValue)
    let cases = try #require(fixture["cases"]?.arrayValue)
    #expect(cases.count > 150)
    for item in cases {
      let name = try #require(item["template"]?.stringValue)
      let conversation = try #require(item["conversation"]?.stringValue)
      let prompt = item["add_generation_prompt"] == true
      let template = try #require(fixture["templates"]?[name]?.stringValue)
      let messages = try #require(fixture["conversations"]?[conversation])
      let (text, refusal) = outcome(template, messages: messages, prompt: prompt, variables)
      #expect(
        text.map { Array($0.utf8) } == item["text"]?.stringValue.map { Array($0.utf8) },
        "\(name), \(conversation), \(prompt): \(text ?? refusal)")
    }
  }

  @Test func expressionsAndStatementsMeanWhatTheyMeanInJinja() throws {
    let fixture = try Fixture.json("snippets")
    let variables = try #require(fixture["variables"]?.objectValue)
    let cases = try #require(fixture["cases"]?.arrayValue)
    #expect(cases.count > 500)
    for item in cases {
      let template = try #require(item["template"]?.stringValue)
      let (text, refusal) = outcome(template, messages: [], variables)
      #expect(
        text.map { Array($0.utf8) } == item["text"]?.stringValue.map { Array($0.utf8) },
        "\(template): \(text ?? refusal)")
    }
  }
}
