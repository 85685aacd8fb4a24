import Foundation
import Processes

/// A worker's process and its connections: a socket, two trays of shared memory, and a lifeline. When the lifeline
/// closes, the worker knows that this process is gone.
final class WorkerHandle {
  let socket: Int32
  let requests: SharedTray
  let answers: SharedTray
  let process: ChildProcess
  private let lifeline: ChildProcess.Pipe

  /// The descriptors that a worker finds.
  enum Descriptor {
    static let socket: Int32 = 3
    static let requests: Int32 = 4
    static let answers: Int32 = 5
    static let lifeline: Int32 = 6
  }

  /// - Parameter words: the program's path and its arguments.
  init(starting words: [String]) throws(SystemFailure) {
    requests = try SharedTray(ap_memory_file("adapt-pruner"), .writer)
    answers = try SharedTray(ap_memory_file("adapt-pruner"), .reader)
    lifeline = try ChildProcess.Pipe()
    var ends: [Int32] = [-1, -1]
    guard ap_closing_socket_pair(&ends) == 0 else { throw .now("there is no socket") }
    defer { close(ends[1]) }
    do throws(SystemFailure) {
      process = try ChildProcess(
        starting: words, passing: [ends[1], requests.descriptor, answers.descriptor, lifeline.reading])
    } catch {
      close(ends[0])
      throw error
    }
    socket = ends[0]
    lifeline.closeReading()
  }

  deinit {
    // An idle worker ends by itself then. `ChildProcess` ends a busy one.
    lifeline.closeWriting()
    close(socket)
  }
}
