import Foundation
import Processes

/// Why the system did not give what was asked of it.
package struct SystemFailure: Error {
  package let reason: String

  /// The reason is `errno`.
  static func now(_ what: String) -> SystemFailure {
    SystemFailure(reason: "\(what): \(String(cString: strerror(errno)))")
  }
}

/// A process that this one has started. It is watched, and ends with this object.
package final class ChildProcess {
  /// Its standard output and error. Reading does not block.
  package let output: Int32
  package let errors: Int32
  private let process: pid_t
  /// The file that tells its memory. It stays open, since reading it again is cheap.
  private let account: Int32
  private var status: Int32?
  private var ending: String?

  /// - Parameters:
  ///   - words: the program's path and its arguments.
  ///   - passed: the descriptors that the process gets as 3, 4 and so on. The caller still closes them.
  package init(starting words: [String], passing passed: [Int32]) throws(SystemFailure) {
    let out = try Pipe()
    let err = try Pipe()
    let empty = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(empty) }
    let theirs = [empty, out.writing, err.writing] + passed
    // Swift's backtrace would hide the plugin's own last line.
    let environment = LibraryFile.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let arguments = CStrings(words)
    let settings = CStrings(environment.map { "\($0)=\($1)" })
    let program = words.first ?? ""
    var started: pid_t = -1
    let error = ap_spawn(program, arguments.list, settings.list, theirs, Int32(theirs.count), &started)
    guard error == 0 else {
      throw SystemFailure(reason: "\(program) could not be started: \(String(cString: strerror(error)))")
    }
    process = started
    output = out.takeReading()
    errors = err.takeReading()
    for descriptor in [output, errors] {
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }
    account = open("/proc/\(started)/status", O_RDONLY | O_CLOEXEC)
  }

  deinit {
    for descriptor in [output, errors, account] where descriptor >= 0 { close(descriptor) }
    for _ in 0..<100 where !hasEnded { usleep(1000) }
    kill()
  }

  /// Its bytes of memory, without those of files: its own, and those that it shares. nil if the process is gone.
  package var memory: (own: Int, shared: Int)? {
    var text = [UInt8](repeating: 0, count: 4096)
    let count = pread(account, &text, text.count, 0)
    guard count > 0 else { return nil }
    // status (proc(5)): "RssAnon:     1234 kB" and the like, a line each.
    func bytes(_ key: String) -> Int? {
      let line = String(decoding: text[..<count], as: UTF8.self).split(separator: "\n").first {
        $0.hasPrefix(key)
      }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map {
        $0 << 10
      }
    }
    guard let own = bytes("RssAnon:"), let shared = bytes("RssShmem:") else { return nil }
    return (own, shared)
  }

  /// Whether the process has ended. Its own children may go on.
  package var hasEnded: Bool {
    if status != nil { return true }
    var found: Int32 = 0
    guard waitpid(process, &found, WNOHANG) != 0 else { return false }
    status = found
    return true
  }

  /// Ends the process and all others of its group.
  package func kill() {
    guard ending == nil else { return }
    Glibc.kill(-process, SIGKILL)
    _ = waitForEnd()
  }

  /// Says how the process ended. It has half a second to end by itself.
  package func waitForEnd() -> String {
    if let ending { return ending }
    for _ in 0..<500 where !hasEnded { usleep(1000) }
    if !hasEnded {
      Glibc.kill(process, SIGKILL)
      var found: Int32 = 0
      while waitpid(process, &found, 0) < 0, errno == EINTR {}
      status = found
    }
    Glibc.kill(-process, SIGKILL)
    let status = status ?? 0
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
      SIGTRAP: "SIGTRAP", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM", SIGALRM: "SIGALRM", SIGXCPU: "SIGXCPU",
      SIGXFSZ: "SIGXFSZ", SIGPIPE: "SIGPIPE", SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT",
      SIGSYS: "SIGSYS", SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2",
    ]
    return names[signal] ?? "signal \(signal)"
  }

  /// A pipe. Its ends are closed on exec and with the object.
  package final class Pipe {
    package private(set) var reading: Int32
    package private(set) var writing: Int32

    package init() throws(SystemFailure) {
      var ends: [Int32] = [-1, -1]
      guard ap_closing_pipe(&ends) == 0 else { throw .now("there is no pipe") }
      (reading, writing) = (ends[0], ends[1])
    }

    deinit { for end in [reading, writing] where end >= 0 { close(end) } }

    /// Closes this process's writing end, so that reading ends when the other process closes its own.
    package func closeWriting() {
      close(writing)
      writing = -1
    }

    package func closeReading() { close(takeReading()) }

    /// Hands over the reading end. The caller closes it.
    package func takeReading() -> Int32 {
      defer { reading = -1 }
      return reading
    }
  }
}

/// A list of C strings that ends with null.
private final class CStrings {
  private(set) var list: [UnsafeMutablePointer<CChar>?]

  init(_ texts: [String]) { list = texts.map { strdup($0) } + [nil] }

  deinit { for text in list { free(text) } }
}
