import ChatTemplates
import JSON
import Testing
import TrainingData

@Suite struct SourceTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// The rows of a file, each a document, sorted by content: the order is another test's.
  private func segments(_ path: String, _ format: TrainingSource.Format, begins: Bool = false) throws
    -> [Segment]
  {
    let source = TrainingSource(name: "s", path: path, format: format)
    return try rows(stream([source], length: 4096, packing: false, begins: begins)).flatMap(\.segments)
      .sorted { $0.ids.lexicographicallyPrecedes($1.ids) }
  }

  private func texts(_ path: String, _ format: TrainingSource.Format) throws -> [String] {
    try segments(path, format).map {
      String(decoding: $0.ids.dropLast().map { UInt8(clamping: $0) }, as: UTF8.self)
    }
  }

  @Test func aTextFileIsOneDocumentOrOneBetweenSeparators() throws {
    let path = try scratch.write("\u{FEFF}one\n\ntwo\n***\n \n***\nthree\n***", to: "a.txt")
    #expect(try texts(path, .text(separator: nil)) == ["one\n\ntwo\n***\n \n***\nthree\n***"])
    #expect(try texts(path, .text(separator: "\n***")) == ["\nthree", "one\n\ntwo"])
    #expect(try texts(path, .text(separator: "****")) == ["one\n\ntwo\n***\n \n***\nthree\n***"])
  }

  @Test func jsonlHasADocumentALine() throws {
    let path = try scratch.write(
      "{\"t\": \"A\"}\r\n\n  \n{\"t\": \"\"}\n{\"id\": NaN, \"t\": \"B\\n\"}", to: "a.jsonl")
    #expect(try texts(path, .jsonl(field: "t")) == ["A", "B\n"])
  }

  // MARK: Tasks

  private var instruction: InstructionFormat {
    var format = InstructionFormat(loss: .completions)
    format.promptWithInput = "I:{instruction} N:{input} {input}>"
    format.promptWithoutInput = "I:{instruction}>"
    return format
  }

  @Test func aTaskIsPutIntoItsPromptAndOnlyTheAnswerIsPredicted() throws {
    let path = try scratch.write(
      lines: [
        ["instruction": "add {input}", "input": "1 {instruction}", "output": "two"],
        ["instruction": "say", "output": "yes"], ["instruction": "tell", "input": nil, "output": "no"],
        ["instruction": "zip", "input": "", "output": ""],
      ], to: "i.jsonl")
    let found = try segments(path, .instruction(instruction))
    #expect(
      found.map { String(decoding: $0.ids.map { UInt8(clamping: $0) }, as: UTF8.self) } == [
        "I:add {input} N:1 {instruction} 1 {instruction}>two\0", "I:say>yes\0", "I:tell>no\0", "I:zip>\0",
      ])
    #expect(found.map(\.targetText) == ["two\0", "yes\0", "no\0", "\0"])
    var all = instruction
    all.loss = .all
    #expect(try segments(path, .instruction(all)).map(\.targetText)[1] == ":say>yes\0")
    #expect(try segments(path, .instruction(instruction), begins: true).map(\.targetText)[1] == "yes\0")
    #expect(try segments(path, .instruction(instruction), begins: true).allSatisfy { $0.ids[0] == 1 })
  }

  @Test func thePromptsOfOurOwnHaveAlpacasParts() throws {
    let path = try scratch.write(
      lines: [["question": "Q", "context": "C", "answer": "A"], ["question": "R", "answer": "B"]],
      to: "q.jsonl")
    var format = InstructionFormat(loss: .completions)
    (format.instruction, format.input, format.output) = ("question", "context", "answer")
    let found = try texts(path, .instruction(format))
    #expect(found.contains { $0.hasSuffix("### Instruction:\nQ\n\n### Input:\nC\n\n### Response:\nA") })
    #expect(
      found.contains { $0.hasSuffix("### Instruction:\nR\n\n### Response:\nB") && !$0.contains("Input") })
  }

  @Test func aTokenThatReachesFromThePromptIntoTheAnswerIsPredicted() throws {
    // Two bytes a token: "I:a>b" is I: a> b, "I:ab>c" is I: ab >c.
    let tokenizer = TrainingTokenizer(vocabularySize: 1 << 16, endOfSequence: 0) { text in
      let bytes = Array(text.utf8)
      return stride(from: 0, to: bytes.count, by: 2).map {
        Int32(bytes[$0]) << 8 | ($0 + 1 < bytes.count ? Int32(bytes[$0 + 1]) : 0)
      }
    }
    let path = try scratch.write(lines: [["instruction": "ab", "output": "c"]], to: "i.jsonl")
    let source = TrainingSource(name: "s", path: path, format: .instruction(instruction))
    let stream = try TrainingStream(
      sources: [source], options: StreamOptions(length: 8, epochs: 1, seed: 1), tokenizer: tokenizer)
    #expect(try rows(stream).flatMap(\.segments).map(\.isTarget) == [[false, false, true, true]])
  }

  @Test func aTemplateWithoutAPlaceIsRefused() throws {
    let path = try scratch.write(lines: [["instruction": "a", "output": "b"]], to: "i.jsonl")
    var format = instruction
    format.promptWithInput = "{instruction}"
    #expect(
      scratch.complaint { _ = try segments(path, .instruction(format)) }
        == "\"prompt_with_input\": there is no {input} in it")
  }

  // MARK: Conversations

  private func chat(_ template: String, _ loss: LossTarget = .completions) throws -> TrainingSource.Format {
    .chat(
      ChatFormat(template: try ChatTemplate(parsing: template), variables: ["eos_token": "."], loss: loss))
  }

  private let tags =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}\n{% endfor %}"
    + "{% if add_generation_prompt %}<assistant>{% endif %}"

  @Test func onlyWhatTheAssistantSaysIsPredicted() throws {
    let turns: JSONValue = [
      ["role": "system", "content": "S"], ["role": "user", "content": "<assistant>?"],
      ["role": "assistant", "content": "one"], ["role": "user", "content": "and"],
      ["role": "assistant", "content": "två"],
    ]
    let path = try scratch.write(
      lines: [["messages": turns], ["id": 1, "conversation": turns]], to: "c.jsonl")
    // A line break in a block goes with it: what follows the point is the template's own.
    for segment in try segments(path, try chat(tags)) {
      let whole = "<system>S.\n<user><assistant>?.\n<assistant>one.\n<user>and.\n<assistant>två.\n\0"
      #expect(String(decoding: segment.ids.map { UInt8(clamping: $0) }, as: UTF8.self) == whole)
      #expect(segment.targetText == "one.\ntvå.\n\0")
    }
    #expect(
      try segments(path, try chat(tags, .all)).map(\.targetText).allSatisfy { $0.hasPrefix("system>S.") })
  }

  @Test func speakersCalledHumanAndGPTAreUserAndAssistant() throws {
    let turns: JSONValue = [["from": "human", "value": "Hi"], ["from": "gpt", "value": "Ho"]]
    let path = try scratch.write(lines: [["conversations": turns]], to: "c.jsonl")
    #expect(try texts(path, try chat(tags)) == ["<user>Hi.\n<assistant>Ho.\n"])
  }

  @Test func aTurnThatOpensOtherwiseThanThePromptStartsWhereTheyPart() throws {
    let path = try scratch.write(
      lines: [["messages": [["role": "user", "content": "Hi"], ["role": "assistant", "content": "Ho"]]]],
      to: "c.jsonl")
    let thoughtful = tags.replacing("<assistant>{% endif %}", with: "<assistant>think:{% endif %}")
    #expect(try segments(path, try chat(thoughtful)).map(\.targetText) == ["Ho.\n\0"])
  }

  @Test func aTemplateThatRewritesEarlierTurnsIsRefusedForTheLossOnCompletions() throws {
    let turns: JSONValue = [
      ["role": "user", "content": "Hi"], ["role": "assistant", "content": "Ho"],
      ["role": "user", "content": "?"],
      ["role": "assistant", "content": "!"],
    ]
    let path = try scratch.write(lines: [["messages": turns]], to: "c.jsonl")
    let forgetful = "{% for m in messages %}{{ m.content if loop.last else '-' }}{% endfor %}"
    #expect(
      scratch.complaint { _ = try segments(path, try chat(forgetful)) }
        == "…/c.jsonl, line 1: the chat template does not write the first 2 turns alone as it writes them with the "
        + "rest, so that the assistant's can't be told apart; take the loss on all tokens for such conversations"
    )
    #expect(try texts(path, try chat(forgetful, .all)) == ["---!"])
  }

  // MARK: Token ids

  @Test func tokenFilesHaveADocumentARowOrByOffsets() throws {
    let matrix = try scratch.write(
      tensors: [("input_ids", "I32", [2, 3], bytes(of: [5, 6, 7, 8, 9, 0] as [Int32]))], to: "m.safetensors")
    #expect(try segments(matrix, .tokens).map(\.ids) == [[5, 6, 7, 0], [8, 9, 0]])
    let list = try scratch.write(
      tensors: [
        ("input_ids", "I64", [5], bytes(of: [1, 2, 3, 4, 5] as [Int64])),
        ("offsets", "I64", [4], bytes(of: [0, 2, 2, 5] as [Int64])),
      ], to: "l.safetensors")
    #expect(try segments(list, .tokens).map(\.ids) == [[1, 2, 0], [3, 4, 5, 0]])
    #expect(
      try segments(list, .tokens).map(\.isTarget) == [[false, true, true], [false, true, true, true]])
  }
}
