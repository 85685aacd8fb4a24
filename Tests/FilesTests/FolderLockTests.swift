import Files
import Foundation
import Testing

@Suite("A folder that one process works in")
struct FolderLockTests {
  private let folder: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.resolvingSymlinksInPath().path
  }

  private func remove() { try? FileManager.default.removeItem(atPath: folder) }

  @Test func isRefusedToAnotherPartOfTheProcessAndFreeAfterwards() throws {
    defer { remove() }
    var lock: FolderLock? = try FolderLock(folder, holder: "first")
    #expect(lock?.leftBehind == nil && lock?.doubt == nil)
    let words = try String(contentsOfFile: folder + "/.lock", encoding: .utf8)
    #expect(words.hasPrefix("first (process \(getpid()) on ") && words.hasSuffix(" UTC)\n"), "\(words)")
    #expect(throws: FolderLockError.held(folder: folder, holder: "this process")) {
      _ = try FolderLock(folder, holder: "second")
    }
    #expect(FolderLock.holder(of: folder) == "this process")
    lock = nil
    #expect(FolderLock.holder(of: folder) == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    _ = try FolderLock(folder, holder: "second")
  }

  @Test func saysWhatWasLeftByWhoeverWasKilled() throws {
    defer { remove() }
    try "first (process 1 on a\u{1b}[31m)\n".write(
      toFile: folder + "/.lock", atomically: false, encoding: .utf8)
    #expect(FolderLock.holder(of: folder) == nil)
    #expect(FolderLock.words(in: folder) == "first (process 1 on a?[31m)")
    #expect(try FolderLock(folder, holder: "second").leftBehind == "first (process 1 on a?[31m)")
  }

  @Test func isNotHeldByAProcessThatWasForkedOff() async {
    await #expect(processExitsWith: .success) {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
      try Folder.make(folder)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      // A child that outlives the lock, and has every descriptor that is not closed on exec.
      let lock = try FolderLock(folder, holder: "first")
      let child = Process()
      child.executableURL = URL(fileURLWithPath: "/bin/sleep")
      child.arguments = ["60"]
      try child.run()
      defer { child.terminate() }
      let descriptors = try FileManager.default.contentsOfDirectory(
        atPath: "/proc/\(child.processIdentifier)/fd")
      for descriptor in descriptors {
        let file = try? FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/\(child.processIdentifier)/fd/\(descriptor)")
        #expect(file?.hasSuffix("/.lock") != true)
      }
      withExtendedLifetime(lock) {}
    }
  }
}
