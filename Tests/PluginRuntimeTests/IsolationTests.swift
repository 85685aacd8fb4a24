import Foundation
import PluginRuntime
import Synchronization
import Testing

/// Plugins in processes of their own: what would end this one is an error.
@Suite(.enabled(if: Isolated.isBuilt, Isolated.missing))
struct IsolationTests {
  @Test func arithmeticAndRandomNumbersAreTheHosts() throws {
    let drew = Mutex(false)
    var services = HostServices(seed: 9)
    services.drewRandomNumbers = { drew.withLock { $0 = true } }
    let random = RandomStream(seed: 9, plugin: "fixture.plugin", stream: 5)
    // [1, 2] · [3, 4]ᵀ
    #expect(
      try Isolated.score("uses_services", services: services) == [random.uniform(0), random.uniform(1), 11])
    #expect(drew.withLock { $0 })
  }

  @Test func thePluginsLogArrivesAsItIsWritten() throws {
    let lines = Mutex<[String]>([])
    var services = HostServices()
    services.log = { plugin, _, sentence in lines.withLock { $0.append("\(plugin): \(sentence)") } }
    _ = sentence { _ = try Isolated.score("segfaults", services: services) }
    #expect(lines.withLock { $0 } == ["fixture.plugin: about to take the square root of everything"])
  }

  @Test func aCrashIsAnErrorWithItsSignalAndTheLastWords() {
    #expect(
      sentence { _ = try Isolated.score("segfaults") }
        == "fixture.plugin: score was ended by SIGSEGV (Segmentation fault). Its last words: about to take the "
        + "square root of everything")
  }

  @Test func anExitIsAnError() {
    #expect(
      sentence { _ = try Isolated.score("exits") }
        == "fixture.plugin: score ended its process with exit status 3. Nothing was heard of it before.")
  }

  @Test func anExceptionThatGetsOutIsAnErrorWithItsMessage() {
    let words = sentence { _ = try Isolated.score("throws") }
    #expect(words.hasPrefix("fixture.plugin: score was ended by SIGABRT (Aborted). Its last words:"))
    #expect(words.contains("the units are unspeakable"))
  }

  @Test func aCallThatDoesNotEndIsStopped() {
    #expect(
      sentence { _ = try Isolated.score("loops", Isolated.limits(seconds: 0.3)) }
        == "fixture.plugin: score did not end within its 0.3 s and was stopped. Its last words: looking for a "
        + "fixed point")
  }

  @Test func aCallThatDoesNotStopWhenItIsAskedToIsEnded() {
    let asked = Mutex(false)
    var services = HostServices()
    services.isCancelled = { asked.withLock { $0 } }
    services.log = { _, _, _ in asked.withLock { $0 = true } }
    #expect(
      sentence { _ = try Isolated.score("loops", services: services) }
        == "fixture.plugin: score was cancelled: it did not stop when it was asked to, and was ended")
  }

  @Test func memoryIsLimited() throws {
    let plugin = try Isolated.plugin("leaks", Isolated.limits(megabytes: 100))
    let criterion = try CriterionInstance(of: plugin)
    let words = sentence { for _ in 0..<1000 { _ = try scoreOnes(criterion, count: 3) } }
    #expect(words.hasPrefix("fixture.plugin: score took 1"))
    #expect(words.contains("MB of memory, of the 100 MB that it may have, and was stopped."))
  }

  @Test func standardOutputBelongsToTheHost() {
    #expect(
      sentence { _ = try Isolated.score("prints") }
        == "fixture.plugin: score wrote to standard output, which belongs to the host: \"scoring mlp of layer 1\""
    )
  }

  @Test func aSecondProcessOfThePluginHasNoSay() throws {
    let criterion = try CriterionInstance(of: Isolated.plugin("forks"))
    for _ in 0..<5 { #expect(try scoreOnes(criterion, count: 3) == [0, 1, 2]) }
  }

  @Test func whatThePluginHasStartedEndsWithIt() throws {
    let lines = Mutex<[String]>([])
    var services = HostServices()
    services.log = { _, _, sentence in lines.withLock { $0.append(sentence) } }
    let clock = ContinuousClock.now
    #expect(
      sentence { _ = try Isolated.score("leaves_child", services: services) }.hasPrefix(
        "fixture.plugin: score was ended by SIGABRT (Aborted)."))
    // At once, although the child holds the socket open: not when the limit of 60 s is reached.
    #expect(ContinuousClock.now - clock < .seconds(50))
    let child = try #require(lines.withLock { $0.first.flatMap { pid_t($0) } })
    // It goes when whoever inherits it has taken note: then it is no process, or a zombie's name.
    func isThere() -> Bool {
      let state = (try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)) ?? ""
      return !state.isEmpty && !state.contains(") Z ")
    }
    for _ in 0..<500 where isThere() { usleep(10_000) }
    #expect(!isThere())
  }

  @Test func aFloodOfWordsDoesNotKeepTheLimitFromBeingSeen() {
    let words = sentence { _ = try Isolated.score("floods", Isolated.limits(seconds: 0.5)) }
    #expect(
      words.hasPrefix(
        "fixture.plugin: score did not end within its 0.5 s and was stopped. Its last words: it goes"),
      "\(words)")
  }

  @Test func sharedMemoryCannotBeTakenAway() throws {
    let criterion = try CriterionInstance(of: Isolated.plugin("truncates"))
    for _ in 0..<3 { #expect(try scoreOnes(criterion, count: 3) == [0, 1, 2]) }
  }

  @Test func theHostsTensorsCannotBeWritten() {
    #expect(
      sentence { _ = try Isolated.score("writes_inputs") }.hasPrefix(
        "fixture.plugin: score was ended by SIGSEGV (Segmentation fault)."))
  }

  @Test func aWorkerThatIsGoneSaysWhyEachTime() throws {
    let criterion = try CriterionInstance(of: Isolated.plugin("exits"))
    let first = sentence { _ = try scoreOnes(criterion, count: 3) }
    #expect(first.contains("exit status 3"))
    #expect(sentence { _ = try scoreOnes(criterion, count: 3) } == first)
  }

  @Test func whatIsCheckedInThisProcessIsCheckedThere() {
    #expect(
      sentence { _ = try Isolated.score("too_few_scores") }
        == "fixture.plugin: too few scores for layer 1, mlp: 2 were written, 3 are needed.")
    #expect(
      sentence { _ = try Isolated.score("returns_error") }
        == "fixture.plugin: score failed: the moon is in the wrong house")
    #expect(
      sentence { _ = try Isolated.plugin("other_major") }.contains(
        "was built for version 7.\(ABIVersion.host.minor)"))
  }

  /// The evaluator that ships asks for data and log-likelihoods in the middle of its call.
  @Test(.enabled(if: Shipped.isBuilt)) func servicesOfTheHostAreServedDuringACall() throws {
    func evaluate(_ isolation: Isolation?) throws -> EvaluationResult {
      var services = HostServices()
      services.openData = { _, _ in
        HostServices.Corpus(name: "text", documents: [Array(0..<300), Array(7..<90)])
      }
      services.logLikelihood = { sequences in
        sequences.map { sequence in sequence.tokens[sequence.first...].map { -Float($0) / 16 } }
      }
      let description = try #require(Shipped.registry).find("adapt-pruner.perplexity")
      return try EvaluatorInstance(
        of: LoadedPlugin(loading: description, isolated: isolation), options: ["data": "text", "window": 64],
        services: services
      ).evaluate(model: toyModel)
    }
    let here = try evaluate(nil)
    #expect(try evaluate(Isolated.limits()) == here)
    #expect(here.metrics.count == 2)
  }

  @Test(.enabled(if: Shipped.isBuilt)) func whatAServiceRefusesIsTheCallsReason() throws {
    struct NoText: Error, CustomStringConvertible { let description = "the text has been burnt" }
    var services = HostServices()
    services.openData = { _, _ in throw NoText() }
    let description = try #require(Shipped.registry).find("adapt-pruner.perplexity")
    let evaluator = try EvaluatorInstance(
      of: LoadedPlugin(loading: description, isolated: Isolated.limits()), options: ["data": "text"],
      services: services)
    #expect(
      sentence { _ = try evaluator.evaluate(model: toyModel) }
        == "adapt-pruner.perplexity: evaluate failed: the text has been burnt")
  }
}

enum Isolated {
  /// The program that is a worker too; the tests' own is none.
  static let program = ProcessInfo.processInfo.environment["ADAPT_PRUNER_BIN"].map { $0 + "/adapt-pruner" }
  static let isBuilt = program.map { FileManager.default.isExecutableFile(atPath: $0) } ?? false
  static let missing: Comment = "Skipped: ADAPT_PRUNER_BIN names no build with adapt-pruner"

  static func limits(seconds: Double = 60, megabytes: Int = 1024) -> Isolation {
    Isolation(timeLimit: seconds, memoryLimit: megabytes << 20, program: program)
  }

  static func plugin(_ name: String, _ limits: Isolation = limits()) throws -> LoadedPlugin {
    try LoadedPlugin(loading: CompiledPlugin.fixture(name), isolated: limits)
  }

  static func score(
    _ name: String, _ limits: Isolation = limits(), services: HostServices = HostServices()
  ) throws -> [Float] {
    try scoreOnes(CriterionInstance(of: plugin(name, limits), services: services), count: 3)
  }
}
