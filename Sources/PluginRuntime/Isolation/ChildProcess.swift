import Foundation
import Processes

/// A process that this one has started: watched, and ended with it.
package final class ChildProcess {
  package struct Failure: Error {
    package let reason: String

    static func ofSystem(_ what: String) -> Failure {
      Failure(reason: "\(what): \(String(cString: strerror(errno)))")
    }
  }

  /// What it writes to its standard output and error; reading does not block.
  package let output: Int32
  package let errors: Int32
  private let process: pid_t
  /// Kept open, since reading it again is cheap: what the process takes of memory.
  private let account: Int32
  private var status: Int32?
  private var ending: String?

  /// - Parameters:
  ///   - words: the program's path, and its arguments.
  ///   - passed: descriptors that it finds from 3 on. They stay the caller's.
  package init(starting words: [String], passing passed: [Int32]) throws(Failure) {
    let out = try Pipe()
    let err = try Pipe()
    let empty = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(empty) }
    let theirs = [empty, out.writing, err.writing] + passed
    // The last words are to be the plugin's, and no long list of the host's functions.
    let environment = LibraryFile.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let arguments = CStrings(words)
    let settings = CStrings(environment.map { "\($0)=\($1)" })
    let program = words.first ?? ""
    var started: pid_t = -1
    let error = ap_spawn(program, arguments.list, settings.list, theirs, Int32(theirs.count), &started)
    guard error == 0 else {
      throw Failure(reason: "\(program) could not be started: \(String(cString: strerror(error)))")
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

  /// Bytes in memory that are not a file's: its own, and what it shares with whomever; nil if it is gone.
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

  /// Whether the process has ended, even if one that it has started goes on.
  package var hasEnded: Bool {
    if status != nil { return true }
    var found: Int32 = 0
    guard waitpid(process, &found, WNOHANG) != 0 else { return false }
    status = found
    return true
  }

  /// Ends the process, if it has not ended, and all that it has started and that has not left its group.
  package func kill() {
    guard ending == nil else { return }
    Glibc.kill(-process, SIGKILL)
    _ = waitForEnd()
  }

  /// How the process ended, in words. It must be ending: it is given half a second.
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

  /// Two ends, both closed on exec and with the object.
  package final class Pipe {
    package private(set) var reading: Int32
    package private(set) var writing: Int32

    package init() throws(Failure) {
      var ends: [Int32] = [-1, -1]
      guard ap_closing_pipe(&ends) == 0 else { throw .ofSystem("there is no pipe") }
      (reading, writing) = (ends[0], ends[1])
    }

    deinit { for end in [reading, writing] where end >= 0 { close(end) } }

    /// So that the reading end sees when nobody else has one.
    package func closeWriting() {
      close(writing)
      writing = -1
    }

    /// The reading end, which is the caller's to close from now on.
    package func takeReading() -> Int32 {
      defer { reading = -1 }
      return reading
    }
  }
}

/// Texts as C takes them, ended by null.
private final class CStrings {
  private(set) var list: [UnsafeMutablePointer<CChar>?]

  init(_ texts: [String]) { list = texts.map { strdup($0) } + [nil] }

  deinit { for text in list { free(text) } }
}
