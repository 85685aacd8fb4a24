import JSON
import Testing
import TrainingData

@Suite struct ResumingTests {
  let scratch: Scratch
  let sources: [TrainingSource]

  init() throws {
    scratch = try Scratch()
    let lines = (0..<23).map {
      JSONValue.object(["text": .string("\($0)" + String(repeating: "a", count: $0 * 7 % 31))])
    }
    // Some lines are broken, some have no token.
    let broken = lines.map(\.compact) + ["{", "{\"text\": 1}", "{\"text\": \"\"}"]
    let tasks = (0..<9).map { number -> JSONValue in
      ["instruction": .string("do \(number)"), "output": .string(String(repeating: "z", count: number))]
    }
    sources = [
      TrainingSource(
        name: "texts", path: try scratch.write(broken.joined(separator: "\n"), to: "t.jsonl"),
        format: .jsonl(field: "text"), weight: 3, skipsBroken: true),
      TrainingSource(
        name: "tasks", path: try scratch.write(lines: tasks, to: "i.jsonl"),
        format: .instruction(InstructionFormat(loss: .completions)), weight: 1),
    ]
  }

  @Test(arguments: [(3, true), (16, true), (50, true), (1000, true), (16, false)])
  func aStreamGoesOnFromEveryRowAsIfUndisturbed(_ length: Int, _ packing: Bool) throws {
    var whole = try stream(sources, length: length, packing: packing, epochs: 3)
    var expected: [PackedRow] = []
    var states = [whole.state]
    while let row = try whole.next() {
      expected.append(row)
      states.append(whole.state)
    }
    // All rows after some places, a few after each.
    for (place, state) in states.enumerated() {
      // As it comes out of a file.
      let read = try JSONValue(parsing: state.pretty)
      let resumed = try stream(sources, length: length, packing: packing, epochs: 3, resuming: read)
      #expect(resumed.state == state)
      let limit = place % 16 == 0 ? Int.max : 5
      #expect(try rows(resumed, limit: limit) == Array(expected[place...].prefix(limit)))
    }
    var last = try stream(
      sources, length: length, packing: packing, epochs: 3, resuming: states[states.count / 2])
    while try last.next() != nil {}
    #expect(last.progress == whole.progress && last.state == whole.state)
    #expect(whole.progress.skipped > 0)
  }

  @Test func theStateOfAnotherStreamIsRefused() throws {
    var first = try stream(sources, length: 16)
    _ = try first.next()
    let state = first.state
    func refusal(
      _ length: Int = 16, seed: UInt64 = 7, packing: Bool = true,
      _ change: (inout JSONObject) -> Void = { _ in }
    ) -> String {
      var object = state.objectValue ?? [:]
      change(&object)
      return scratch.complaint {
        var stream = try stream(
          sources, length: length, packing: packing, seed: seed, resuming: .object(object))
        _ = try stream.next()
      }
    }
    let start = "the saved place in the training data can't be taken up: "
    #expect(refusal() == "nothing")
    #expect(refusal(32) == start + "the length was 16 and is 32")
    #expect(refusal(seed: 8) == start + "the seed was 7 and is 8")
    #expect(refusal(packing: false) == start + "the packing was true and is false")
    #expect(refusal { $0["position"] = -1 } == start + "\"position\" is not a natural number")
    #expect(refusal { $0["position"] = 35 } == start + "it stands behind the last document")
    #expect(refusal { $0["seed"] = 7 } == start + "\"seed\" is not a seed")
    #expect(refusal { $0["sources"] = nil } == start + "\"sources\" is not a list")
    #expect(
      refusal { $0["offset"] = 1000 }.hasPrefix(start + "it stands at token 1000 of a document that has "))
    let fewer = scratch.complaint { _ = try stream([sources[1]], length: 16, resuming: state) }
    #expect(fewer == start + "the list of sources was texts, tasks and is tasks")
    _ = try scratch.write("{\"text\": \"a\"}", to: "t.jsonl")
    #expect(refusal() == start + "texts's number of documents was 26 and is 1")
  }

  @Test func everyWrongStateIsRefusedOrResumed() throws {
    var first = try stream(sources, length: 16)
    _ = try first.next()
    let strangers: [JSONValue] = [nil, true, -1, 0, 9_223_372_036_854_775_807, 1e300, "", [], [nil], [:]]
    func variants(_ value: JSONValue) -> [JSONValue] {
      var all = strangers
      if case .object(let object) = value {
        for member in object.members {
          for variant in variants(member.value) {
            var changed = object
            changed[member.key] = variant
            all.append(.object(changed))
          }
        }
      }
      if case .array(let elements) = value {
        for index in elements.indices {
          for variant in variants(elements[index]) {
            var changed = elements
            changed[index] = variant
            all.append(.array(changed))
          }
        }
      }
      return all
    }
    for state in variants(first.state) {
      do {
        _ = try rows(stream(sources, length: 16, resuming: state), limit: 3)
      } catch is TrainingDataError {
        continue
      }
    }
  }
}
