import Foundation
import JSON
import Testing
import TrainingData

@Suite struct PackingTests {
  let scratch: Scratch
  let texts: [String]
  let source: TrainingSource

  init() throws {
    scratch = try Scratch()
    // Lengths from 1 to 40, every text another.
    texts = (0..<57).map { "\($0):" + String(repeating: "x", count: $0 * 29 % 38) }
    let path = try scratch.write(lines: texts.map { ["text": .string($0)] }, to: "a.jsonl")
    source = TrainingSource(name: "a", path: path, format: .jsonl(field: "text"))
  }

  private func ids(_ text: String) -> [Int32] { text.utf8.map(Int32.init) + [0] }

  @Test func everyDocumentComesOnceAnEpoch() throws {
    let found = try documents([source])
    #expect(found.count == texts.count)
    #expect(Set(found) == Set(texts.map(ids)))
  }

  /// The slow way: all tokens in one list with the number of their document beside each, cut every `length`
  /// tokens, and where the number changes.
  private func packedSlowly(_ documents: [[Int32]], length: Int) -> [[[Int32]]] {
    let tokens = documents.enumerated().flatMap { number, ids in ids.map { (number: number, id: $0) } }
    var rows: [[[Int32]]] = []
    var last = -1
    for (place, token) in tokens.enumerated() {
      if place % length == 0 { rows.append([]) }
      if place % length == 0 || token.number != last { rows[rows.count - 1].append([]) }
      rows[rows.count - 1][rows[rows.count - 1].count - 1].append(token.id)
      last = token.number
    }
    return rows
  }

  @Test(arguments: [2, 3, 7, 16, 41, 64, 1000, 5000])
  func rowsAreTheDocumentsOneAfterTheOther(_ length: Int) throws {
    let found = try rows(stream([source], length: length, epochs: 2))
    #expect(
      found.map { $0.segments.map(\.ids) } == packedSlowly(try documents([source], epochs: 2), length: length)
    )
    #expect(found.dropLast().allSatisfy { $0.tokenCount == length })
  }

  @Test(arguments: [2, 5, 16, 300])
  func allButASegmentsFirstTokenAreTargets(_ length: Int) throws {
    let rows = try rows(stream([source], length: length))
    #expect(!rows.isEmpty && rows.allSatisfy { !$0.segments.isEmpty })
    for row in rows {
      for segment in row.segments {
        #expect(segment.isTarget == segment.ids.indices.map { $0 > 0 })
      }
      #expect(row.targetCount == row.tokenCount - row.segments.count)
    }
  }

  @Test func withoutPackingARowIsADocumentCutToItsLength() throws {
    let whole = try documents([source])
    let cut = try rows(stream([source], length: 10, packing: false))
    #expect(cut.map { $0.segments.map(\.ids) } == whole.map { [Array($0.prefix(10))] })
  }

  @Test func progressCountsWhatCame() throws {
    var stream = try stream([source], length: 16, epochs: 3)
    var tokens = 0
    var targets = 0
    var rows = 0
    while let row = try stream.next() {
      tokens += row.tokenCount
      targets += row.targetCount
      rows += 1
      #expect(stream.progress.tokens == tokens && stream.progress.targets == targets)
      #expect(stream.progress.rows == rows)
    }
    #expect(tokens == 3 * texts.map { $0.utf8.count + 1 }.reduce(0, +))
    #expect(stream.progress.epoch == 3 && stream.progress.documents == 3 * texts.count)
    #expect(try stream.next() == nil)
  }

  @Test func anEndlessStreamGoesOn() throws {
    var stream = try stream([source], length: 64, epochs: nil)
    for _ in 0..<500 { #expect(try stream.next()?.tokenCount == 64) }
    #expect(stream.progress.epoch > 3)
  }

  @Test func aTextThatEndsWithTheEndTokenGetsNoSecond() throws {
    let path = try scratch.write("{\"text\": \"ab\\u0000\"}\n{\"text\": \"ab\\u0000\"}", to: "ended.jsonl")
    let found = try documents([TrainingSource(name: "e", path: path, format: .jsonl(field: "text"))])
    #expect(found == [[97, 98, 0], [97, 98, 0]])
  }

  @Test func theFirstTokenIsPutBeforeTextsWhereAskedFor() throws {
    let path = try scratch.write("ab", to: "one.txt")
    let source = TrainingSource(name: "t", path: path, format: .text(separator: nil))
    #expect(try rows(stream([source], begins: true)).map { $0.segments.map(\.ids) } == [[[1, 97, 98, 0]]])
  }

  #if os(Linux)
    @Test func filesAreMapped() throws {
      let path = try scratch.write(String(repeating: "some text\n", count: 200_000), to: "large.txt")
      let stream = try stream([TrainingSource(name: "l", path: path, format: .text(separator: "\n"))])
      let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
      #expect(maps.contains("large.txt"))
      #expect(stream.documentsOfEpoch == 200_000)
    }
  #endif
}
