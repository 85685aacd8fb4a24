import Foundation
import JSON
import PluginABI
import Synchronization

/// The process that loads and calls an isolated plugin: the other end of `PluginWorker`.
///
/// It answers the host's requests one after another until its lifeline closes. The same instances as in the host's
/// process call the plugin and check its answers.
public final class WorkerProcess {
  private let socket = WorkerHandle.Descriptor.socket
  private let requests: SharedTray
  private let answers: SharedTray
  private let services: HostServices
  private var inbox = FrameInbox()
  private var plugin: LoadedPlugin?
  private var instances: [Int: any KindInstance] = [:]
  private var made = 0
  /// If a plugin forks, the child may return from the call too. It must not answer.
  private let process = getpid()
  /// Held while a frame is sent, since any thread of the plugin may log.
  private let sending = Mutex<Void>(())

  /// Why a worker ended before its host did.
  public struct Failure: Error, CustomStringConvertible { public let description: String }

  /// - Parameter services: the arithmetic for the plugin.
  /// - Throws: `Failure` if the process was not started as a worker.
  public static func serve(_ services: HostServices) throws { try WorkerProcess(services).run() }

  private init(_ services: HostServices) throws {
    self.services = services
    do {
      requests = try SharedTray(WorkerHandle.Descriptor.requests, .reader)
      answers = try SharedTray(WorkerHandle.Descriptor.answers, .writer)
    } catch {
      throw Failure(
        description:
          "this command is for adapt-pruner itself: it was not started as a worker (\(error.reason))")
    }
  }

  private func run() throws {
    // The process does not outlive its host, even if the plugin is busy.
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(WorkerHandle.Descriptor.lifeline, &byte, 1) < 0, errno == EINTR {}
      // This ends the processes that the plugin has started, too.
      kill(0, SIGKILL)
    }
    // If memory runs out, the system ends this process and not the host.
    try? "1000".write(toFile: "/proc/self/oom_score_adj", atomically: false, encoding: .utf8)
    while let (kind, contents) = try nextFrame() {
      guard kind == .call else { throw WireError.garbled }
      answers.clear()
      var kindOfAnswer = FrameKind.done
      var answer = WireMessage(answers)
      do { try self.answer(WireMessage(requests, contents), answer) } catch let error as PluginError {
        kindOfAnswer = .failed
        answer = WireMessage(answers)
        try answer.put(CallFailure(error))
      }
      // The host sees what the plugin printed before it sees the answer.
      fflush(nil)
      send(kindOfAnswer, answer)
    }
  }

  private func nextFrame() throws -> (kind: FrameKind, contents: [UInt8])? {
    if getpid() != process { _exit(0) }
    while true {
      if let frame = try inbox.next() { return frame }
      if FrameSocket.receive(from: socket, into: { inbox.append($0) }) == .ended { return nil }
    }
  }

  private func send(_ kind: FrameKind, _ message: WireMessage) {
    if getpid() != process { _exit(0) }
    // If the host is gone, the lifeline ends this process.
    sending.withLock { _ in _ = FrameSocket.send(kind, message.bytes, to: socket) }
  }

  // MARK: - Requests

  private func answer(_ message: WireMessage, _ answer: WireMessage) throws {
    try requests.refresh()
    let function = try message.take(String.self)
    func serve<Asked, Answer>(
      _ function: WireFunction<Asked, Answer>, _ body: (Asked) throws -> Answer
    ) throws { try answer.put(body(message.take())) }
    typealias All = WireFunctions
    switch function {
    case All.load.name: try serve(All.load, load)
    case All.create.name: try serve(All.create, create)
    case All.destroy.name:
      try serve(All.destroy) {
        instances[$0] = nil
        return Nothing()
      }
    case All.score.name:
      try serve(All.score) {
        try instance($0, CriterionInstance.self).score(model: $0.model, units: $0.request)
      }
    case All.allocate.name:
      try serve(All.allocate) {
        try instance($0, AllocatorInstance.self).allocate(model: $0.model, $0.request)
      }
    case All.compensate.name:
      try serve(All.compensate) {
        try instance($0, CompensatorInstance.self).compensate(model: $0.model, $0.request)
      }
    case All.widths.name:
      try serve(All.widths) { try instance($0, TransformInstance.self).widths(model: $0.model, $0.request) }
    case All.orient.name:
      try serve(All.orient) { try instance($0, TransformInstance.self).orient(model: $0.model, $0.request) }
    case All.evaluate.name:
      try serve(All.evaluate) { try instance($0, EvaluatorInstance.self).evaluate(model: $0.model) }
    default: throw WireError.garbled
    }
  }

  private func instance<Request, Instance: KindInstance>(
    _ call: InstanceCall<Request>, _ type: Instance.Type
  ) throws(WireError) -> Instance {
    guard let instance = instances[call.instance] as? Instance else { throw .garbled }
    return instance
  }

  private func load(_ hello: Hello) throws -> PluginAbout {
    guard hello.version == FrameKind.protocolVersion else {
      throw PluginError.inWorker(
        sentence: "the worker process speaks version \(FrameKind.protocolVersion) of the workers' protocol, "
          + "the host \(hello.version): was adapt-pruner replaced while it ran? Start it again.")
    }
    let plugins = try PluginDescription.read(manifest: hello.manifest)
    guard let description = plugins.first(where: { $0.id == hello.id }) else {
      throw PluginError.badManifest(path: hello.manifest, reason: "no longer names \(hello.id)")
    }
    let loaded = try LoadedPlugin(loading: description)
    plugin = loaded
    return loaded.about
  }

  private func create(_ making: Making) throws -> Made {
    guard let plugin else { throw WireError.garbled }
    let instance = try plugin.kind.instance.init(
      of: plugin, options: JSONValue(parsing: making.options), services: offered(seed: making.seed))
    defer { made += 1 }
    instances[made] = instance
    return Made(
      instance: made, statistics: instance.statistics,
      traits: Trait.allCases.filter(instance.traits.contains))
  }

  // MARK: - Services

  /// The services for the plugin. This process does the arithmetic; the host does the rest.
  private func offered(seed: UInt64) -> HostServices {
    var services = services
    services.seed = seed
    // This object lives as long as the process.
    nonisolated(unsafe) let worker = self
    services.log = { worker.tell(WireFunctions.log, LogLine(level: $1, sentence: $2)) }
    services.progress = { worker.tell(WireFunctions.progress, ProgressNotice(done: $1, total: $2)) }
    services.drewRandomNumbers = { worker.tell(WireFunctions.drewRandomNumbers, Nothing()) }
    services.isCancelled = { worker.requests.isCancelled }
    services.openData = { option, _ in try worker.ask(WireFunctions.openData, option) }
    services.logLikelihood = { try worker.ask(WireFunctions.logLikelihood, $0) }
    return services
  }

  /// Sends a notice, from any thread. It has no arrays, so the tray stays as it is.
  private func tell<Asked>(_ function: WireFunction<Asked, Nothing>, _ asked: Asked) {
    let message = WireMessage(answers)
    try? message.put(function, asked)
    send(.notice, message)
  }

  /// Asks the host in the middle of a call, on the call's thread.
  private func ask<Asked, Answer>(_ function: WireFunction<Asked, Answer>, _ asked: Asked) throws -> Answer {
    if getpid() != process { _exit(0) }
    answers.clear()
    let message = WireMessage(answers)
    try message.put(function, asked)
    send(.call, message)
    guard let (kind, contents) = try nextFrame() else { throw CancellationError() }
    try requests.refresh()
    let reply = WireMessage(requests, contents)
    if kind == .done { return try reply.take() }
    let failure = try reply.take(CallFailure.self)
    throw failure.status == AP_CANCELLED ? CancellationError() : Failure(description: failure.sentence ?? "")
  }
}
