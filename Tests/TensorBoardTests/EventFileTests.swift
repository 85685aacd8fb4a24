import Files
import Foundation
import TensorBoard
import Testing

@Suite("An event file") struct EventFileTests {
  @Test func hasANameThatTensorBoardLooksFor() throws {
    let folder = try TemporaryFolder()
    let writer = try EventFileWriter(directory: folder.path + "/run", wallTime: 1_700_000_000.75)
    let name = try #require(writer.path.split(separator: "/").last)
    let pattern = /events\.out\.tfevents\.1700000000\.[A-Za-z0-9_-]+\.[0-9]+\.0/
    #expect(name.wholeMatch(of: pattern) != nil, "\(name)")
    #expect(FileManager.default.fileExists(atPath: writer.path))
  }

  @Test func standsBesideThoseOfTheSameSecond() throws {
    let folder = try TemporaryFolder()
    let first = try EventFileWriter(directory: folder.path, wallTime: 5)
    let second = try EventFileWriter(directory: folder.path, wallTime: 5)
    #expect(first.path != second.path)
    #expect(first.path.contains("tfevents.0000000005."), "names are compared as text")
    #expect(try folder.names().count == 2)
  }

  @Test func holdsEachValueBeforeTheCallReturns() throws {
    let folder = try TemporaryFolder()
    let writer = try EventFileWriter(directory: folder.path, wallTime: 1)
    func content() throws -> [UInt8] { try Array(Data(contentsOf: URL(fileURLWithPath: writer.path))) }
    var expected = TFRecord.framing(Event(wallTime: 1, .version).bytes)
    #expect(try content() == expected)
    try writer.scalar("loss", 2.5, step: 1, wallTime: 2)
    expected += TFRecord.framing(Event(wallTime: 2, step: 1, .scalar(tag: "loss", value: 2.5)).bytes)
    #expect(try content() == expected)
    try writer.flush()
    #expect(try content() == expected)
  }

  /// A limit on the size of files holds for a whole process, so this one runs in its own.
  @Test func endsWithAWholeRecordWhenTheNextDoesNotFit() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let writer = try EventFileWriter(directory: folder.path, wallTime: 1)
      try writer.scalar("short", 1, step: 0, wallTime: 1)
      let before = try Data(contentsOf: URL(fileURLWithPath: writer.path))
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      let error = EventFileError.file(
        FileError(operation: "write", path: writer.path, reason: "File too large"))
      #expect(throws: error) {
        try writer.scalar(String(repeating: "x", count: 10_000), 1, step: 1, wallTime: 1)
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: writer.path)) == before)
      try writer.scalar("loss", 1, step: 2, wallTime: 1)
      #expect(try Data(contentsOf: URL(fileURLWithPath: writer.path)).count > before.count)
    }
  }

  @Test func isRefusedWhereItCannotBe() throws {
    let folder = try TemporaryFolder()
    let absent = folder.path + "/absent/run"
    #expect(
      throws: EventFileError.file(
        FileError(operation: "create", path: absent, reason: "No such file or directory"))
    ) {
      try EventFileWriter(directory: absent, wallTime: 1)
    }
    for time in [-1, .nan, .infinity, 1e10] {
      let error = #expect(throws: EventFileError.self) {
        try EventFileWriter(directory: folder.path, wallTime: time)
      }
      #expect(error?.description.contains("can't name an event file") == true)
    }
    #expect(try folder.names() == [])
  }

  @Test func takesNoValueWithoutATag() throws {
    let folder = try TemporaryFolder()
    let writer = try EventFileWriter(directory: folder.path, wallTime: 1)
    #expect(throws: EventFileError.emptyTag(step: 3)) { try writer.scalar("", 1, step: 3, wallTime: 1) }
  }
}
