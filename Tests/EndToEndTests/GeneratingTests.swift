import ChatTemplates
import Checkpoints
import Foundation
import JSON
import Pipeline
import Testing
import Tokenizers

/// What transformers' `apply_chat_template` writes, by scripts/make-chat-prompt-fixtures.py.
private struct Prompts: Decodable {
  let cases: [Case]

  struct Case: Decodable, CustomTestStringConvertible {
    let name: String
    let config: Config
    let template: String?
    let turns: [[String]]
    let text: String
    let ids: [Int32]

    var testDescription: String { name }
  }

  /// The configuration's own text, since it is written again.
  struct Config: Decodable {
    let data: Data

    init(from decoder: any Decoder) throws {
      data = try JSONEncoder().encode(AnyJSON(from: decoder))
    }
  }

  static let all: Prompts? = try? JSONDecoder().decode(
    Prompts.self,
    from: Data(
      contentsOf: Support.package.appendingPathComponent("Tests/Fixtures/chat-templates/prompts.json")))
}

private enum AnyJSON: Codable {
  case text(String)
  case list([AnyJSON])
  case object([String: AnyJSON])

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let list = try? value.decode([AnyJSON].self) {
      self = .list(list)
    } else {
      self = .object(try value.decode([String: AnyJSON].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .list(let list): try container.encode(list)
    case .object(let object): try container.encode(object)
    }
  }
}

/// A random model with the tokenizer of bytes that the fixtures are of.
private func model(
  in scratch: Scratch, config: String = "{}", vocabulary: Int = 262, more: [String: String] = [:]
) throws -> String {
  let folder = try SmallModel(.untied, seed: 5, vocabulary: vocabulary).write()
  let place = scratch.url.appendingPathComponent("model-\(UUID().uuidString)")
  try FileManager.default.moveItem(at: folder, to: place)
  let fixture = Support.package.appendingPathComponent("Tests/Fixtures/tokenizers/named-tokens.json")
  let document = try #require(JSONValue(parsing: Array(Data(contentsOf: fixture)))["document"]?.stringValue)
  for (name, text) in more.merging(
    ["tokenizer.json": document, "tokenizer_config.json": config], uniquingKeysWith: { $1 })
  {
    try Data(text.utf8).write(to: place.appendingPathComponent(name))
  }
  return place.path
}

@Suite struct ConversationTests {
  private let scratch = Scratch()

  @Test("is written as transformers writes it", arguments: Prompts.all?.cases ?? [])
  private func equality(_ example: Prompts.Case) throws {
    let path = try model(
      in: scratch, config: String(decoding: example.config.data, as: UTF8.self),
      more: example.template.map { ["chat_template.jinja": $0] } ?? [:])
    let turns = example.turns.map { ChatTurn(role: $0[0], content: $0[1]) }
    let day = try #require(TemplateDate("2025-01-31"))
    let text = try LoadedModel(path: path).conversation(turns, date: day)
    #expect(text == example.text)
    #expect(try LoadedModel(path: path).tokenizer().encode(text) == example.ids)
  }

  @Test func allFixturesAreThere() { #expect((Prompts.all?.cases.count ?? 0) >= 6) }
}

/// By the rules of transformers' `generate` and of llama.cpp's `is_eog`.
@Suite struct EndOfTextTests {
  private let scratch = Scratch()

  private func stops(config: String?, generation: String?) throws -> Set<Int32> {
    let path = try path(config: config, generation: generation)
    return try LoadedModel(path: path).stopTokens()
  }

  /// - Parameter config: the value of `eos_token_id` in config.json; nil for no such key.
  private func path(config: String?, generation: String?, tokenizer: String = #"{"eos_token": "</s>"}"#)
    throws
    -> String
  {
    let path = try model(
      in: scratch, config: tokenizer, more: generation.map { ["generation_config.json": $0] } ?? [:])
    let file = URL(fileURLWithPath: path + "/config.json")
    guard case .object(var keys) = try JSONValue(parsing: Array(Data(contentsOf: file))) else { return path }
    keys["eos_token_id"] = try config.map { try JSONValue(parsing: $0) }
    try Data(JSONValue.object(keys).pretty.utf8).write(to: file)
    return path
  }

  @Test(
    arguments: [
      ("2", nil, [2]), ("[2, 7]", nil, [2, 7]), ("null", nil, []), (nil, nil, [2]),
      ("2", #"{"eos_token_id": 9}"#, [9]), ("2", #"{"eos_token_id": [2, 9]}"#, [2, 9]), ("2", "{}", []),
      ("[2, 7]", #"{"eos_token_id": null}"#, []), ("null", #"{"eos_token_id": 7}"#, [7]),
    ] as [(String?, String?, Set<Int32>)])
  func generationConfigDecides(config: String?, generation: String?, expected: Set<Int32>) throws {
    #expect(try stops(config: config, generation: generation) == expected)
  }

  @Test(arguments: ["[", "[]", #"{"eos_token_id": "</s>"}"#, #"{"eos_token_id": [1, null]}"#])
  func aBrokenGenerationConfigIsNamed(text: String) throws {
    let path = try path(config: "2", generation: text)
    do {
      _ = try LoadedModel(path: path).stopTokens()
      Issue.record("nothing")
    } catch {
      #expect("\(error)".hasPrefix(path + "/generation_config.json: "))
    }
  }

  @Test func whatEndsADocument() throws {
    func end(
      _ config: String?, _ generation: String?, text: Bool, _ tokenizer: String = #"{"eos_token": "</s>"}"#
    )
      throws -> (Int32?, Set<Int32>)
    {
      let end = try LoadedModel(path: path(config: config, generation: generation, tokenizer: tokenizer))
        .documentEnd(ofText: text)
      return (end.appended, end.known)
    }
    #expect(try end("[7, 2]", nil, text: true) == (2, [2, 7]))
    #expect(try end("[7, 9]", nil, text: true) == (7, [7, 9]))
    #expect(try end("7", #"{"eos_token_id": [7, 2]}"#, text: false) == (2, [2, 7]))
    #expect(try end("null", nil, text: false) == (nil, []))
    #expect(try end("null", nil, text: true) == (2, [2]))
    #expect(try end("null", nil, text: true, "{}") == (nil, []))
    #expect(try end("[7, 9]", nil, text: false, "{}") == (7, [7, 9]))
  }

  @Test func llamaCppsEnds() {
    func ends(_ tokens: [String], _ ids: [String: Int] = [:]) -> Set<Int32> {
      GGUFFile.endOfGeneration(tokens: tokens) { ids[$0] }
    }
    #expect(ends(["a", "b", "c", "d"], ["eos": 1, "eot": 2, "eom": 3, "bos": 0]) == [1, 2, 3])
    #expect(ends(["a", "<|im_end|>", "</s>", "<|eom_id|>"], ["eos": 0]) == [0, 1, 2, 3])
    #expect(ends(["a", "<|end|>", "<|return|>", "<|call|>"]) == [2, 3])
    #expect(ends(["a", "<|end|>", "<|calls|>", "<|flush|>"]) == [2, 3])
    #expect(ends(["a", "<|end|>", "<|return|>"]) == [1, 2])
    #expect(ends(["</s>", "<|tool_response>"]) == [1])
    #expect(ends(["a", "<|fim_pad|>", "<|file_sep|>"], ["fim_pad": 0]) == [0, 2])
    #expect(ends(["a"], ["eos": 1, "eot": -1]) == [])
  }
}

@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct GenerateCommandTests {
  private let scratch = Scratch()

  private func generate(_ arguments: String...) throws -> Program.Answer {
    try Program.call(["generate"] + arguments, in: scratch)
  }

  @Test func turnsStandInTheOrderOfTheCommandLine() throws {
    let path = try model(
      in: scratch,
      config: #"{"chat_template": "{{ raise_exception(messages | tojson) }}"}"#)
    let answer = try generate(
      path, "--chat", "--user", "one", "--assistant", "two", "--system", "three", "--user", "four")
    #expect(answer.code == 1)
    let roles = [("user", "one"), ("assistant", "two"), ("system", "three"), ("user", "four")]
    let messages = roles.map { #"{"role": "\#($0)", "content": "\#($1)"}"# }.joined(separator: ", ")
    #expect(
      answer.error.contains(
        "the chat template of \(path)/tokenizer_config.json refuses the conversation (line 1): [\(messages)]"),
      "\(answer.error)")
  }

  @Test func aConversationIsAnswered() throws {
    let path = try model(in: scratch, config: #"{"chat_template": "{{ messages[0].content }}"}"#)
    let chat = try generate(path, "--chat", "--user", "Hi", "--max-tokens", "5")
    #expect(chat.code == 0, "\(chat.error)")
    let text = try generate(path, "--prompt", "Hi", "--max-tokens", "5")
    #expect("Hi" + chat.output == text.output)
    #expect(
      text.error.contains("has a chat template") && text.error.contains("--chat --user"), "\(text.error)")
    #expect(!chat.error.contains("has a chat template"))
  }

  @Test(arguments: [
    (
      ["--max-tokens", "1000000000"],
      "the model has 64 positions and the prompt takes 2 of them; expected at most 62"
    ),
    (["--max-tokens", "4611686018427387904"], "the model has 64 positions"),
    (["--max-tokens", "9223372036854775807"], "the model has 64 positions"),
    (["--max-tokens", "0"], "expected at least 1"),
    (["--chat"], "--prompt: with --chat"),
    (["--user", "a"], "belong to --chat"),
    (["--date", "2025-01-01"], "belong to --chat"),
  ])
  func whatCannotBeDoneIsSaid(arguments: [String], sentence: String) throws {
    let path = try model(in: scratch)
    let answer = try Program.call(["generate", path, "--prompt", "Hi"] + arguments, in: scratch)
    #expect(answer.code != 0)
    #expect(answer.error.contains(sentence), "\(answer.error)")
  }

  @Test(arguments: [
    (["--chat"], "say something with --user"),
    (["--chat", "--user", "a", "--assistant", "b"], "--user comes last"),
    (["--chat", "--user", "a", "--date", "2025-02-30"], "expected a day such as"),
    (["--chat", "--user", "a"], "has no chat template"),
    ([], "--prompt is missing"),
  ])
  func whatIsNoConversationIsSaid(arguments: [String], sentence: String) throws {
    let path = try model(in: scratch)
    let answer = try Program.call(["generate", path] + arguments, in: scratch)
    #expect(answer.code != 0)
    #expect(answer.error.contains(sentence), "\(answer.error)")
  }

  @Test func withoutANumberTheModelsPositionsAreTheEnd() throws {
    let path = try model(in: scratch)
    let answer = try generate(path, "--prompt", String(repeating: "a", count: 60))
    #expect(answer.code == 0, "\(answer.error)")
    let tooLong = try generate(path, "--prompt", String(repeating: "a", count: 64))
    #expect(
      tooLong.error.contains("the prompt has 64 tokens, and the model has 64 positions"), "\(tooLong.error)")
  }

  /// In transformers the token that ends a text is a part of it.
  @Test func aTextEndsWithTheFirstOfItsEnds() throws {
    let free = try generate(model(in: scratch), "--prompt", "Hi", "--max-tokens", "1")
    let ends = try model(
      in: scratch, more: ["generation_config.json": "{\"eos_token_id\": \(Array(0..<262))}"])
    let bound = try generate(ends, "--prompt", "Hi", "--max-tokens", "9")
    #expect(free.code == 0 && bound.code == 0, "\(bound.error)")
    #expect(bound.output == free.output)
  }

  @Test func aTokenBeyondTheModelIsNamed() throws {
    let path = try model(in: scratch, config: #"{"pad_token": "[PAD]"}"#, vocabulary: 259)
    let answer = try generate(path, "--prompt", "a[PAD]b")
    #expect(answer.code == 1)
    #expect(
      answer.error.contains("the token 259, which the tokenizer has and the model lacks"), "\(answer.error)")
    #expect(try generate(path, "--prompt", "ab", "--max-tokens", "1").code == 0)
  }

  @Test func anEvaluationOfFewTokensSaysSo() throws {
    let path = try model(in: scratch)
    let text = try scratch.write("A short text. ", to: "short.txt")
    let long = try scratch.write(String(repeating: "A longer text. ", count: 20), to: "long.txt")
    func evaluate(_ text: String) throws -> Program.Answer {
      try Program.call(
        ["evaluate", path, "--evaluator", "adapt-pruner.perplexity:data=\(text),window=8"], in: scratch)
    }
    let few = try evaluate(text)
    #expect(few.code == 0 && few.error.contains("tokens; fewer than 100 say little"), "\(few.error)")
    #expect(try !evaluate(long).error.contains("fewer than 100"))
  }
}
