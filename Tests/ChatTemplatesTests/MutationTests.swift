import ChatTemplates
import JSON
import Testing

/// Good templates with something cut, doubled, moved or put in: each is rendered or refused, never a crash.
@Suite struct MutationTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) << 32 | (state &* 2_862_933_555_777_941_757) >> 32
    }
  }

  private static let pieces: [String] = [
    "{%", "%}", "{{", "}}", "{#", "#}", "-", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", ":", "|", ".",
    ",", "~",
    " not ", " in ", " is ", " if ", " else ", " and ", "{% else %}", "{% endif %}", "{% endfor %}",
    "{% for x in range(50) %}", "{% set x = [x, x] %}", "{% set ns.x = ns %}", "|tojson", "|sort", "|map",
    "[::-1]",
    "[-1]", " ** 99 ", " * 999999 ", "9223372036854775807", "1e999", "loop", "namespace(", "none", "é",
    "\u{0}",
    "\u{FEFF}", "👩‍🚀", "{% raw %}", "{% macro f(x) %}", "f(f)", "messages", "\r\n", ".items()", "// 0", "\\u12",
  ]

  @Test func mutatedTemplatesAreRenderedOrRefused() throws {
    let fixture = try Fixture.json("conversations")
    var templates = try #require(fixture["templates"]?.objectValue).members.compactMap(\.value.stringValue)
    templates += try #require(try Fixture.json("snippets")["cases"]?.arrayValue).compactMap {
      $0["template"]?.stringValue
    }
    let conversations = try #require(fixture["conversations"]?.objectValue).members.map(\.value)
    let variables = try #require(try Fixture.json("snippets")["variables"]?.objectValue)
    var generator = Generator(state: 20_250_101)
    var limits = RenderLimits()
    limits.work = 4 << 20
    var rendered = 0
    let rounds = 8000
    for _ in 0..<rounds {
      var scalars = Array(try #require(templates.randomElement(using: &generator)).unicodeScalars)
      for _ in 0..<Int.random(in: 1...4, using: &generator) { mutate(&scalars, &generator) }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars)
      let messages = try #require(conversations.randomElement(using: &generator))
      do throws(ChatTemplateError) {
        _ = try ChatTemplate(parsing: String(view)).render(
          messages: messages, addGenerationPrompt: Bool.random(using: &generator), variables: variables,
          limits: limits)
        rendered += 1
      } catch {
        #expect(error.line >= 1 && !error.description.isEmpty)
      }
    }
    // Neither all of them broken nor none.
    #expect(rendered > rounds / 20 && rendered < rounds)
  }

  private func mutate(_ scalars: inout [Unicode.Scalar], _ generator: inout Generator) {
    func place() -> Int { Int.random(in: 0...scalars.count, using: &generator) }
    let (first, second) = (place(), place())
    let range = min(first, second)..<min(max(first, second), min(first, second) + 20)
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: scalars.removeSubrange(range)
    case 1: scalars.insert(contentsOf: Array(scalars[range]), at: place())
    case 2: scalars = Array(scalars[..<first])
    case 3:
      let piece = Array(scalars[range])
      scalars.removeSubrange(range)
      scalars.insert(contentsOf: piece, at: place())
    default:
      scalars.insert(
        contentsOf: (Self.pieces.randomElement(using: &generator) ?? "").unicodeScalars, at: first)
    }
  }
}
