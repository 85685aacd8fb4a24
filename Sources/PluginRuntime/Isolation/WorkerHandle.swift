import Foundation
import Processes

/// A worker's process, as the system sees it: started, watched, ended.
final class WorkerHandle {
  let socket: Int32
  /// What the process writes to its standard output and error; they don't block.
  let output: Int32
  let errors: Int32
  let requests: SharedTray
  let answers: SharedTray
  private let process: pid_t
  /// Its other end says to the worker that this process is still there.
  private let lifeline: Int32
  private var ending: String?
  /// Kept open, since reading it again is cheap: what the process takes of memory.
  private let memory: Int32

  struct Failure: Error {
    let reason: String
  }

  /// The descriptors that a worker finds.
  enum Descriptor {
    static let socket: Int32 = 3
    static let requests: Int32 = 4
    static let answers: Int32 = 5
    static let lifeline: Int32 = 6
  }

  /// - Parameter words: the program's path, and its arguments.
  init(starting words: [String]) throws(Failure) {
    let program = words.first ?? ""
    let empty = open("/dev/null", O_RDONLY | O_CLOEXEC)
    var theirs = [empty]
    var ours: [Int32] = []
    defer { for descriptor in theirs { close(descriptor) } }
    func pair(_ make: (UnsafeMutablePointer<Int32>) -> Int32, theirEnd: Int) throws(Failure) {
      var ends: [Int32] = [-1, -1]
      guard ends.withUnsafeMutableBufferPointer({ $0.baseAddress.map(make) ?? -1 }) == 0 else {
        for descriptor in ours { close(descriptor) }
        throw Failure(reason: "no pipe: \(String(cString: strerror(errno)))")
      }
      theirs.append(ends[theirEnd])
      ours.append(ends[1 - theirEnd])
    }
    let trays: (SharedTray, answers: Int32)
    do {
      let made = ap_memory_file("adapt-pruner")
      trays = (try SharedTray(), made)
      try pair(ap_closing_pipe, theirEnd: 1)
      try pair(ap_closing_pipe, theirEnd: 1)
      try pair(ap_closing_socket_pair, theirEnd: 1)
      theirs.append(fcntl(trays.0.descriptor, F_DUPFD_CLOEXEC, 0))
      theirs.append(fcntl(made, F_DUPFD_CLOEXEC, 0))
      try pair(ap_closing_pipe, theirEnd: 0)
      requests = trays.0
      answers = try SharedTray(made, .reader)
    } catch let failure as SharedTray.Failure {
      throw Failure(reason: failure.reason)
    } catch let failure as Failure {
      throw failure
    } catch { throw Failure(reason: "\(error)") }
    (output, errors, socket, lifeline) = (ours[0], ours[1], ours[2], ours[3])
    for descriptor in [output, errors] {
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }
    // The last words are to be the plugin's, and no long list of the host's functions.
    let environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let arguments = CStrings(words)
    let settings = CStrings(environment.map { "\($0)=\($1)" })
    var started: pid_t = -1
    let error = ap_spawn(program, arguments.list, settings.list, theirs, Int32(theirs.count), &started)
    guard error == 0 else {
      for descriptor in ours { close(descriptor) }
      throw Failure(reason: "\(program) could not be started: \(String(cString: strerror(error)))")
    }
    process = started
    memory = open("/proc/\(started)/statm", O_RDONLY | O_CLOEXEC)
  }

  deinit {
    // A worker that is idle ends when the lifeline does.
    for descriptor in [lifeline, socket, output, errors, memory] where descriptor >= 0 { close(descriptor) }
    if ending == nil {
      var status: Int32 = 0
      for _ in 0..<100 {
        if waitpid(process, &status, WNOHANG) != 0 { return }
        usleep(1000)
      }
      kill()
    }
  }

  /// Bytes in memory that are the process's own, without what it shares (libraries, trays); nil if it is gone.
  var privateMemory: Int? {
    var text = [UInt8](repeating: 0, count: 128)
    let count = pread(memory, &text, text.count, 0)
    guard count > 0 else { return nil }
    // statm (proc(5)): size, resident, shared, … in pages.
    let numbers = String(decoding: text[..<count], as: UTF8.self).split(separator: " ").compactMap { Int($0) }
    guard numbers.count > 2 else { return nil }
    return (numbers[1] - numbers[2]) * Int(getpagesize())
  }

  /// Ends the process, if it has not ended.
  func kill() {
    guard ending == nil else { return }
    Glibc.kill(process, SIGKILL)
    _ = waitForEnd()
  }

  /// How the process ended, in words. It must be ending.
  func waitForEnd() -> String {
    if let ending { return ending }
    var status: Int32 = 0
    var seen = waitpid(process, &status, WNOHANG)
    // It may have closed its socket without ending.
    for _ in 0..<500 where seen == 0 {
      usleep(1000)
      seen = waitpid(process, &status, WNOHANG)
    }
    if seen == 0 {
      Glibc.kill(process, SIGKILL)
      while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
    let signal = status & 0x7f
    let words =
      signal == 0
      ? "ended its process with exit status \((status >> 8) & 0xff)"
      : "was ended by \(Self.name(of: signal)) (\(String(cString: strsignal(signal))))"
    ending = words
    return words
  }

  private static func name(of signal: Int32) -> String {
    let names = [
      SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL",
      SIGTRAP: "SIGTRAP", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM",
    ]
    return names[signal] ?? "signal \(signal)"
  }
}

/// Texts as C takes them, ended by null.
private final class CStrings {
  private(set) var list: [UnsafeMutablePointer<CChar>?]

  init(_ texts: [String]) { list = texts.map { strdup($0) } + [nil] }

  deinit { for text in list { free(text) } }
}
