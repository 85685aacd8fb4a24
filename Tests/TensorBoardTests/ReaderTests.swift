import Foundation
import JSON
import TensorBoard
import Testing

/// Asks TensorBoard's own reader, through scripts/check-tensorboard.py.
private enum TensorBoardReader {
  static let python = ProcessInfo.processInfo.environment["ADAPT_PRUNER_TENSORBOARD_PYTHON"]
  static let missing: Comment = "ADAPT_PRUNER_TENSORBOARD_PYTHON names no Python that has tensorboard"

  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(
      "scripts/check-tensorboard.py"
    ).path

  static func read(_ folder: String) throws -> JSONValue {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(python))
    process.arguments = [script, folder]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
  }
}

@Suite("TensorBoard's reader", .enabled(if: TensorBoardReader.python != nil, TensorBoardReader.missing))
struct ReaderTests {
  private func points(_ read: JSONValue, _ tag: String) throws -> [[Double]] {
    try #require(read["scalars"]?[tag]?.arrayValue).map { point in
      try #require(point.arrayValue).map { try #require($0.numberValue) }
    }
  }

  @Test func findsEveryValue() throws {
    let folder = try TemporaryFolder()
    let writer = try EventFileWriter(directory: folder.path, wallTime: 1_700_000_000)
    var losses: [[Double]] = []
    for step in Int64(0)..<2000 {
      let loss = 4 - Double(step) / 512
      let time = 1_700_000_000 + 0.5 * Double(step)
      try writer.scalar("train/loss", loss, step: step, wallTime: time)
      losses.append([Double(step), loss, time])
    }
    try writer.scalar("learning rate", 0, step: 1 << 40, wallTime: 1_700_000_001)
    try writer.scalar("broken", .nan, step: 1, wallTime: 1_700_000_001)
    try writer.scalar("broken", -1e300, step: 2, wallTime: 1_700_000_001)

    let read = try TensorBoardReader.read(folder.path)
    #expect(read["scalars"]?.objectValue?.keys.sorted() == ["broken", "learning rate", "train/loss"])
    #expect(try points(read, "train/loss") == losses)
    #expect(try points(read, "learning rate") == [[0x1p40, 0, 1_700_000_001]])
    let broken: JSONValue = [[1, "nan", .number(1_700_000_001)], [2, "-inf", .number(1_700_000_001)]]
    #expect(read["scalars"]?["broken"] == broken)
  }

  @Test func joinsTheFilesOfARunThatWasResumedAndDropsWhatIsDoneAgain() throws {
    let folder = try TemporaryFolder()
    let first = try EventFileWriter(directory: folder.path, wallTime: 1_700_000_000)
    for step in Int64(0)..<6 { try first.scalar("loss", 1, step: step, wallTime: 1_700_000_000) }
    // From the checkpoint after step 3: steps 4 and 5 are done again, and 6 comes.
    let second = try EventFileWriter(directory: folder.path, wallTime: 1_700_000_100, resumingAt: 4)
    for step in Int64(4)..<7 { try second.scalar("loss", 2, step: step, wallTime: 1_700_000_100) }

    let read = try points(TensorBoardReader.read(folder.path), "loss")
    #expect(read.map { $0.prefix(2) } == [[0, 1], [1, 1], [2, 1], [3, 1], [4, 2], [5, 2], [6, 2]])
  }

  @Test func findsAllButTheRecordThatACrashTore() throws {
    let folder = try TemporaryFolder()
    let writer = try EventFileWriter(directory: folder.path, wallTime: 1_700_000_000)
    for step in Int64(0)..<3 { try writer.scalar("loss", 1, step: step, wallTime: 1_700_000_000) }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: writer.path))
    try handle.truncate(atOffset: handle.seekToEnd() - 5)
    let second = try EventFileWriter(directory: folder.path, wallTime: 1_700_000_100, resumingAt: 2)
    try second.scalar("loss", 2, step: 2, wallTime: 1_700_000_100)

    let read = try points(TensorBoardReader.read(folder.path), "loss")
    #expect(read.map { $0.prefix(2) } == [[0, 1], [1, 1], [2, 2]])
  }
}
