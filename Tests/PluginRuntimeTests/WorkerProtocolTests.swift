import Foundation
import PluginRuntime
import Testing

/// A worker process spoken to in bytes, as the comment on its frames describes them: what another program would do.
@Suite(.enabled(if: Isolated.isBuilt, "Skipped: ADAPT_PRUNER_BIN names no build with adapt-pruner"))
struct WorkerProtocolTests {
  @Test func aPluginIsLoadedMadeAndCalled() throws {
    let host = try RawHost()
    defer { host.end() }
    let loaded = try host.call("load", host.hello("truncates"))
    #expect(loaded.kind == RawHost.done)
    // The answer begins with id and kind.
    #expect(loaded.contents.starts(with: text("fixture.plugin") + text("criterion")))

    let made = try host.call("create", text("{}") + integer(9))
    // Instance 0, no statistics, no traits.
    #expect(made == (RawHost.done, integer(0) + integer(0) + integer(0)))

    // Three units, of original indices 0, 1 and 2 at offset 4096 of the host's tray, one matrix [3, 1] at offset 4160.
    try host.write([0, 1, 2] as [Int64], at: 4096)
    try host.write([1, 1, 1] as [Float], at: 4160)
    var request = integer(0)
    request += text("llama") + integer(1) + integer(2) + integer(3) + integer(4) + integer(5)
    request += text("mlp") + integer(1) + integer(3) + integer(4096)
    request += integer(1) + text("gate_proj") + [1] + integer(1) + integer(1)
    request += integer(3) + integer(1) + integer(3) + integer(4160) + integer(0)
    request += integer(0)
    let scored = try host.call("score", request)
    #expect(scored.kind == RawHost.done)
    let place = scored.contents.withUnsafeBytes {
      ($0.loadUnaligned(as: Int64.self), $0.loadUnaligned(fromByteOffset: 8, as: Int64.self))
    }
    #expect(place.0 == 3)
    #expect(try host.answer(at: place.1, count: 3) == [0, 1, 2])
    #expect(try host.call("destroy", integer(0)) == (RawHost.done, []))
  }

  @Test func aHostOfAnotherVersionIsToldSo() throws {
    let host = try RawHost()
    defer { host.end() }
    let answer = try host.call("load", host.hello("good", version: 2))
    #expect(answer.kind == RawHost.failed)
    // No function, status 1, a sentence.
    #expect(answer.contents.starts(with: [0] + integer(1) + [1]))
    #expect(
      String(decoding: answer.contents.dropFirst(18), as: UTF8.self).contains(
        "speaks version 1 of the workers' protocol, the host 2"))
  }

  /// The worker reads nothing behind a message.
  @Test(arguments: [0, 7, 8, 20, 24]) func aMessageThatIsCutEndsTheWorker(bytes: Int) throws {
    let host = try RawHost()
    defer { host.end() }
    let hello = try host.hello("good")
    #expect(throws: RawHost.Ended.self) { try host.call("load", Array(hello.prefix(bytes))) }
  }

  @Test func aCountThatIsTooLargeEndsTheWorker() throws {
    let host = try RawHost()
    defer { host.end() }
    #expect(throws: RawHost.Ended.self) { try host.call("load", integer(1) + integer(.max) + [1, 2, 3]) }
  }
}

private func integer(_ value: Int64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

private func text(_ text: String) -> [UInt8] { integer(Int64(text.utf8.count)) + text.utf8 }

/// The host's side without any of the host's code: a socket, two files as trays, and a pipe, as descriptors 3 to 6.
private final class RawHost {
  struct Ended: Error {}

  static let call: UInt8 = 1
  static let done: UInt8 = 2
  static let failed: UInt8 = 3

  private let process: pid_t
  private let socket: Int32
  private let trays: [Int32]
  private let lifeline: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    var line: [Int32] = [-1, -1]
    try #require(pipe(&line) == 0)
    let folder = try CompiledPlugin.temporaryFolder()
    trays = ["requests", "answers"].map { open("\(folder)/\($0)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
    try #require(trays.allSatisfy { $0 >= 0 && ftruncate($0, 8192) == 0 })
    socket = ends[0]
    lifeline = line[1]
    for own in [socket, lifeline] { _ = fcntl(own, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Out of the way first: a descriptor may be one of those that it is to become.
    let theirs = [ends[1], trays[0], trays[1], line[0]].map { fcntl($0, F_DUPFD, 100) }
    defer { for descriptor in theirs + [ends[1], line[0]] { close(descriptor) } }
    for (index, descriptor) in theirs.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + index))
    }
    for descriptor in theirs { posix_spawn_file_actions_addclose(&actions, descriptor) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A worker ends its whole group with itself.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let program = try #require(Isolated.program)
    var arguments = [program, Isolation.command].map { (word: String) in strdup(word) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var started: pid_t = -1
    let error = posix_spawn(&started, program, &actions, &attributes, &arguments, environ)
    try #require(error == 0)
    process = started
  }

  func end() {
    close(lifeline)
    close(socket)
    for tray in trays { close(tray) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
  }

  func hello(_ fixture: String, version: Int64 = 1) throws -> [UInt8] {
    let plugin = try CompiledPlugin.fixture(fixture)
    return integer(version) + text(plugin.manifest) + text(plugin.id)
  }

  func write<Value: BitwiseCopyable>(_ values: [Value], at offset: Int) throws {
    let written = values.withUnsafeBytes { pwrite(trays[0], $0.baseAddress, $0.count, off_t(offset)) }
    try #require(written == values.count * MemoryLayout<Value>.stride)
  }

  func answer(at offset: Int64, count: Int) throws -> [Float] {
    var values = [Float](repeating: .nan, count: count)
    let read = values.withUnsafeMutableBytes { pread(trays[1], $0.baseAddress, $0.count, off_t(offset)) }
    try #require(read == 4 * count)
    return values
  }

  /// - Returns: the worker's next frame that is no notice.
  @discardableResult
  func call(_ function: String, _ fields: [UInt8]) throws -> (kind: UInt8, contents: [UInt8]) {
    let contents = text(function) + fields
    let frame = Array(integer(Int64(contents.count)).prefix(4)) + [Self.call] + contents
    let sent = send(socket, frame, frame.count, Int32(MSG_NOSIGNAL))
    try #require(sent == frame.count)
    while true {
      let header = try receive(5)
      let count = header.withUnsafeBytes { Int($0.loadUnaligned(as: UInt32.self)) }
      let contents = try receive(count)
      if header[4] != 4 { return (header[4], contents) }
    }
  }

  private func receive(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      var room = [UInt8](repeating: 0, count: count - bytes.count)
      let got = read(socket, &room, room.count)
      if got < 0, errno == EINTR { continue }
      if got <= 0 { throw Ended() }
      bytes += room.prefix(got)
    }
    return bytes
  }
}
