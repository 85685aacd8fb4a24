import ChatTemplates
import Foundation
import JSON

/// What Jinja makes of templates, written by scripts/make-chat-template-fixtures.py.
enum Fixture {
  static func json(_ name: String) throws -> JSONValue {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/chat-templates/\(name).json")
    return try JSONValue(parsing: Array(try Data(contentsOf: file)))
  }
}

/// The text, or the sentence in which it was refused.
func outcome(
  _ template: String, messages: JSONValue = [], prompt: Bool = false, _ variables: JSONObject = [:]
) -> (text: String?, refusal: String) {
  do {
    let text = try ChatTemplate(parsing: template)
      .render(messages: messages, addGenerationPrompt: prompt, variables: variables)
    return (text, "")
  } catch {
    return (nil, error.description)
  }
}

func refusal(_ template: String, _ variables: JSONObject = [:]) -> String {
  outcome(template, messages: [], variables).refusal
}
