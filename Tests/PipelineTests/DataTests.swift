import Pipeline
import PluginRuntime
import Testing

@Suite struct DataTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// One token a byte: enough to see what is tokenized.
  private func load(_ file: String, _ format: DataSource.Format, vocabulary: Int = 256) throws -> Corpus {
    try DataSource(path: folder.path + "/" + file, format: format, name: "data")
      .load(vocabularySize: vocabulary) { $0.utf8.map(Int32.init) }
  }

  private func refusal(_ file: String, _ format: DataSource.Format) throws -> String {
    do {
      _ = try load(file, format)
      return "not refused"
    } catch let error as DataError {
      return error.description.replacingOccurrences(of: folder.path + "/", with: "")
    }
  }

  @Test func aTextFileIsOneDocument() throws {
    try folder.write("a.txt", "one\n\ntwo")
    #expect(try load("a.txt", .text).documents == ["one\n\ntwo".utf8.map(Int32.init)])
  }

  @Test func aByteOrderMarkIsNoText() throws {
    try folder.write("a.txt", bytes: [0xEF, 0xBB, 0xBF, 65])
    #expect(try load("a.txt", .text).documents == [[65]])
  }

  @Test func jsonlHasADocumentALine() throws {
    try folder.write("a.jsonl", "{\"text\": \"A\"}\r\n\n{\"text\": \"\"}\n{\"id\": 1, \"text\": \"B\\n\"}\n")
    #expect(try load("a.jsonl", .jsonl).documents == [[65], [66, 10]])
  }

  @Test func aBrokenLineIsToldByItsNumber() throws {
    try folder.write("cut.jsonl", "{\"text\": \"A\"}\n\n{\"text\": \"B\n")
    #expect(try refusal("cut.jsonl", .jsonl).hasPrefix("cut.jsonl, line 3: column "))
    try folder.write("other.jsonl", "{\"text\": \"A\"}\n{\"txt\": \"B\"}\n")
    #expect(
      try refusal("other.jsonl", .jsonl)
        == "other.jsonl, line 2: there is no \"text\"; did you mean \"txt\"?")
    try folder.write("number.jsonl", "{\"text\": 5}")
    #expect(
      try refusal("number.jsonl", .jsonl)
        == "number.jsonl, line 1: \"text\" is an integer, expected a string")
    try folder.write("list.jsonl", "[1]")
    #expect(
      try refusal("list.jsonl", .jsonl)
        == "list.jsonl, line 1: this is an array, expected an object with \"text\"")
  }

  @Test(arguments: [
    "[[1, 2], [3]]", "{\"ids\": [[1, 2], [3]]}", "{\"window\": 2, \"windows\": [[1, 2], [3]]}",
  ])
  func tokenIDsComeInThreeForms(json: String) throws {
    try folder.write("a.json", json)
    #expect(try load("a.json", .ids).documents == [[1, 2], [3]])
  }

  @Test(arguments: [
    (
      "[[1], [2, 256]]",
      "a.json: [1][1]: 256 is no token id of this model, whose ids are 0 to 255; was the file made with another "
        + "model's tokenizer?"
    ),
    (
      "{\"ids\": [[-1]]}",
      "a.json: ids[0][0]: -1 is no token id of this model, whose ids are 0 to 255; was the file made with "
        + "another model's tokenizer?"
    ),
    ("{\"ids\": [[1.5]]}", "a.json: ids[0][0]: 1.5 is a number, expected a token id"),
    ("[1, 2]", "a.json: [0]: this is an integer, expected a list of token ids"),
    (
      "{\"tokens\": [[1]]}",
      "a.json: this is an object, expected lists of token ids, bare or as \"ids\" or \"windows\""
    ),
    ("[[1, ]]", "a.json: line 1, column 6: expected a value, found ']'"),
    ("[]", "a.json has no text"),
  ])
  func tokenIDsThatAreNoneAreRefused(json: String, sentence: String) throws {
    try folder.write("a.json", json)
    #expect(try refusal("a.json", .ids) == sentence)
  }

  @Test func textThatIsNotUTF8IsToldByItsFirstByte() throws {
    // "äh", then a lone continuation byte, then more text.
    try folder.write("latin.txt", bytes: [0xC3, 0xA4, 0x68, 0xA4, 0x68, 0x68])
    #expect(
      try refusal("latin.txt", .text)
        == "latin.txt is not UTF-8 text: the byte at offset 3 is no part of a character")
    try folder.write("marked.txt", bytes: [0xEF, 0xBB, 0xBF, 0x68, 0xFF])
    #expect(
      try refusal("marked.txt", .text)
        == "marked.txt is not UTF-8 text: the byte at offset 4 is no part of a character")
  }

  @Test func emptyTextIsRefused() throws {
    try folder.write("empty.txt", "")
    try folder.write("blank.txt", " \n\n ")
    #expect(try refusal("empty.txt", .text) == "empty.txt has no text")
    #expect(try refusal("blank.txt", .text) == "blank.txt has no text")
    #expect(try refusal("absent.txt", .text) == "absent.txt can't be read: there is no such file")
  }

  // MARK: Calibration

  private func sample(_ format: DataSource.Format, sequences: Int, length: Int) -> CalibrationSample {
    CalibrationSample(
      data: DataSource(path: "c.txt", format: format, name: "c"), sequences: sequences, length: length,
      batchSize: 16)
  }

  @Test func textIsSampledAtEvenDistances() throws {
    // 11 tokens over two documents, 3 sequences: they start at 0, 3 and 6 (11 div 3 = 3).
    let corpus = Corpus(name: "c", documents: [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9, 10]])
    #expect(
      try sample(.text, sequences: 3, length: 2).sequences(from: corpus) == [[0, 1], [3, 4], [6, 7]])
  }

  /// `calibration_ids.json` says of itself: 273,868 tokens, 64 sequences, stride 4,279, the last at 269,577.
  @Test func theStrideIsThatOfTheReference() throws {
    let corpus = Corpus(name: "c", documents: [Array(0..<273_868)])
    let sequences = try sample(.text, sequences: 64, length: 64).sequences(from: corpus)
    #expect(sequences.count == 64)
    #expect(sequences.allSatisfy { $0.count == 64 })
    #expect(sequences[1].first == 4279)
    #expect(sequences[63].first == 269_577)
  }

  @Test func tooLittleTextIsToldInTokens() throws {
    let corpus = Corpus(name: "c", documents: [Array(0..<100)])
    #expect(throws: DataError.tooFewTokens(path: "c.txt", tokens: 100, sequences: 4, length: 32)) {
      try sample(.text, sequences: 4, length: 32).sequences(from: corpus)
    }
    #expect(try sample(.text, sequences: 4, length: 25).sequences(from: corpus).count == 4)
  }

  @Test func tokenIDsAreTakenAsTheyStand() throws {
    let corpus = Corpus(name: "c", documents: [[1, 2, 3], [4, 5], [6]])
    #expect(try sample(.ids, sequences: 2, length: 2).sequences(from: corpus) == [[1, 2], [4, 5]])
    #expect(throws: DataError.shortSequence(path: "c.txt", sequence: 2, tokens: 1, length: 2)) {
      try sample(.ids, sequences: 3, length: 2).sequences(from: corpus)
    }
    #expect(throws: DataError.tooFewSequences(path: "c.txt", sequences: 3, needed: 4)) {
      try sample(.ids, sequences: 4, length: 1).sequences(from: corpus)
    }
  }
}
