import Foundation
import Tensors
import Testing

@Suite struct ScratchMemoryTests {
  private func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("scratch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// Kilobytes of a mapping that are in this process's memory (proc(5), smaps).
  private func resident(_ address: UnsafeMutablePointer<Float>) throws -> Int {
    let start = String(UInt(bitPattern: address), radix: 16)
    let file = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
    let lines = String(decoding: file.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
    let mapping = try #require(lines.firstIndex { $0.hasPrefix(start + "-") })
    let line = try #require(lines[mapping...].first { $0.hasPrefix("Rss:") })
    return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
  }

  @Test func whatIsPutAsideTakesNoMemoryAndComesBack() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    // No whole number of pages.
    let count = 300_001
    let memory = try ScratchMemory(pieces: 3, of: count, in: folder.path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    for piece in 0..<3 {
      let values = memory.at(piece)
      #expect(values[0] == 0 && values[count - 1] == 0)
      for index in 0..<count { values[index] = Float(index * 3 + piece) }
    }
    #expect(try resident(memory.at(0)) > 3 * 1100)
    for piece in 0..<3 { memory.putAside(piece) }
    #expect(try resident(memory.at(0)) == 0)
    memory.fetch(1)
    for piece in 0..<3 {
      let values = memory.at(piece)
      #expect((0..<count).allSatisfy { values[$0] == Float($0 * 3 + piece) })
    }
    for piece in 0..<3 { memory.release(piece) }
    #expect(try resident(memory.at(0)) == 0)
  }

  @Test(arguments: [(1, Int.max), (Int.max, 4096), (0, 1), (1, 0), (1, -1)])
  func sizesThatCannotBeAreRefused(pieces: Int, count: Int) {
    #expect(throws: ScratchMemory.Failure.self) {
      try ScratchMemory(pieces: pieces, of: count, in: FileManager.default.temporaryDirectory.path)
    }
  }

  @Test func aFullDiskIsASentence() throws {
    // More than any disk has: what a file system can't hold is refused when the room is taken.
    let error = #expect(throws: ScratchMemory.Failure.self) {
      try ScratchMemory(pieces: 1, of: 1 << 58, in: FileManager.default.temporaryDirectory.path)
    }
    #expect(error?.reason.isEmpty == false)
    #expect(error?.bytes == 1 << 60)
  }
}
