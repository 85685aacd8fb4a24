import Foundation
import JSON
import Processes

/// A plugin in a process of its own: a crash, a hang or too much memory there is an error here.
///
/// The process is this program again, as a worker (`WorkerProcess`). Requests and answers go over a socket, their arrays
/// through two trays of shared memory, of which the plugin's side can write to its own only.
final class PluginWorker: @unchecked Sendable {
  let plugin: String
  let limits: Isolation
  private let worker: WorkerHandle
  /// One call at a time.
  private let turn = NSLock()
  /// All below belongs to whoever has the turn.
  private var inbox = FrameInbox()
  /// Why there is nobody at the other end any more.
  private var end: PluginError?
  /// The last that was heard of the plugin: of its log, or of what it wrote to its standard error.
  private var lastLine: String?
  private var errorText = LineBuffer()

  init(for description: PluginDescription, within limits: Isolation) throws(PluginError) {
    plugin = description.id
    self.limits = limits
    do { worker = try WorkerHandle(starting: limits.words) } catch {
      throw .cannotIsolate(plugin: plugin, reason: error.reason)
    }
  }

  /// Whether its process has ended, and every call would throw.
  var isGone: Bool { turn.withLock { end != nil } }

  /// Has the worker load the plugin: the first call.
  func load(_ description: PluginDescription) throws(PluginError) -> PluginAbout {
    try call(
      WireFunctions.load,
      Hello(version: FrameKind.protocolVersion, manifest: description.manifest, id: description.id),
      services: HostServices(), limit: limits.loadTimeLimit)
  }

  // MARK: - A call

  /// Asks the worker, serves what the plugin asks of the host meanwhile, and waits for the answer.
  ///
  /// - Parameters:
  ///   - options: the instance's, of which `open_data` tells one by name.
  ///   - statistics: those that the instance needs.
  ///   - limit: seconds, if not those that every call has.
  ///   - isWhole: whether an answer is as long as it must be.
  func call<Asked, Answer>(
    _ function: WireFunction<Asked, Answer>, _ asked: Asked, services: HostServices,
    options: JSONObject = [:], statistics: [Statistic] = [], limit: Double? = nil,
    isWhole: (Answer) -> Bool = { _ in true }
  ) throws(PluginError) -> Answer {
    turn.lock()
    defer { turn.unlock() }
    if let end { throw end }
    worker.requests.clear()
    worker.requests.isCancelled = false
    let message = WireMessage(worker.requests, statistics: statistics)
    do throws(WireError) { try message.put(function, asked) } catch {
      throw .cannotIsolate(plugin: plugin, reason: error.reason)
    }
    var wait = Wait(
      function: function.name, services: services, options: options, limit: limit ?? limits.timeLimit)
    try send(.call, message, wait)
    let contents = try answer(&wait)
    guard let answer = try? WireMessage(worker.answers, contents).take(Answer.self), isWhole(answer) else {
      throw endIt(.garbled(plugin: plugin, function: function.name))
    }
    return answer
  }

  private func send(_ kind: FrameKind, _ message: WireMessage, _ wait: Wait) throws(PluginError) {
    guard FrameSocket.send(kind, message.bytes, to: worker.socket) else { throw died(in: wait.function) }
  }

  private struct Wait {
    let function: String
    let services: HostServices
    let options: JSONObject
    let limit: Double
    var until: ContinuousClock.Instant
    /// When the plugin was told to stop.
    var cancelledAt: ContinuousClock.Instant?
    /// Lines that it has logged.
    var lines = 0

    init(function: String, services: HostServices, options: JSONObject, limit: Double) {
      self.function = function
      self.services = services
      self.options = options
      self.limit = limit
      until = ContinuousClock.now + .seconds(limit)
    }
  }

  /// How often, in milliseconds, limits are looked at while the plugin works.
  private static let period: Int32 = 10
  /// Lines of one call that are logged; a loop would fill the disk.
  private static let mostLines = 1000
  /// Seconds that a plugin has to stop when it is asked to.
  private static let grace = 5.0

  private func answer(_ wait: inout Wait) throws(PluginError) -> [UInt8] {
    while true {
      var frame: (kind: FrameKind, contents: [UInt8])?
      do { frame = try inbox.next() } catch {
        throw endIt(.garbled(plugin: plugin, function: wait.function))
      }
      if let frame {
        switch frame.kind {
        case .done:
          if wait.lines > Self.mostLines {
            wait.services.log(
              plugin, .warning, "\(wait.function) logged \(wait.lines - Self.mostLines) lines more")
          }
          try checkMemory(wait.function)
          try checkOutput(wait.function)
          try refresh()
          return frame.contents
        case .failed:
          try checkOutput(wait.function)
          throw refusal(frame.contents, wait.function)
        case .call, .notice: try serve(WireMessage(worker.answers, frame.contents), &wait)
        }
        continue
      }
      // What it started may hold its end of the socket open: that it has ended shows there only sometimes.
      let isOver = worker.process.hasEnded
      let hasMore = try receive(wait.function, patience: isOver ? 0 : Self.period)
      if isOver, !hasMore { throw died(in: wait.function) }
      if ContinuousClock.now > wait.until {
        throw endIt(
          .timedOut(plugin: plugin, function: wait.function, seconds: wait.limit, lastLine: heard()))
      }
      try checkMemory(wait.function)
      if wait.services.isCancelled() {
        worker.requests.isCancelled = true
        let since = wait.cancelledAt ?? .now
        wait.cancelledAt = since
        if ContinuousClock.now - since > .seconds(Self.grace) {
          throw endIt(
            .refused(
              plugin: plugin, function: wait.function, status: .cancelled,
              sentence: "it did not stop when it was asked to, and was ended"))
        }
      }
    }
  }

  /// Waits so many milliseconds for anything from the worker, and takes what has come.
  /// - Returns: whether something came over the socket.
  private func receive(_ function: String, patience: Int32) throws(PluginError) -> Bool {
    var sources = [worker.socket, worker.process.output, worker.process.errors].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    guard poll(&sources, nfds_t(sources.count), patience) > 0 else { return false }
    takeOutput()
    guard sources[0].revents != 0 else { return false }
    if FrameSocket.receive(from: worker.socket, into: { inbox.append($0) }) == .ended {
      throw died(in: function)
    }
    return true
  }

  private func refresh() throws(PluginError) {
    do { try worker.answers.refresh() } catch { throw .cannotIsolate(plugin: plugin, reason: error.reason) }
  }

  /// What the plugin wrote where it has no business to write.
  private var printed: [UInt8] = []

  private func takeOutput() {
    // More than a beginning is not kept. A plugin that never stops writing does not keep this from looking at its limits.
    for _ in 0..<Self.mostPieces
    where FrameSocket.receive(
      from: worker.process.output, into: { if printed.count < 1 << 12 { printed.append(contentsOf: $0) } })
      != .some
    { break }
    for _ in 0..<Self.mostPieces
    where FrameSocket.receive(from: worker.process.errors, into: { errorText.append($0) }) != .some { break }
    if let line = errorText.lastLine { lastLine = line }
  }

  /// Pieces of output that are read at a time.
  private static let mostPieces = 16

  private func checkOutput(_ function: String) throws(PluginError) {
    takeOutput()
    guard !printed.isEmpty else { return }
    let text = String(decoding: printed.prefix(80), as: UTF8.self)
    printed = []
    throw .printed(plugin: plugin, function: function, text: text)
  }

  private func checkMemory(_ function: String) throws(PluginError) {
    guard let memory = worker.process.memory else { return }
    // Of what it shares the trays are the host's.
    let used = memory.own + max(0, memory.shared - worker.requests.size - worker.answers.size)
    guard used > limits.memoryLimit else { return }
    throw endIt(
      .overMemory(
        plugin: plugin, function: function, limit: limits.memoryLimit, used: used, lastLine: heard()))
  }

  private func heard() -> String? {
    takeOutput()
    return lastLine
  }

  // MARK: - The end of a worker

  private func died(in function: String) -> PluginError {
    let how = worker.process.waitForEnd()
    let error = PluginError.crashed(plugin: plugin, function: function, how: how, lastLine: heard())
    end = error
    return error
  }

  private func endIt(_ error: PluginError) -> PluginError {
    worker.process.kill()
    end = error
    return error
  }

  private func refusal(_ contents: [UInt8], _ function: String) -> PluginError {
    guard let failure = try? WireMessage(worker.answers, contents).take(CallFailure.self) else {
      return endIt(.garbled(plugin: plugin, function: function))
    }
    return failure.error(of: plugin)
  }

  // MARK: - Services

  private func serve(_ message: WireMessage, _ wait: inout Wait) throws(PluginError) {
    do {
      switch try message.take(String.self) {
      case WireFunctions.log.name:
        let line = try message.take(LogLine.self)
        lastLine = line.sentence
        wait.lines += 1
        if wait.lines <= Self.mostLines { wait.services.log(plugin, line.level, line.sentence) }
      case WireFunctions.progress.name:
        let progress = try message.take(ProgressNotice.self)
        wait.services.progress(plugin, progress.done, progress.total)
      case WireFunctions.drewRandomNumbers.name: wait.services.drewRandomNumbers()
      case WireFunctions.openData.name:
        try serve(WireFunctions.openData, message, &wait) { option, wait in
          guard let open = wait.services.openData, let value = wait.options[option] else { return nil }
          return try open(option, value)
        }
      case WireFunctions.logLikelihood.name:
        try serve(WireFunctions.logLikelihood, message, &wait) { try $1.services.logLikelihood?($0) }
      default: throw WireError.garbled
      }
    } catch {
      throw error as? PluginError ?? endIt(.garbled(plugin: plugin, function: wait.function))
    }
  }

  /// Answers the worker's call. The time that the host takes is not the plugin's.
  /// - Parameter body: nil if there is no such service.
  private func serve<Asked, Answer>(
    _ function: WireFunction<Asked, Answer>, _ message: WireMessage, _ wait: inout Wait,
    _ body: (Asked, Wait) throws -> Answer?
  ) throws {
    let began = ContinuousClock.now
    do { try refresh() } catch { throw endIt(error) }
    let asked = try message.take(Asked.self)
    var kind = FrameKind.done
    var reply = WireMessage(worker.requests)
    worker.requests.clear()
    do {
      guard let answer = try body(asked, wait) else {
        throw PluginError.garbled(plugin: plugin, function: function.name)
      }
      try reply.put(answer)
    } catch {
      kind = .failed
      reply = WireMessage(worker.requests)
      try reply.put(CallFailure(error))
    }
    wait.until += ContinuousClock.now - began
    try send(kind, reply, wait)
  }
}

/// The last line of a text that comes in pieces.
private struct LineBuffer {
  /// The end of the text so far.
  private var end: [UInt8] = []
  private static let mostBytes = 1000

  mutating func append(_ piece: UnsafeRawBufferPointer) {
    end = Array((end + piece.suffix(Self.mostBytes)).suffix(Self.mostBytes))
  }

  var lastLine: String? {
    end.split(separator: UInt8(ascii: "\n")).last.map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }
  }
}
