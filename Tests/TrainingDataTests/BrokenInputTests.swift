import ChatTemplates
import JSON
import Testing
import TrainingData

@Suite struct BrokenInputTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func complaint(_ path: String, _ format: TrainingSource.Format, skipsBroken: Bool = false) -> String
  {
    scratch.complaint {
      let source = TrainingSource(name: "data", path: path, format: format, skipsBroken: skipsBroken)
      _ = try rows(stream([source]))
    }
  }

  private func line(_ text: String, _ format: TrainingSource.Format) throws -> String {
    complaint(try scratch.write(text, to: "a.jsonl"), format)
  }

  @Test func filesWithoutDocumentsAreRefused() throws {
    #expect(
      complaint("/nowhere/a.txt", .text(separator: nil))
        == "/nowhere/a.txt can't be read: there is no such file")
    #expect(try line("", .jsonl(field: "text")) == "…/a.jsonl has no document")
    #expect(try line(" \n\r\n\t", .jsonl(field: "text")) == "…/a.jsonl has no document")
    #expect(
      try line("{\"text\": \"\"}\n", .jsonl(field: "text"))
        == "no document of data has any token that can be trained on")
    #expect(
      complaint(try scratch.write("x", to: "b.txt"), .text(separator: "")) == "\"separator\": it is empty")
  }

  @Test func parquetIsRefusedWithTheLineThatConvertsIt() {
    #expect(
      complaint("train.parquet", .jsonl(field: "text"))
        == "train.parquet: Parquet is not read; make JSONL of it with Python: python3 -c \"import pandas; "
        + "pandas.read_parquet('train.parquet').to_json('train.jsonl', orient='records', lines=True, "
        + "force_ascii=False)\"")
  }

  @Test func aBrokenLineIsToldByItsNumber() throws {
    let field = TrainingSource.Format.jsonl(field: "text")
    #expect(
      try line("\n\n{\"text\": 1}\n", field) == "…/a.jsonl, line 3: \"text\" is an integer, expected a string"
    )
    #expect(
      try line("\n{\"txt\": \"a\", \"id\": 1}", field)
        == "…/a.jsonl, line 2: there is no \"text\"; the fields here are txt, id")
    #expect(try line("[]", field) == "…/a.jsonl, line 1: this is an array, expected an object")
    #expect(
      try line("{\"text\": \"a", field).hasPrefix("…/a.jsonl, line 1: column 10: the string that starts here")
    )
    let task = TrainingSource.Format.instruction(InstructionFormat(loss: .completions))
    #expect(
      try line("{\"instruction\": \"a\"}", task)
        == "…/a.jsonl, line 1: there is no \"output\"; the fields here are instruction")
    #expect(
      try line("{\"instruction\": \"a\", \"input\": [], \"output\": \"b\"}", task)
        == "…/a.jsonl, line 1: \"input\" is an array, expected a string")
  }

  @Test func aBrokenConversationIsToldByItsLine() throws {
    let template =
      "{% for m in messages %}{{ m.content + '' }}{% endfor %}{% if messages|length > 3 %}\n{{ raise_exception('too long') }}{% endif %}"
    let chat = TrainingSource.Format.chat(
      ChatFormat(template: try ChatTemplate(parsing: template), variables: [:], loss: .completions))
    func conversation(_ turns: String) throws -> String { try line("{\"messages\": \(turns)}", chat) }
    let start = "…/a.jsonl, line 1: "
    #expect(
      try line("{\"text\": \"a\"}", chat)
        == start + "there is no \"messages\" and no \"conversation\"; the fields here are text")
    #expect(try conversation("\"a\"") == start + "\"messages\" is a string, expected a list of turns")
    #expect(try conversation("[]") == start + "\"messages\" has no turns")
    #expect(
      try conversation("[1]") == start
        + "messages[0] is an integer, expected an object with \"role\" and \"content\"")
    #expect(try conversation("[{\"role\": 1}]") == start + "messages[0] has no \"role\" that is a string")
    #expect(
      try conversation("[{\"role\": \"user\", \"content\": \"a\"}]")
        == start + "the assistant says nothing in it, and the loss is on what it says")
    #expect(
      try conversation("[{\"role\": \"assistant\", \"content\": 1}]")
        == start + "chat template, line 1: “+” has no meaning for an integer and a text")
    let turn = "{\"role\": \"user\", \"content\": \"a\"}"
    #expect(
      try conversation("[\(turn), \(turn), \(turn), \(turn)]")
        == start + "the chat template refuses the conversation (line 2): too long")
  }

  @Test func textThatIsNotUTF8IsToldByItsPlace() throws {
    let path = try scratch.write([97, 10, 98, 195, 40], to: "a.txt")
    let reason = "…/a.txt is not UTF-8 text: the byte at offset 3 is no part of a character"
    #expect(complaint(path, .text(separator: nil)) == reason)
    #expect(complaint(path, .text(separator: "\n")) == reason)
    #expect(complaint(path, .text(separator: "\n"), skipsBroken: true) == "nothing")
  }

  @Test func brokenTokenFilesAreRefused() throws {
    func file(_ tensors: [(name: String, type: String, shape: [Int], bytes: [UInt8])]) throws -> String {
      complaint(try scratch.write(tensors: tensors, to: "t.safetensors"), .tokens)
    }
    let ids = bytes(of: [1, 2, 3] as [Int32])
    #expect(
      try file([("input_ids", "F32", [3], ids)])
        == "…/t.safetensors: input_ids: its type is float32, expected int32 or int64")
    #expect(
      try file([("input_ids", "I32", [3], ids)])
        == "…/t.safetensors: input_ids: it is one row of ids, and there is no \"offsets\" to tell where its "
        + "documents start")
    #expect(
      try file([("input_ids", "I32", [1, 1, 3], ids)])
        == "…/t.safetensors: input_ids: its shape is [1, 1, 3], expected [documents, length], or [tokens] with "
        + "\"offsets\"")
    #expect(try file([("input_ids", "I32", [0, 3], [])]) == "…/t.safetensors has no document")
    #expect(try file([("ids", "I32", [3], ids)]).hasPrefix("…/t.safetensors can't be read: "))
    func offsets(_ values: [Int32]) throws -> String {
      try file([("input_ids", "I32", [3], ids), ("offsets", "I32", [values.count], bytes(of: values))])
    }
    #expect(try offsets([0, 2, 1]) == "…/t.safetensors: offsets[2]: 1, expected 2 to 3")
    #expect(try offsets([0, 4]) == "…/t.safetensors: offsets[1]: 4, expected 0 to 3")
    #expect(try offsets([-1, 2]) == "…/t.safetensors: offsets[0]: -1, expected 0 to 3")
    #expect(try offsets([3]) == "…/t.safetensors has no document")
    #expect(
      try file([("input_ids", "I64", [1, 2], bytes(of: [7, 256] as [Int64]))])
        == "…/t.safetensors: document 0, token 1: 256 is no token id of this model, whose ids are 0 to 255")
  }

  @Test func brokenDocumentsAreCountedWhereTheyAreSkipped() throws {
    let path = try scratch.write("{\"text\": \"a\"}\n{\n{\"text\": 1}\n{\"text\": \"b\"}\n", to: "a.jsonl")
    let source = TrainingSource(name: "data", path: path, format: .jsonl(field: "text"), skipsBroken: true)
    var stream = try stream([source], epochs: 2)
    var tokens: [Int32] = []
    while let row = try stream.next() { tokens += row.segments.flatMap(\.ids) }
    #expect(stream.progress.skipped == 4 && stream.progress.documents == 4)
    #expect(tokens.sorted() == [0, 0, 0, 0, 97, 97, 98, 98])
    #expect(
      complaint(try scratch.write("{\n[\n", to: "b.jsonl"), .jsonl(field: "text"), skipsBroken: true)
        == "no document of data has any token that can be trained on")
  }

  @Test func anErrorLeavesTheStreamWhereItStood() throws {
    let lines = (0..<20).map { "{\"text\": \"document \($0)\"}" }
    let path = try scratch.write((lines + ["{"]).joined(separator: "\n"), to: "a.jsonl")
    var stream = try stream(
      [TrainingSource(name: "data", path: path, format: .jsonl(field: "text"))], length: 8)
    var state = stream.state
    #expect(throws: TrainingDataError.self) {
      while try stream.next() != nil { state = stream.state }
    }
    #expect(stream.state == state)
    #expect(throws: TrainingDataError.self) { try stream.next() }
    #expect(stream.state == state)
  }
}
