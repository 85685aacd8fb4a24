import Foundation
import Processes

/// A worker's process with the ways to it: a socket, two trays, and a lifeline whose end tells it that this process is gone.
final class WorkerHandle {
  let socket: Int32
  let requests: SharedTray
  let answers: SharedTray
  let process: ChildProcess
  private let lifeline: Int32

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
    var ends: [Int32] = [-1, -1]
    guard ap_closing_socket_pair(&ends) == 0 else {
      throw Failure(reason: "there is no socket: \(String(cString: strerror(errno)))")
    }
    defer { close(ends[1]) }
    var line: [Int32] = [-1, -1]
    guard ap_closing_pipe(&line) == 0 else {
      close(ends[0])
      throw Failure(reason: "there is no pipe: \(String(cString: strerror(errno)))")
    }
    defer { close(line[0]) }
    do {
      requests = try SharedTray()
      answers = try SharedTray(ap_memory_file("adapt-pruner"), .reader)
      process = try ChildProcess(
        starting: words, passing: [ends[1], requests.descriptor, answers.descriptor, line[0]])
    } catch {
      close(ends[0])
      close(line[1])
      throw Failure(
        reason: (error as? SharedTray.Failure)?.reason ?? (error as? ChildProcess.Failure)?.reason
          ?? "\(error)")
    }
    socket = ends[0]
    lifeline = line[1]
  }

  deinit {
    // A worker that is idle ends by itself then; `ChildProcess` ends one that is not.
    close(lifeline)
    close(socket)
  }
}
