import ChatTemplates
import Foundation
import JSON
import Testing
import Tokenizers
import TrainingData

/// With tokenizers of models' kinds, in which a token may reach over the end of a text's part.
@Suite struct TokenizerTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func tokenizer(_ name: String) throws -> Tokenizer {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/tokenizers/\(name).tokenizer.json")
    return try Tokenizer(huggingFaceJSON: file, config: nil)
  }

  private static let names = [
    "gpt2-like", "llama2-like", "llama3-like", "metaspace-always", "metaspace-first", "qwen2-like",
    "smollm2-like",
  ]

  /// - Returns: the segments and, decoded, the runs of tokens that are to be predicted.
  private func read(_ tokenizer: Tokenizer, _ source: TrainingSource) throws -> [(
    segment: Segment, targets: [String]
  )] {
    let end = Int32(tokenizer.vocabularySize)
    let wrapped = TrainingTokenizer(vocabularySize: tokenizer.vocabularySize + 1, endOfSequence: end) {
      tokenizer.encode($0)
    }
    let stream = try TrainingStream(
      sources: [source], options: StreamOptions(length: 4096, packing: false, epochs: 1, seed: 3),
      tokenizer: wrapped)
    return try rows(stream).flatMap(\.segments).map { segment in
      var runs: [[Int32]] = []
      var isOpen = false
      for (id, isTarget) in zip(segment.ids, segment.isTarget) where id != end {
        if isTarget {
          if !isOpen { runs.append([]) }
          runs[runs.count - 1].append(id)
        }
        isOpen = isTarget
      }
      return (segment, runs.map { tokenizer.decode($0) })
    }
  }

  @Test(arguments: names)
  func idsAreThoseOfTheWholeText(_ name: String) throws {
    let tokenizer = try tokenizer(name)
    let texts = ["the quick brown fox", "naïve façade\n\n  déjà", "привет мир 你好 👍🏽"]
    let path = try scratch.write(lines: texts.map { ["text": .string($0)] }, to: "a.jsonl")
    let found = try read(tokenizer, TrainingSource(name: "a", path: path, format: .jsonl(field: "text")))
    #expect(
      Set(found.map(\.segment.ids))
        == Set(texts.map { tokenizer.encode($0) + [Int32(tokenizer.vocabularySize)] }))
  }

  @Test(arguments: names)
  func theAnswersOfAConversationAreWhatIsPredicted(_ name: String) throws {
    let tokenizer = try tokenizer(name)
    let template = try ChatTemplate(
      parsing: "{% for m in messages %}{{ '[' + m.role + ']\n' + m.content + '\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '[assistant]\n' }}{% endif %}")
    let answers = ["the brown fox", "their many layers"]
    let turns: JSONValue = [
      ["role": "user", "content": "quick"], ["role": "assistant", "content": .string(answers[0])],
      ["role": "user", "content": "lazy dog"], ["role": "assistant", "content": .string(answers[1])],
    ]
    let path = try scratch.write(lines: [["messages": turns]], to: "c.jsonl")
    let format = ChatFormat(template: template, variables: [:], loss: .completions)
    let found = try read(tokenizer, TrainingSource(name: "c", path: path, format: .chat(format)))
    let targets = try #require(found.first).targets
    #expect(targets.count == 2)
    for (target, answer) in zip(targets, answers) {
      // A token may have taken the line break of the turn's opening with it, or that of its end away.
      #expect(target.trimmingCharacters(in: .whitespacesAndNewlines) == answer)
    }
  }
}
