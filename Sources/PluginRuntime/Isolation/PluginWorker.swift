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
  private var description: WorkerAbout?

  init(for description: PluginDescription, within limits: Isolation) throws(PluginError) {
    plugin = description.id
    self.limits = limits
    do { worker = try WorkerHandle(starting: limits.words) } catch {
      throw .cannotIsolate(plugin: plugin, reason: error.reason)
    }
    self.description = try call(.load, "load", services: HostServices(), limit: limits.loadTimeLimit) {
      packet in
      description.put(to: &packet)
    } read: { (packet: inout PacketReader) throws(ReadError) in
      try WorkerAbout(from: &packet)
    }
  }

  /// Whether its process has ended, and every call would throw.
  var isGone: Bool { turn.withLock { end != nil } }

  /// What the plugin says of itself.
  func about() throws(PluginError) -> WorkerAbout {
    guard let description else { throw .garbled(plugin: plugin, function: "load") }
    return description
  }

  // MARK: - A call

  /// Asks the worker, serves what the plugin asks of the host meanwhile, and waits for the answer.
  ///
  /// - Parameters:
  ///   - function: for messages.
  ///   - limit: seconds, if not those that every call has.
  ///   - options: the instance's, of which `open_data` tells one by name.
  func call<Answer>(
    _ kind: FrameKind, _ function: String, services: HostServices, options: JSONObject = [:],
    limit: Double? = nil, write: (inout PacketWriter) throws(WriteError) -> Void,
    read: (inout PacketReader) throws(ReadError) -> Answer
  ) throws(PluginError) -> Answer {
    turn.lock()
    defer { turn.unlock() }
    if let end { throw end }
    worker.requests.clear()
    worker.requests.isCancelled = false
    var packet = PacketWriter(worker.requests)
    do { try write(&packet) } catch { throw .cannotIsolate(plugin: plugin, reason: error.reason) }
    var wait = Wait(
      function: function, services: services, options: options,
      limit: limit ?? limits.timeLimit)
    guard FrameSocket.send(kind, packet.bytes, to: worker.socket) else { throw died(in: function) }
    let contents = try answer(&wait)
    do throws(ReadError) {
      var reader = PacketReader(contents, worker.answers)
      return try read(&reader)
    } catch { throw endIt(.garbled(plugin: plugin, function: function)) }
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
        default: try serve(frame.kind, frame.contents, &wait)
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
    var packet = PacketReader(contents, worker.answers)
    do throws(ReadError) { return try PluginError(from: &packet, plugin: plugin) } catch {
      return endIt(.garbled(plugin: plugin, function: function))
    }
  }

  // MARK: - Services

  private func serve(_ kind: FrameKind, _ contents: [UInt8], _ wait: inout Wait) throws(PluginError) {
    do {
      var packet = PacketReader(contents, worker.answers)
      switch kind {
      case .log:
        let level = HostServices.LogLevel(rawValue: try packet.int()) ?? .info
        let sentence = try packet.text()
        lastLine = sentence
        wait.lines += 1
        if wait.lines <= Self.mostLines { wait.services.log(plugin, level, sentence) }
      case .progress: wait.services.progress(plugin, try packet.int(), try packet.int())
      case .drewRandomNumbers: wait.services.drewRandomNumbers()
      case .openData, .logLikelihood:
        // The time that the host takes is not the plugin's.
        let began = ContinuousClock.now
        try? worker.answers.refresh()
        let reply = kind == .openData ? try openData(&packet, wait) : try logLikelihood(&packet, wait)
        wait.until += ContinuousClock.now - began
        guard FrameSocket.send(reply.kind, reply.contents, to: worker.socket) else {
          throw died(in: wait.function)
        }
      default: throw ReadError()
      }
    } catch {
      throw error as? PluginError ?? endIt(.garbled(plugin: plugin, function: wait.function))
    }
  }

  private typealias Reply = (kind: FrameKind, contents: [UInt8])

  private func reply(_ body: (inout PacketWriter) throws -> Void) -> Reply {
    worker.requests.clear()
    var packet = PacketWriter(worker.requests)
    do {
      try body(&packet)
      return (.service, packet.bytes)
    } catch {
      var failure = PacketWriter(worker.requests)
      failure.put(error is CancellationError)
      failure.put("\(error)")
      return (.serviceFailed, failure.bytes)
    }
  }

  private func openData(_ packet: inout PacketReader, _ wait: Wait) throws(ReadError) -> Reply {
    let option = try packet.text()
    return reply { packet in
      guard let open = wait.services.openData, let value = wait.options[option] else {
        throw PluginError.garbled(plugin: plugin, function: "open_data")
      }
      let corpus = try open(option, value)
      packet.put(corpus.name)
      packet.put(corpus.documents.count)
      for document in corpus.documents { try packet.put(document) }
    }
  }

  private func logLikelihood(_ packet: inout PacketReader, _ wait: Wait) throws(ReadError) -> Reply {
    var sequences: [HostServices.ScoredSequence] = []
    for _ in 0..<(try packet.count()) {
      let first = try packet.int()
      sequences.append(HostServices.ScoredSequence(tokens: try packet.array(of: Int32.self), first: first))
    }
    return reply { packet in
      guard let score = wait.services.logLikelihood else {
        throw PluginError.garbled(plugin: plugin, function: "log_likelihood")
      }
      let answers = try score(sequences)
      packet.put(answers.count)
      for answer in answers { try packet.put(answer) }
    }
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
