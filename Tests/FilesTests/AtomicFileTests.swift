import Files
import Foundation
import Testing

@Suite("A file that is whole or absent")
struct AtomicFileTests {
  private let folder: String

  init() throws { folder = try Self.makeFolder() }

  private static func makeFolder() throws -> String {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.path
  }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder) }

  @Test func isReplacedWholeAndNothingStandsBesideIt() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a.json"
    try AtomicFile.write("first", to: path)
    try AtomicFile.write("second", to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "second")
    #expect(try names() == ["a.json"])
  }

  @Test func isThereOnlyOnceItIsCommitted() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      let file = try AtomicFile(folder + "/dropped")
      try withUnsafeBytes(of: 1) { (bytes) throws(FileError) in try file.write(bytes, at: 100) }
      #expect(try names().count == 1)
    }
    #expect(try names() == [])
    let file = try AtomicFile(folder + "/a")
    try withUnsafeBytes(of: UInt8(7)) { (bytes) throws(FileError) in try file.write(bytes, at: 2) }
    try file.synchronize()
    try file.commit()
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/a")) == Data([0, 0, 7]))
    #expect(try names() == ["a"])
  }

  @Test func thatCannotBeNamedLeavesNothingBehind() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder + "/taken/x", withIntermediateDirectories: true)
    #expect(
      throws: FileError(
        operation: "rename a finished file to", path: folder + "/taken", reason: "Is a directory")
    ) {
      try AtomicFile.write("text", to: folder + "/taken")
    }
    #expect(try names() == ["taken"])
    let error = #expect(throws: FileError.self) {
      try AtomicFile.write("text", to: folder + "/absent/a.json")
    }
    #expect(error?.description == "can't create \(folder)/absent/a.json: No such file or directory")
  }

  /// A limit on the size of files holds for a whole process, so this one runs in its own.
  @Test func thatDoesNotFitLeavesTheOldOneAndNothingElse() async {
    await #expect(processExitsWith: .success) {
      let folder = try Self.makeFolder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let path = folder + "/a.json"
      try AtomicFile.write("old", to: path)
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      #expect(throws: FileError(operation: "write", path: path, reason: "File too large")) {
        try AtomicFile.write([UInt8](repeating: 65, count: 10_000), to: path)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.json"])
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    }
  }
}
