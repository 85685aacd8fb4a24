import Files
import Foundation
import Testing

@Suite("A folder that is whole or absent")
struct AtomicFolderTests {
  private let root: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    root = url.path
  }

  private func remove() { try? FileManager.default.removeItem(atPath: root) }
  private func names() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: root).sorted()
  }
  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: root + "/" + name, encoding: .utf8)
  }

  private static let files = [
    (path: "a", text: "first"), (path: "b/c", text: "second"), (path: "b/d/e", text: "third"),
  ]

  @Test(arguments: [false, true]) func holdsItsFilesWhereNothingWasOrAnEmptyFolder(isThere: Bool) throws {
    defer { remove() }
    if isThere {
      try FileManager.default.createDirectory(atPath: root + "/x", withIntermediateDirectories: true)
    }
    try AtomicFolder.write(Self.files, to: root + "/x")
    #expect(try names() == ["x", "x/a", "x/b", "x/b/c", "x/b/d", "x/b/d/e"])
    #expect(try ["a", "b/c", "b/d/e"].map { try text("x/" + $0) } == ["first", "second", "third"])
  }

  @Test func leavesWhatIsThereAndNothingBeside() throws {
    defer { remove() }
    try FileManager.default.createDirectory(atPath: root + "/x", withIntermediateDirectories: true)
    try "mine".write(toFile: root + "/x/a", atomically: false, encoding: .utf8)
    try "mine".write(toFile: root + "/file", atomically: false, encoding: .utf8)
    #expect(throws: FileError(operation: "write", path: root + "/x", reason: "Directory not empty")) {
      try AtomicFolder.write(Self.files, to: root + "/x")
    }
    #expect(throws: FileError(operation: "write", path: root + "/file", reason: "Not a directory")) {
      try AtomicFolder.write(Self.files, to: root + "/file")
    }
    #expect(throws: FileError(operation: "create", path: root + "/no/x", reason: "No such file or directory"))
    {
      try AtomicFolder.write(Self.files, to: root + "/no/x")
    }
    #expect(try names() == ["file", "x", "x/a"])
    #expect(try text("x/a") == "mine" && text("file") == "mine")
  }

  @Test func isAbsentIfOneOfItsFilesCannotBeWritten() throws {
    defer { remove() }
    let name = String(repeating: "n", count: 300)  // longer than file systems take
    #expect(throws: FileError.self) {
      try AtomicFolder.write(Self.files + [(path: "b/" + name, text: "fourth")], to: root + "/x")
    }
    #expect(try names() == [])
  }
}
