import ChatTemplates
import JSON
import Testing

/// What Python's `datetime(year, month, day).strftime(format)` gives.
@Suite struct DateTests {
  private func shown(_ format: String, _ date: String) throws -> String {
    let format = JSONValue.string(format).compact
    let day: TemplateDate = try #require(TemplateDate(date))
    return try ChatTemplate(parsing: "{{ strftime_now(\(format)) }}").render(
      messages: [], addGenerationPrompt: false, date: day)
  }

  @Test(arguments: [
    (
      "2024-07-26",
      [
        "26 Jul 2024", "2024-07-26", "Friday, July 26, 24", "208 00:00:00 AM", "||000000|%Z", "26 07/26/24",
        "", "é Fri",
      ]
    ),
    (
      "2025-01-01",
      [
        "01 Jan 2025", "2025-01-01", "Wednesday, January 1, 25", "001 00:00:00 AM", "||000000|%Z",
        " 1 01/01/25", "", "é Wed",
      ]
    ),
    (
      "2000-02-29",
      [
        "29 Feb 2000", "2000-02-29", "Tuesday, February 29, 00", "060 00:00:00 AM", "||000000|%Z",
        "29 02/29/00", "", "é Tue",
      ]
    ),
  ])
  func aDayIsWrittenAsPythonWritesIt(date: String, expected: [String]) throws {
    let formats = [
      "%d %b %Y", "%Y-%m-%d", "%A, %B %-d, %y", "%j %H:%M:%S %p", "%Z|%z|%f|%%Z", "%e %D", "", "é %a",
    ]
    #expect(try formats.map { try shown($0, date) } == expected)
  }

  @Test func theUsualDayIsThatOfLlamas() { #expect(TemplateDate.usual.description == "2024-07-26") }

  @Test(arguments: [
    "", "2025", "2025-1-1", "2025-13-01", "2025-00-10", "2025-02-29", "2025-04-31", "0000-01-01",
    "2025-01-00",
    "20250101", "2025-01-01T00:00", "-025-01-01", "２025-01-01", "2025/01/01",
  ])
  func whatIsNoDayIsNone(text: String) { #expect(TemplateDate(text) == nil) }

  @Test func withoutADayThereIsNoSuchFunction() throws {
    let template = try ChatTemplate(parsing: "{{ strftime_now is defined }}")
    #expect(try template.render(messages: [], addGenerationPrompt: false) == "False")
    #expect(try template.render(messages: [], addGenerationPrompt: false, date: .usual) == "True")
  }

  @Test(arguments: ["{{ strftime_now() }}", "{{ strftime_now(3) }}", "{{ strftime_now('%Y' * 3000) }}"])
  func whatIsNoFormatIsRefused(template: String) throws {
    #expect(throws: ChatTemplateError.self) {
      try ChatTemplate(parsing: template).render(messages: [], addGenerationPrompt: false, date: .usual)
    }
  }
}

/// Work in proportion to the conversation.
@Suite struct ProportionTests {
  private let turn: JSONValue = ["role": "user", "content": "Hi"]

  @Test(arguments: [
    "{% for i in range(30000) %}{% endfor %}",
    "{% for i in range(300) %}{% for j in range(300) %}{% endfor %}{% endfor %}",
    "{{ 'x' * 1000000 }}", "{{ [1, 2, 3, 4] | tojson(separators=('x' * 200000, 'y')) }}",
    "{% set n = namespace(d=dict()) %}{% for i in range(2000) %}{% set n.d = dict(n.d, a=n.d) %}{% endfor %}",
  ])
  func aShortConversationIsNotWorthMuch(template: String) throws {
    let template = try ChatTemplate(parsing: template)
    for count in [1, 3] {
      let error = #expect(throws: ChatTemplateError.self) {
        try template.render(
          messages: .array(Array(repeating: turn, count: count)), addGenerationPrompt: true, date: .usual)
      }
      guard case .limit? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test func aLongTextMayBeGoneThroughLetterByLetter() throws {
    let template = try ChatTemplate(
      parsing: "{% for m in messages %}{% for c in m.content %}{{ c | upper }}{% endfor %}{% endfor %}")
    let text = String(repeating: "ab", count: 20_000)
    #expect(
      try template.render(
        messages: [["role": "user", "content": .string(text)]], addGenerationPrompt: false)
        == text.uppercased())
  }

  /// So that those of models have four times the room that they need.
  @Test func templatesAsModelsHaveThemTakeLessThanAQuarter() throws {
    let fixture = try Fixture.json("conversations")
    let templates = try #require(fixture["templates"]?.objectValue).members
    let conversations = try #require(fixture["conversations"]?.objectValue).members
    let variables: JSONObject = ["bos_token": "<s>", "eos_token": "</s>"]
    var rendered = 0
    for case (let name, .string(let text)) in templates.map({ ($0.key, $0.value) }) {
      let template = try ChatTemplate(parsing: text)
      for conversation in conversations {
        var limits = RenderLimits(
          template: template.bytes, messages: conversation.value, variables: variables)
        limits.work /= 4
        do {
          _ = try template.render(
            messages: conversation.value, addGenerationPrompt: true, variables: variables, limits: limits)
          rendered += 1
        } catch {
          guard case .limit = error else { continue }
          Issue.record("\(name), \(conversation.key): \(error)")
        }
      }
    }
    #expect(rendered >= 20)
  }

  @Test func aTemplateOfAMegabyteIsRefused() {
    #expect(throws: ChatTemplateError.self) {
      try ChatTemplate(parsing: String(repeating: "x", count: 1 << 20 + 1))
    }
  }

  @Test func aSentenceNamesTheFile() {
    let error = ChatTemplateError.evaluation(line: 3, problem: "no")
    #expect(
      error.description(of: "m/chat_template.jinja") == "chat template of m/chat_template.jinja, line 3: no")
    #expect(
      ChatTemplateError.raised(line: 3, message: "no").description(of: "f")
        == "the chat template of f refuses the conversation (line 3): no")
  }
}
