import JSON

/// Turns a conversation into the text that a model reads, by a template in the part of Jinja that chat templates use.
///
/// The template is `chat_template` of `tokenizer_config.json`, `chat_template.jinja`, or `tokenizer.chat_template` of a
/// GGUF file. It is rendered as transformers does it: with `trim_blocks` and `lstrip_blocks`, `tojson` without HTML
/// escapes, and values that can't change.
///
/// The interpreter is written here because no package that this project can build from runs Jinja. Stencil runs Django's
/// language; Mustache has no expressions. Templates of published models need Jinja's expressions, macros, namespaces,
/// filters and tests, with Python's rules for numbers and texts. Strangers write templates, so `RenderLimits` bounds
/// their time and memory.
///
/// Not supported: what reaches outside of the template (`include`, `import`, inheritance), and what no chat template was
/// seen to use. `strftime_now` gives a day that the caller names, never the clock's.
public struct ChatTemplate: Sendable {
  private let statements: [Statement]
  /// The length of the template's text.
  package let bytes: Int

  /// - Throws: `ChatTemplateError` with the line that was not understood.
  public init(parsing text: String) throws(ChatTemplateError) {
    bytes = text.utf8.count
    guard bytes <= RenderLimits.template else {
      throw .limit(
        line: 1, what: "a template of \(bytes) bytes, and at most \(RenderLimits.template) are read")
    }
    statements = try TemplateParser.parse(text)
  }

  /// Returns the conversation as the text that the model reads.
  ///
  /// - Parameters:
  ///   - messages: a list of objects with `role`, `content`, and whatever else the template reads.
  ///   - addGenerationPrompt: whether the text ends where the assistant's next turn begins.
  ///   - variables: what else the template may name: `bos_token`, `eos_token`, `tools`.
  ///   - date: the day of `strftime_now`; without it the template has no such function.
  ///   - meter: adds up the work of a template that is rendered for many conversations.
  /// - Throws: `ChatTemplateError`; `.raised` where the template refuses the conversation.
  public func render(
    messages: JSONValue, addGenerationPrompt: Bool, variables: JSONObject = [:], date: TemplateDate? = nil,
    meter: RenderMeter? = nil
  ) throws(ChatTemplateError) -> String {
    try render(
      messages: messages, addGenerationPrompt: addGenerationPrompt, variables: variables, date: date,
      meter: meter, limits: RenderLimits(template: bytes, messages: messages, variables: variables))
  }

  /// The same with other limits, for tests.
  package func render(
    messages: JSONValue, addGenerationPrompt: Bool, variables: JSONObject, date: TemplateDate? = nil,
    meter: RenderMeter? = nil, limits: RenderLimits
  ) throws(ChatTemplateError) -> String {
    // transformers passes these on as None.
    var given: [(String, TemplateValue)] = [("tools", .none), ("documents", .none)]
    for member in variables.members { given.append((member.key, TemplateValue(member.value))) }
    given.append(("messages", TemplateValue(messages)))
    given.append(("add_generation_prompt", .bool(addGenerationPrompt)))
    let interpreter = Interpreter(variables: given, date: date, limits: limits)
    let result = Result { () throws(ChatTemplateError) in try interpreter.render(statements) }
    if let meter, meter.add(interpreter.spent, of: limits.work) {
      throw .limit(
        line: interpreter.line,
        what: "rendering takes more work, conversation after conversation, than any needs")
    }
    return try result.get()
  }
}
