import ChatTemplates
import Foundation
import JSON
import Testing

private func nanoseconds(of clock: clockid_t) -> Int {
  var time = timespec()
  clock_gettime(clock, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

@Suite struct RefusalTests {
  @Test func aMistakeIsToldWithItsLine() {
    #expect(refusal("a\n\n{{ 1 + }}") == "chat template, line 3: expected an expression, found “}}”")
    #expect(refusal("{% if x %}\nb") == "chat template, line 1: “{% if %}” has no “{% endif %}”")
    #expect(
      refusal("a\n{% for x in y %}\n{% endif %}")
        == "chat template, line 3: “{% endif %}” ends nothing that is open")
    #expect(refusal("{# x\n#}\n{{ x") == "chat template, line 3: the tag that starts here has no end, “}}”")
    #expect(refusal("{% wander %}") == "chat template, line 1: there is no statement “wander”")
    #expect(refusal("\n{{ 'a }}") == "chat template, line 2: the quoted text that starts here has no end")
  }

  @Test func whatIsNotInterpretedIsNamed() {
    #expect(
      refusal("a\n{% include 'x' %}") == "chat template, line 2: the statement “include” is not supported")
    #expect(refusal("{{ x|wordwrap }}") == "chat template, line 1: the filter “wordwrap” is not supported")
    #expect(refusal("{{ x is prime }}") == "chat template, line 1: the test “prime” is not supported")
    #expect(refusal("{{ '%s' % 1 }}") == "chat template, line 1: formatting a text with “%” is not supported")
    #expect(
      refusal("{% for x in y recursive %}{% endfor %}")
        == "chat template, line 1: a recursive loop is not supported")
  }

  @Test func aMissingPartIsNamed() {
    #expect(
      refusal("{% for m in messages %}{% endfor %}\n{{ system.content }}")
        == "chat template, line 2: “system”, which is not defined, has no “content”")
    #expect(refusal("{{ 'a' + 1 }}") == "chat template, line 1: “+” has no meaning for a text and an integer")
  }

  @Test func aTemplatesOwnRefusalIsPassedOn() {
    #expect(
      refusal("\n{{ raise_exception('roles must take turns') }}")
        == "the chat template refuses the conversation (line 2): roles must take turns")
  }

  /// Its name in a log is its beginning.
  struct Excess: ExpressibleByStringLiteral, CustomTestStringConvertible, Sendable {
    let template: String
    init(stringLiteral template: String) { self.template = template }
    init(_ start: String, _ piece: String, _ count: Int, _ end: String = "") {
      template = start + String(repeating: piece, count: count) + end
    }
    var testDescription: String { template.prefix(60) + (template.count > 60 ? "…" : "") }
  }

  @Test(
    arguments: [
      "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
      "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
      "{% set ns = namespace(x='ab') %}{% for i in range(99999) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}",
      "{% set ns = namespace(x=1) %}{% for i in range(99999) %}{% set ns.x = namespace(y=ns.x) %}{% endfor %}",
      "{{ 'a' * 999999999999 }}", "{{ [1] * 999999999999 }}", "{{ 'aaaa'.replace('', 'b' * 60000000) }}",
      "{{ 'x'.zfill(99999999999) }}", "{{ 'a'|indent(99999999999) }}", "{{ 9 ** 9 ** 9 }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ (-9223372036854775807 - 1) // -1 }}", "{{ (-9223372036854775807 - 1)|abs }}",
      Excess("{{ ", "(", 100_000), Excess("{{ ", "not ", 100_000, "1 }}"),
      Excess("{{ ", "-", 100_000, "1 }}"),
      Excess("{{ 1", " + 1", 100_000, " }}"), Excess("{{ x", "|trim", 100_000, " }}"),
      Excess("{{ x", ".x", 100_000, " }}"), Excess("", "{% if 1 %}", 100_000),
      Excess("{{ 1", " if 1", 100_000, " }}"), Excess("{% set ", "(", 100_000), Excess("{{ ", "[", 100_000),
      "{{ [1]|map('map', 'map', 'map', 'map')|list }}",
      "{{ 1e308 * 10|int }}{{ (1e308 * 10)|int + missing }}",
    ] as [Excess])
  func noTemplateRunsOutOfTimeMemoryOrStack(_ excess: Excess) {
    // What this thread worked, since the machine may be busy with others.
    let start = nanoseconds(of: CLOCK_THREAD_CPUTIME_ID)
    #expect(outcome(excess.template).text == nil)
    #expect(nanoseconds(of: CLOCK_THREAD_CPUTIME_ID) - start < 30_000_000_000)
  }

  @Test func longConversationsAreWithinTheLimits() throws {
    let turns = (0..<4000).map {
      JSONValue.object([
        "role": $0 % 2 == 0 ? "user" : "assistant",
        "content": .string(String(repeating: "word ", count: 200)),
      ])
    }
    let text = try ChatTemplate(
      parsing: "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] | trim + '\n' }}{% endfor %}"
    ).render(messages: .array(turns), addGenerationPrompt: false)
    // 999 letters and blanks, a tag of 6 or 11, a line break.
    #expect(text.utf8.count == 2000 * (999 + 6 + 1) + 2000 * (999 + 11 + 1))
  }
}
