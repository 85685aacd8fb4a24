import ChatTemplates
import Foundation
import JSON
import Testing
import TrainingData

@Suite struct NotProseTests {
  private let scratch: Scratch
  init() throws { scratch = try Scratch() }

  /// What training on the file as text says.
  private func complaint(_ bytes: [UInt8], _ name: String, separator: String? = nil) throws -> String {
    let path = try scratch.write(bytes, to: name)
    return scratch.complaint {
      var stream = try stream([TrainingSource(name: name, path: path, format: .text(separator: separator))])
      _ = try stream.next()
    }
  }

  private static let alpaca = #"{"instruction": "Say 1.", "input": "", "output": "It is 1."}"#
  private static let shared = #"{"conversations": [{"from": "human", "value": "hi"}]}"#

  static let files: [(name: String, text: String, kind: String, advice: String)] = [
    ("a.json", "[\(alpaca), \(alpaca)]", "a JSON array", "and say \"format\": \"instruction\""),
    ("a.txt", "\n[\n  \(alpaca)\n]\n", "a JSON array", "and say \"format\": \"instruction\""),
    ("s.json", "[\(shared)]", "a JSON array", "and say \"format\": \"chat\""),
    ("m.json", #"[{"messages": []}]"#, "a JSON array", "and say \"format\": \"chat\""),
    ("t.json", #"[{"text": "a", "id": "b"}]"#, "a JSON array", "and say \"format\": \"jsonl\""),
    ("c.json", #"[{"content": "a"}]"#, "a JSON array", "\"format\": \"jsonl\" and \"field\": \"content\""),
    ("l.json", #"["a", "b"]"#, "a JSON array", "with \"field\", which member is the text"),
    (
      "o.json", #"{"train": [{"text": "a"}]}"#, "a JSON object",
      "an object a line, and say \"format\": \"jsonl\""
    ),
    ("broken.json", #"[{"text": "a"}, {"te"#, "named .json, and no JSON", "an object a line"),
    ("prose.json", "Once upon a time.", "named .json, but is none", "name it .txt"),
    ("a.txt", "\(alpaca)\n\(alpaca)\n", "JSON lines", "say \"format\": \"instruction\""),
    ("a.txt", "{\"text\": \"a\"}\n\n{\"text\": \"b\"}", "JSON lines", "say \"format\": \"jsonl\""),
    ("ids.json", "[[1, 2, 3], [4, 5, 6]]", "a list of numbers", "with \"format\": \"tokens\""),
    ("ids.txt", "[1, 2]\n[3, 4]\n", "lists of numbers", "with \"format\": \"tokens\""),
    ("n.txt", String(repeating: "12 345 6\n", count: 30), "a list of numbers", "with \"format\": \"tokens\""),
    ("t.csv", "id,text\n1,a\n", "a table with commas", "csv.DictReader(open("),
    (
      "t.txt", "id,text,label\n1,\"One, two.\",0\n2,Three,1\n", "a table with commas", "make JSON lines of it"
    ),
    ("t.txt", "id\ttext\n1\tOne, two.\n2\tThree.\n", "a table with tabs", "delimiter='\\t'"),
    ("t.tsv", "id\ttext\n1\tOne\n", "a table with tabs", "delimiter='\\t'"),
    ("t.txt", "a;b\n1;2\n3;4\n5;6\n", "a table with semicolons", "delimiter=';'"),
    ("h.txt", "<!DOCTYPE html>\n<html></html>", "HTML", "take the text out"),
    ("x.txt", "<?xml version=\"1.0\"?><a/>", "XML", "take the text out"),
    ("p.bin", "PAR1....", "a Parquet file", "pandas.read_parquet"),
    ("p.txt", "%PDF-1.7\n", "a PDF", "pdftotext"),
    ("g.txt", "GGUF....", "a GGUF model", "name a file of text"),
  ]

  @Test(arguments: files)
  func isRefusedWithItsFormat(_ file: (name: String, text: String, kind: String, advice: String)) throws {
    let sentence = try complaint(Array(file.text.utf8), file.name)
    #expect(sentence.hasPrefix("…/\(file.name) is \(file.kind)"), "\(sentence)")
    #expect(sentence.contains(file.advice), "\(sentence)")
    #expect(try complaint(Array(file.text.utf8), file.name, separator: "\n") == sentence)
  }

  @Test(
    arguments: [
      ([0x1F, 0x8B, 8, 0], "compressed with gzip"), ([0xFF, 0xFE, 65, 0], "UTF-16 text"),
      ([0x28, 0xB5, 0x2F, 0xFD, 1], "compressed with zstd"), ([0x50, 0x4B, 3, 4, 0], "a zip archive"),
      ([16, 0, 0, 0, 0, 0, 0, 0, 123, 34, 97, 34, 58], "a safetensors file"),
    ] as [([UInt8], String)])
  func whatIsBinaryIsNamed(bytes: [UInt8], kind: String) throws {
    #expect(try complaint(bytes, "a.txt").hasPrefix("…/a.txt is \(kind)"))
  }

  @Test(arguments: [
    "[1] Smith, J. (1999). Rivers.\n[2] Jones, K.", "{{ name }} lives here.\n", "[Intro]\nla la", "{", "[",
    "[]x",
    "\"Hello,\" she said.", "Roses are red, he said\nViolets are blue, said she\nSugar is sweet, they said\n",
    "A\tB\nno tab here\nnor here\n", "1, 2, 3: go!",
    "Chapter 1\n\nIt was a dark night; rain fell.\n\nThe end.\n",
    "Yes, no.\nNo, yes.\nYes, no.\nNo, yes.\n", "<p>Not a page</p>", "a | b", "3", "2024", "é[1]", "",
    "// JSON\n{\"a\": 1}\n", "Dear Sir,\nplease find, enclosed, this.\nYours, me\n",
  ])
  func whatMayBeProseIsNotRefused(text: String) throws {
    let sentence = try complaint(Array(text.utf8), "a.txt")
    #expect(text.isEmpty ? sentence == "…/a.txt has no document" : sentence == "nothing", "\(sentence)")
  }

  @Test func aListOfObjectsIsNoJSONLines() throws {
    let path = try scratch.write("[\n  \(Self.alpaca),\n  \(Self.alpaca)\n]\n", to: "a.json")
    let sentence = scratch.complaint {
      _ = try stream([
        TrainingSource(name: "a", path: path, format: .instruction(InstructionFormat(loss: .all)))
      ])
    }
    #expect(
      sentence.hasPrefix("…/a.json is a JSON array: it has no object a line; make JSON lines of it (python3"))
    let packed = try scratch.write([0x1F, 0x8B, 8, 0], to: "a.jsonl")
    #expect(
      scratch.complaint {
        _ = try stream([TrainingSource(name: "a", path: packed, format: .jsonl(field: "text"))])
      }
        == "…/a.jsonl is compressed with gzip: it has no object a line; unpack it with gunzip")
  }

  /// Each rendering stays within its own limit; all together they are too much, also where broken lines are skipped.
  @Test func aTemplateThatWorksHardForEachConversationEndsTheTraining() throws {
    let line = "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}\n"
    let path = try scratch.write(String(repeating: line, count: 3000), to: "c.jsonl")
    let template = try ChatTemplate(
      parsing: "{% for i in range(7000) %}{% endfor %}{{ messages[0].content }}")
    let sentence = scratch.complaint {
      let format = ChatFormat(template: template, variables: [:], loss: .all, file: "f.jinja")
      var stream = try stream(
        [TrainingSource(name: "c", path: path, format: .chat(format), skipsBroken: true)], length: 4096)
      while try stream.next() != nil {}
    }
    #expect(
      sentence.hasPrefix("chat template of f.jinja, line 1: rendering takes more work, conversation after"))
  }

  @Test func forMeasuringOtherFormatsAreNamed() throws {
    func advice(_ text: String) throws -> String {
      try #require(Array(text.utf8).withUnsafeBytes { NotProse(path: "a.txt", bytes: $0) }).advice(
        for: .measuring)
    }
    #expect(
      try advice("[1, 2]\n[3, 4]\n")
        == "say \"format\": \"ids\", with one JSON list of lists of ids in the file")
    #expect(
      try advice("\(Self.alpaca)\n\(Self.alpaca)").hasSuffix("with \"field\", which member is the text"))
  }

  /// What the sentence says is what makes the file readable.
  @Test func theCommandInTheSentenceMakesJSONLines() throws {
    for (name, text, format) in [
      (
        "a.json", "[\(Self.alpaca), \(Self.alpaca)]",
        TrainingSource.Format.instruction(InstructionFormat(loss: .all))
      ),
      ("t.csv", "id,text\n1,\"One, two.\"\n2,Three\n", .jsonl(field: "text")),
    ] {
      let path = try scratch.write(text, to: name)
      let sentence = scratch.complaint {
        _ = try stream([TrainingSource(name: name, path: path, format: .text(separator: nil))])
      }.replacingOccurrences(of: "…", with: scratch.path)
      let start = try #require(sentence.range(of: "(python3 ")?.lowerBound)
      let end = try #require(sentence.range(of: ".jsonl)")?.upperBound)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", String(sentence[start..<end].dropFirst().dropLast())]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      let lines = scratch.path + "/" + (name as NSString).deletingPathExtension + ".jsonl"
      let made = try rows(stream([TrainingSource(name: name, path: lines, format: format)], length: 4096))
      #expect(made.first?.segments.count == 2)
    }
  }
}

@Suite struct DocumentEndTests {
  private func rows(ending end: Int32?, endings: Set<Int32>) throws -> [[Int32]] {
    let scratch = try Scratch()
    let path = try scratch.write(
      tensors: [("input_ids", "I32", [3, 3], bytes(of: [5, 6, 7, 5, 6, 2, 5, 6, 3] as [Int32]))],
      to: "t.safetensors")
    var stream = try TrainingStream(
      sources: [TrainingSource(name: "t", path: path, format: .tokens)],
      options: StreamOptions(length: 16, packing: false, epochs: 1, seed: 1),
      tokenizer: TrainingTokenizer(vocabularySize: 8, endOfSequence: end, endings: endings) { _ in [] })
    var rows: [[Int32]] = []
    while let row = try stream.next() { rows.append(row.segments.flatMap(\.ids)) }
    return rows.sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test func withoutAnEndNothingIsAppended() throws {
    #expect(try rows(ending: nil, endings: []) == [[5, 6, 2], [5, 6, 3], [5, 6, 7]])
  }

  @Test func anyOfSeveralEndsIsOne() throws {
    #expect(try rows(ending: 2, endings: [2, 3]) == [[5, 6, 2], [5, 6, 3], [5, 6, 7, 2]])
    #expect(try rows(ending: 2, endings: []) == [[5, 6, 2], [5, 6, 3, 2], [5, 6, 7, 2]])
  }
}
