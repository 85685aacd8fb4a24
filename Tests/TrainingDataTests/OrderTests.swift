import JSON
import Testing
import TrainingData

@Suite struct OrderTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// `count` documents of one letter and a number, on lines of their own.
  private func source(_ letter: String, _ count: Int, weight: Double? = nil) throws -> TrainingSource {
    let text = (0..<count).map { "\(letter)\($0)" }.joined(separator: "\n")
    return TrainingSource(
      name: letter, path: try scratch.write(text, to: "\(letter)\(count).txt"),
      format: .text(separator: "\n"),
      weight: weight)
  }

  private func names(_ sources: [TrainingSource], epochs: Int = 1, seed: UInt64 = 7) throws -> [String] {
    try documents(sources, epochs: epochs, seed: seed).map { ids in
      String(decoding: ids.dropLast().map { UInt8(clamping: $0) }, as: UTF8.self)
    }
  }

  @Test func theOrderFollowsFromTheSeed() throws {
    let sources = [try source("a", 100)]
    let order = try names(sources, seed: 1)
    #expect(try names(sources, seed: 1) == order)
    #expect(try names(sources, seed: 2) != order)
    #expect(order != (0..<100).map { "a\($0)" })
  }

  @Test func everyEpochHasAllDocumentsInAnotherOrder() throws {
    let order = try names([try source("a", 100)], epochs: 3)
    let epochs = stride(from: 0, to: 300, by: 100).map { Array(order[$0..<$0 + 100]) }
    for epoch in epochs { #expect(epoch.sorted() == (0..<100).map { "a\($0)" }.sorted()) }
    #expect(Set(epochs).count == 3)
  }

  @Test func allOrdersAreAsLikely() throws {
    let sources = [try source("a", 3)]
    var counts: [[String]: Int] = [:]
    for seed in 0..<1200 { counts[try names(sources, seed: UInt64(seed)), default: 0] += 1 }
    // Six orders, 200 times each; chi-square with 5 degrees of freedom is above 20.5 once in a thousand.
    let chiSquare = counts.values.reduce(0.0) { $0 + Double(($1 - 200) * ($1 - 200)) / 200 }
    #expect(counts.count == 6 && chiSquare < 20.5)
  }

  @Test func withoutWeightsAnEpochHasAllDocumentsOfAllSourcesMixed() throws {
    let order = try names([try source("a", 60), try source("b", 20)])
    #expect(order.sorted() == ((0..<60).map { "a\($0)" } + (0..<20).map { "b\($0)" }).sorted())
    // In each half about half of b's 20: 2 to 18 but once in ten thousand.
    let early = order.prefix(40).count { $0.hasPrefix("b") }
    #expect((3...17).contains(early))
  }

  @Test func weightsAreSharesOfTheDocuments() throws {
    // 100 documents an epoch: 60, 30 and 10.
    let sources = [
      try source("a", 20, weight: 6), try source("b", 70, weight: 3), try source("c", 10, weight: 1),
    ]
    let order = try names(sources, epochs: 2)
    for epoch in [order[..<100], order[100...]] {
      #expect(["a", "b", "c"].map { letter in epoch.count { $0.hasPrefix(letter) } } == [60, 30, 10])
    }
    // A small source comes again only after all of it came.
    let ofA = order.filter { $0.hasPrefix("a") }
    for start in stride(from: 0, to: 120, by: 20) { #expect(Set(ofA[start..<start + 20]).count == 20) }
    // A large one goes on in the next epoch: 60 documents of 70, none twice.
    #expect(Set(order.filter { $0.hasPrefix("b") }).count == 60)
  }

  @Test func sharesThatAreNotWholeAreRoundedByTheLargestRemainder() throws {
    // 10 documents in thirds: 3⅓ each, the first source gets the one that is left.
    let order = try names([
      try source("a", 4, weight: 1), try source("b", 3, weight: 1), try source("c", 3, weight: 1),
    ])
    #expect(["a", "b", "c"].map { letter in order.count { $0.hasPrefix(letter) } } == [4, 3, 3])
  }

  @Test func weightsThatMakeNoSharesAreRefused() throws {
    let a = try source("a", 4)
    func refusal(_ weights: [Double?]) throws -> String {
      let sources = try zip(["a", "b"], weights).map { try source($0, 4, weight: $1) }
      return scratch.complaint { _ = try stream(sources) }
    }
    #expect(a.weight == nil)
    #expect(try refusal([1, nil]) == "\"weight\": b has none, and other sources have one")
    #expect(try refusal([1, 0]) == "\"weight\": b has 0.0, expected a number above 0")
    #expect(try refusal([1, -.infinity]) == "\"weight\": b has -inf, expected a number above 0")
    #expect(try refusal([1, .nan]) == "\"weight\": b has nan, expected a number above 0")
    #expect(try refusal([1, 1e-9]) == "\"weight\": b's is so small that none of 8 documents is its")
  }

  @Test func wrongOptionsAreRefused() throws {
    let a = try source("a", 4)
    #expect(scratch.complaint { _ = try stream([]) } == "\"sources\": there are none")
    #expect(
      scratch.complaint { _ = try stream([a], length: 1) } == "\"length\": 1, expected at least 2 tokens")
    #expect(scratch.complaint { _ = try stream([a], epochs: 0) } == "\"epochs\": 0, expected at least 1")
    let tokenizer = TrainingTokenizer(vocabularySize: 10, endOfSequence: 10) { _ in [1] }
    #expect(
      scratch.complaint {
        _ = try TrainingStream(sources: [a], options: StreamOptions(length: 8, seed: 1), tokenizer: tokenizer)
      } == "\"end_of_sequence\": 10, expected an id below 10")
  }
}
