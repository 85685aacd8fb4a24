import Files
import Foundation
import Testing

@Suite("Opening a file for reading waits for nobody")
struct ReadableFileTests {
  private let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func complaint(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no complaint"
    } catch { return "\(error)".replacingOccurrences(of: folder, with: "…") }
  }

  @Test func aFileAndALinkToOneAreRead() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bytes = [UInt8](repeating: 7, count: 200_000)
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/a"))
    try FileManager.default.createSymbolicLink(atPath: folder + "/b", withDestinationPath: "a")
    for name in ["a", "b"] {
      #expect(try ReadableFile.bytes(of: "\(folder)/\(name)") == bytes)
      #expect(try ReadableFile.bytesOfFileOrStream("\(folder)/\(name)") == bytes)
      #expect(try MappedFile("\(folder)/\(name)").withBytes { Array($0) } == bytes)
    }
  }

  @Test func whatIsNoRegularFileIsRefusedByItsKind() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(mkfifo(folder + "/fifo", 0o600) == 0)
    for (path, kind) in [
      (folder, ""), (folder + "/fifo", ", but a FIFO"), ("/dev/zero", ", but a device"),
    ] {
      let sentence =
        "can't read \(path.replacingOccurrences(of: folder, with: "…")): it is not a regular file\(kind)"
      #expect(complaint { _ = try ReadableFile.bytes(of: path) } == sentence)
      #expect(complaint { _ = try MappedFile(path) } == sentence)
      if !kind.contains("FIFO") {
        #expect(
          complaint { _ = try ReadableFile.bytesOfFileOrStream(path) } == sentence)
      }
    }
    #expect(
      complaint { _ = try ReadableFile.bytes(of: folder + "/none") }
        == "can't read …/none: No such file or directory")
  }

  @Test func aFIFOIsReadToItsWritersEnd() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/fifo"
    #expect(mkfifo(path, 0o600) == 0)
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let writer = Thread {
      let file = FileHandle(forWritingAtPath: path)
      try? file?.write(contentsOf: Data(bytes))
      try? file?.close()
    }
    writer.start()
    #expect(try ReadableFile.bytesOfFileOrStream(path) == bytes)
  }

  @Test func anEmptyPipeIsEmpty() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[1])
    #expect(try ReadableFile.bytesOfFileOrStream("/dev/fd/\(ends[0])") == [])
    close(ends[0])
  }

  @Test func nobodyAtTheOtherEndIsToldInsteadOfWaitedFor() {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(mkfifo(folder + "/fifo", 0o600) == 0)
    #expect(
      complaint { _ = try ReadableFile.bytesOfFileOrStream(folder + "/fifo") }
        == "can't read …/fifo: it is a FIFO, and nobody writes to it")
  }

  @Test func whatWasWrittenToAMappedFileIsNoticed() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a"
    func make(_ name: String) throws {
      try Data([1, 2, 3]).write(to: URL(fileURLWithPath: name))
      #expect(utimes(name, [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]) == 0)
    }
    try make(path)
    let file = try MappedFile(path)
    try file.requireUnchanged()
    // Another file of that name leaves the mapped one as it is.
    try make(folder + "/b")
    #expect(rename(folder + "/b", path) == 0)
    try file.requireUnchanged()
    let other = try MappedFile(path)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.write(contentsOf: [9])
    try handle.close()
    #expect(
      complaint { try other.requireUnchanged() }
        == "can't go on with …/a: somebody wrote to it while it was in use, so what was made of it is no model of anything"
    )
    try file.requireUnchanged()
  }
}
