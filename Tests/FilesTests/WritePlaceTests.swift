import Files
import Foundation
import Testing

@Suite("Only regular files are replaced")
struct WritePlaceTests {
  private let folder: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.resolvingSymlinksInPath().path
  }

  private func remove() { try? FileManager.default.removeItem(atPath: folder) }
  private func kind(_ name: String) throws -> FileAttributeType? {
    try FileManager.default.attributesOfItem(atPath: folder + "/" + name)[.type] as? FileAttributeType
  }
  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
  }
  private func link(_ name: String, _ target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: folder + "/" + name, withDestinationPath: target)
  }

  @Test(arguments: [true, false]) func aLinkStaysOneAndWhatItNamesIsWritten(isThere: Bool) throws {
    defer { remove() }
    try FileManager.default.createDirectory(atPath: folder + "/far", withIntermediateDirectories: true)
    if isThere { try "old".write(toFile: folder + "/far/a", atomically: false, encoding: .utf8) }
    try link("far/second", "a")
    try link("first", "far/second")
    try AtomicFile.write("new", to: folder + "/first")
    #expect(try kind("first") == .typeSymbolicLink && kind("far/second") == .typeSymbolicLink)
    #expect(try kind("far/a") == .typeRegular && text("far/a") == "new")
    #expect(try FileManager.default.subpathsOfDirectory(atPath: folder).count == 4)
  }

  @Test func aRingOfLinksIsAnError() throws {
    defer { remove() }
    try link("a", "b")
    try link("b", "a")
    #expect(throws: FileError.self) { try Folder.make(folder + "/a") }
    #expect(try kind("a") == .typeSymbolicLink && kind("b") == .typeSymbolicLink)
  }

  @Test func permissionsOfTheOldFileAreTheNewOnes() throws {
    defer { remove() }
    try AtomicFile.write("old", to: folder + "/a")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/a")
    try AtomicFile.write("new", to: folder + "/a")
    let mode = try FileManager.default.attributesOfItem(atPath: folder + "/a")[.posixPermissions] as? Int
    #expect(try mode == 0o600 && text("a") == "new")
  }

  @Test func aFIFOIsWrittenToAndStaysOne() throws {
    defer { remove() }
    try #require(mkfifo(folder + "/fifo", 0o600) == 0)
    try link("link", "fifo")
    let reading = open(folder + "/fifo", O_RDONLY | O_NONBLOCK)
    defer { close(reading) }
    for name in ["fifo", "link"] {
      try AtomicFile.write("for \(name)", to: folder + "/" + name)
      var bytes = [UInt8](repeating: 0, count: 100)
      let count = read(reading, &bytes, bytes.count)
      #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "for \(name)")
    }
    var status = stat()
    #expect(lstat(folder + "/fifo", &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    // Pieces that are written anywhere have no place there.
    #expect(
      throws: FileError(operation: "replace", path: folder + "/fifo", reason: "it is no regular file")
    ) { _ = try AtomicFile(folder + "/fifo") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["fifo", "link"])
  }

  @Test(arguments: ["/dev/fd/", "/proc/self/fd/"]) func aDescriptorIsWrittenToWhereItStands(_ names: String)
    throws
  {
    defer { remove() }
    let file = open(folder + "/a", O_RDWR | O_CREAT, 0o600)
    defer { close(file) }
    #expect(write(file, "before, ", 8) == 8)
    try AtomicFile.write("after", to: "\(names)\(file)")
    #expect(try text("a") == "before, after")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full") && geteuid() == 0))
  func aDeviceIsWrittenToAndStaysOne() throws {
    defer { remove() }
    // Not the machine's own: a bug here would break that.
    try #require(mknod(folder + "/full", S_IFCHR | 0o666, 1 << 8 | 7) == 0)
    #expect(
      throws: FileError(operation: "write", path: folder + "/full", reason: "No space left on device")
    ) { try AtomicFile.write("text", to: folder + "/full") }
    #expect(try kind("full") == .typeCharacterSpecial)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["full"])
  }

  @Test func aFolderIsMadeWhereALinkLeads() throws {
    defer { remove() }
    try link("runs", "far/away")
    try Folder.make(folder + "/runs")
    #expect(try kind("runs") == .typeSymbolicLink && kind("far/away") == .typeDirectory)
    try AtomicFolder.write([(path: "a", text: "text")], to: folder + "/runs/")
    #expect(try kind("runs") == .typeSymbolicLink && text("far/away/a") == "text")
  }

  @Test func aTreeIsRemovedAndWhatLinksInItNameIsNot() throws {
    defer { remove() }
    try Folder.make(folder + "/tree/of/folders")
    try AtomicFile.write("mine", to: folder + "/mine")
    try link("tree/of/link", folder + "/mine")
    try link("tree/loose", "nowhere")
    try Folder.remove(folder + "/tree")
    try Folder.remove(folder + "/tree")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["mine"])
  }
}
