import Foundation
import JSON
import Synchronization

/// The other end of `PluginWorker`: the process in which an isolated plugin is loaded and called.
///
/// It does what the host asks, one request after another, until the host's end of its lifeline closes. The plugin is called
/// through the very instances that call it in the host's process, checks and all.
public final class WorkerProcess {
  private let socket = WorkerHandle.Descriptor.socket
  private let requests: SharedTray
  private let answers: SharedTray
  private let services: HostServices
  private var inbox = FrameInbox()
  private var plugin: LoadedPlugin?
  private var instances: [Int: Instance] = [:]
  private var made = 0
  /// A plugin may fork, and the child may come back from the call as well: it is not to answer.
  private let process = getpid()
  /// Frames are sent whole, whichever thread of the plugin logs.
  private let sending = Mutex<Void>(())

  private enum Instance {
    case criterion(CriterionInstance)
    case allocator(AllocatorInstance)
    case compensator(CompensatorInstance)
    case transform(TransformInstance)
    case evaluator(EvaluatorInstance)
  }

  /// Why a worker ended before its host did.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// - Parameter services: the arithmetic that this process does for the plugin.
  /// - Throws: `Failure` if the process was not started as a worker.
  public static func serve(_ services: HostServices) throws {
    try WorkerProcess(services).run()
  }

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
    // Whatever the plugin is busy with, the process does not outlive its host.
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(WorkerHandle.Descriptor.lifeline, &byte, 1) < 0, errno == EINTR {}
      // With all that the plugin has started.
      kill(0, SIGKILL)
    }
    // If memory runs out it is this process that goes, not the host.
    try? "1000".write(toFile: "/proc/self/oom_score_adj", atomically: false, encoding: .utf8)
    while let (kind, contents) = try nextFrame() {
      answers.clear()
      var packet = PacketWriter(answers)
      do {
        try answer(kind, contents, &packet)
        // What the plugin printed is told with the answer, not after it.
        fflush(nil)
        send(.done, packet.bytes)
      } catch let error as PluginError {
        fflush(nil)
        var failure = PacketWriter(answers)
        error.put(to: &failure)
        send(.failed, failure.bytes)
      }
    }
  }

  private func nextFrame() throws -> (kind: FrameKind, contents: [UInt8])? {
    if getpid() != process { _exit(0) }
    while true {
      if let frame = try inbox.next() { return frame }
      if FrameSocket.receive(from: socket, into: { inbox.append($0) }) == .ended { return nil }
    }
  }

  private func send(_ kind: FrameKind, _ contents: [UInt8]) {
    if getpid() != process { _exit(0) }
    // If nobody is there any more, the lifeline says so too.
    sending.withLock { _ in _ = FrameSocket.send(kind, contents, to: socket) }
  }

  // MARK: - Requests

  private func answer(_ kind: FrameKind, _ contents: [UInt8], _ answer: inout PacketWriter) throws {
    try requests.refresh()
    var packet = PacketReader(contents, requests)
    switch kind {
    case .load:
      let plugin = try LoadedPlugin(loading: PluginDescription(from: &packet))
      self.plugin = plugin
      WorkerAbout(plugin).put(to: &answer)
    case .create: try create(&packet, &answer)
    case .destroy: instances[try packet.int()] = nil
    default:
      let instance = instances[try packet.int()]
      let model = try ModelSummary(from: &packet)
      switch (kind, instance) {
      case (.score, .criterion(let criterion)):
        try answer.put(criterion.score(model: model, units: UnitsRequest(from: &packet)))
      case (.allocate, .allocator(let allocator)):
        let budget = try BudgetRequest(from: &packet)
        let scoresCompare = try packet.bool()
        var layers: [LayerRequest] = []
        for _ in 0..<(try packet.count()) { layers.append(try LayerRequest(from: &packet)) }
        let shares = try allocator.allocate(
          model: model, budget: budget, layers: layers, scoresCompare: scoresCompare)
        for share in shares.joined() {
          answer.put(share.sparsity)
          answer.put(share.keep)
        }
      case (.compensate, .compensator(let compensator)):
        let changed = try compensator.compensate(model: model, ProjectionRequest(from: &packet))
        try answer.put(changed.weight)
        answer.put(changed.bias != nil)
        if let bias = changed.bias { try answer.put(bias) }
      case (.widths, .transform(let transform)):
        try answer.put(transform.widths(model: model, ResidualRequest(from: &packet)))
      case (.orient, .transform(let transform)):
        try answer.put(transform.orient(model: model, OrientRequest(from: &packet)))
      case (.evaluate, .evaluator(let evaluator)):
        try evaluator.evaluate(model: model).put(to: &answer)
      default: throw PacketReader.Garbled()
      }
    }
  }

  private func create(_ packet: inout PacketReader, _ answer: inout PacketWriter) throws {
    guard let plugin else { throw PacketReader.Garbled() }
    let options = try JSONValue(parsing: try packet.text())
    let services = offered(seed: try packet.unsigned())
    let statistics: [Statistic]
    var answers: [(String, Bool)] = []
    switch plugin.kind {
    case .criterion:
      let instance = try CriterionInstance(of: plugin, options: options, services: services)
      instances[made] = .criterion(instance)
      statistics = instance.statistics
      answers = [("scores_compare", instance.scoresCompare)]
    case .allocator:
      let instance = try AllocatorInstance(of: plugin, options: options, services: services)
      instances[made] = .allocator(instance)
      statistics = instance.statistics
      answers = [("meets_goal", instance.meetsGoal)]
    case .compensator:
      let instance = try CompensatorInstance(of: plugin, options: options, services: services)
      instances[made] = .compensator(instance)
      statistics = instance.statistics
      answers = [("follows_cut", instance.followsCut), ("adds_bias", instance.addsBias)]
    case .transform:
      let instance = try TransformInstance(of: plugin, options: options, services: services)
      instances[made] = .transform(instance)
      statistics = instance.statistics
      answers = [
        ("fixes_widths", instance.fixesWidths), ("centers_embeddings", instance.centersEmbeddings),
        ("normalises_tokens", instance.normalisesTokens),
      ]
    case .evaluator:
      instances[made] = .evaluator(try EvaluatorInstance(of: plugin, options: options, services: services))
      statistics = []
    }
    answer.put(made)
    answer.put(statistics)
    answer.put(answers.map(\.0))
    for (_, value) in answers { answer.put(value) }
    made += 1
  }

  // MARK: - Services

  /// What the plugin can ask for: arithmetic is done here, everything else by the host.
  private func offered(seed: UInt64) -> HostServices {
    var services = services
    services.seed = seed
    // The process lives as long as this object.
    nonisolated(unsafe) let worker = self
    services.log = { _, level, sentence in
      worker.tell(.log) {
        $0.put(level.rawValue)
        $0.put(sentence)
      }
    }
    services.progress = { _, done, total in
      worker.tell(.progress) {
        $0.put(done)
        $0.put(total)
      }
    }
    services.drewRandomNumbers = { worker.tell(.drewRandomNumbers) { _ in } }
    services.isCancelled = { worker.requests.isCancelled }
    services.openData = { option, _ in
      try worker.ask(.openData) { packet in
        packet.put(option)
      } read: { packet in
        let name = try packet.text()
        var documents: [[Int32]] = []
        for _ in 0..<(try packet.count()) { documents.append(try packet.array(of: Int32.self)) }
        return HostServices.Corpus(name: name, documents: documents)
      }
    }
    services.logLikelihood = { sequences in
      try worker.ask(.logLikelihood) { packet in
        packet.put(sequences.count)
        for sequence in sequences {
          packet.put(sequence.first)
          try packet.put(sequence.tokens)
        }
      } read: { packet in
        var answers: [[Float]] = []
        for _ in 0..<(try packet.count()) { answers.append(try packet.array(of: Float.self)) }
        return answers
      }
    }
    return services
  }

  /// From any thread: no arrays.
  private func tell(_ kind: FrameKind, _ write: (inout PacketWriter) -> Void) {
    var packet = PacketWriter(answers)
    write(&packet)
    send(kind, packet.bytes)
  }

  /// On the thread of the call: asks the host in the middle of it.
  private func ask<Answer>(
    _ kind: FrameKind, write: (inout PacketWriter) throws -> Void, read: (inout PacketReader) throws -> Answer
  ) throws -> Answer {
    if getpid() != process { _exit(0) }
    answers.clear()
    var packet = PacketWriter(answers)
    try write(&packet)
    send(kind, packet.bytes)
    guard let (kind, contents) = try nextFrame() else { throw CancellationError() }
    try requests.refresh()
    var reply = PacketReader(contents, requests)
    guard kind == .service else {
      throw try reply.bool() ? CancellationError() : Failure(description: try reply.text())
    }
    return try read(&reply)
  }
}
