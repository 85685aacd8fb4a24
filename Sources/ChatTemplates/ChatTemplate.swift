import JSON

/// How a model wants a conversation written: a template in the part of Jinja that the chat templates of Hugging
/// Face models are written in.
///
/// It comes as `chat_template` of `tokenizer_config.json`, as `chat_template.jinja`, or as `tokenizer.chat_template`
/// of a GGUF file. It is rendered as transformers does it: `trim_blocks` and `lstrip_blocks` on, `tojson` without
/// HTML escapes, nothing to be changed in place.
///
/// It is written here because no package that this project can build from runs Jinja. Stencil runs Django's language;
/// Mustache has no expressions. Templates of published models need Jinja's expressions, macros, namespaces, filters and
/// tests, with Python's rules for numbers and texts. They also come from strangers: `RenderLimits` bounds the time and
/// the memory that one may take.
///
/// Left out is what reaches outside of the template (`include`, `import`, inheritance), and what no chat template was
/// seen to use. `strftime_now` tells a day that the caller names, and never the clock's.
public struct ChatTemplate: Sendable {
  private let statements: [Statement]
  /// Of its text.
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

  /// The conversation as the text that the model reads.
  ///
  /// - Parameters:
  ///   - messages: a list of objects with `role` and `content`, and whatever else the template asks for.
  ///   - addGenerationPrompt: whether the text ends where the assistant's next turn begins.
  ///   - variables: what else the template may name: `bos_token`, `eos_token`, `tools`.
  ///   - date: what `strftime_now` tells; without it the template has no such function.
  ///   - meter: of a template that is rendered for many conversations.
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
    // What transformers hands over when it is given none.
    var given: [(String, TemplateValue)] = [("tools", .none), ("documents", .none)]
    for member in variables.members { given.append((member.key, TemplateValue(member.value))) }
    given.append(("messages", TemplateValue(messages)))
    given.append(("add_generation_prompt", .bool(addGenerationPrompt)))
    let interpreter = Interpreter(variables: given, date: date, limits: limits)
    let result: Result<String, ChatTemplateError>
    do {
      result = .success(try interpreter.render(statements))
    } catch {
      result = .failure(error)
    }
    if let meter, meter.add(interpreter.spent, of: limits.work) {
      throw .limit(
        line: interpreter.line,
        what: "rendering takes more work, conversation after conversation, than any needs")
    }
    return try result.get()
  }
}
