import Foundation
import JSON
import PluginRuntime
import Testing

/// Plugins that are wrong in one way each: a check by its name says so, and a run with isolated plugins ends with a sentence
/// and goes on once the plugin is mended.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct ConformanceTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    /// The fixture.
    let name: String
    var kind = "criterion"
    /// The first check that fails; nil: there is nothing wrong.
    let check: String?
    /// In what that check found.
    let finding: String
    /// In what a run says; nil: the run does not notice.
    let run: String?
    var testDescription: String { name }
    /// Seconds: little where it is to run out, and more than a busy machine needs where not.
    var timeLimit: Int { name == "loops" || name.hasPrefix("hangs") ? 2 : 60 }

    init(_ name: String, kind: String = "criterion", check: String?, _ finding: String, run: String?) {
      (self.name, self.kind, self.check, self.finding, self.run) = (name, kind, check, finding, run)
    }
  }

  static let faults = [
    Fault("good", check: nil, "", run: nil),
    Fault("future_minor", check: nil, "", run: nil),
    Fault(
      "other_major", check: "loads", "was built for version 7.\(ABIVersion.host.minor)",
      run: "was built for version 7.\(ABIVersion.host.minor)"),
    Fault(
      "truncated_table", check: "loads", "ap_criterion says it is 32 bytes long",
      run: "ap_criterion says it is 32 bytes long"),
    Fault(
      "unknown_statistic", check: "loads", "Did you mean \"gradient\"?", run: "Did you mean \"gradient\"?"),
    Fault("vague", check: "describes_options", "power has no description", run: nil),
    Fault(
      "throws", check: "answers", "was ended by SIGABRT",
      run: "fixture.plugin: score was ended by SIGABRT (Aborted). Its last words:"),
    Fault(
      "exits", check: "answers", "ended its process with exit status 3",
      run: "fixture.plugin: score ended its process with exit status 3."),
    Fault(
      "segfaults", check: "answers", "touched memory that is nobody's",
      run: "fixture.plugin: score was ended by SIGSEGV (Segmentation fault). Its last words: about to take"),
    Fault(
      "loops", check: "answers", "it was not done after 2 s",
      run: "fixture.plugin: score did not end within its 2 s and was stopped."),
    Fault(
      "nan_scores", check: "answers", "and must be finite",
      run: "the score of unit 1 of layer 1, attention is"),
    Fault(
      "too_few_scores", check: "answers", "too few scores for layer 7, attention",
      run: "too few scores for layer 1, attention"),
    Fault(
      "too_many_scores", check: "answers", "too many scores for layer 7, attention",
      run: "too many scores for layer 1, attention"),
    Fault(
      "prints", check: "answers",
      "it wrote to standard output, which belongs to the host: \"scoring attention",
      run: "score wrote to standard output, which belongs to the host"),
    Fault(
      "returns_error", check: "answers", "the moon is in the wrong house",
      run: "the moon is in the wrong house"),
    Fault(
      "over_budget", kind: "allocator", check: "answers", "says that it meets goals, but ended at",
      run: "says that it meets goals, but ended at"),
    Fault("remembers", check: "same_answer", "asked again, an instance answered", run: nil),
    Fault(
      "writes_inputs", check: "stays_in_bounds", "which is the host's and only to be read",
      run: "score was ended by SIGSEGV"),
    Fault("reads_far", check: "stays_in_bounds", "touched what lies 0 bytes behind the end of", run: nil),
    Fault(
      "greedy_minor", check: "stays_in_bounds", "bytes behind the end of a struct of the host", run: nil),
    Fault("exact_size", check: "later_host", "ap_units has a size that I do not know", run: nil),
    Fault("shares_state", check: "threads", "on a thread of its own, an instance answered", run: nil),
    Fault(
      "changes_process", check: "leaves_process_alone", "afterwards signal 15 is ignored", run: nil),
    Fault(
      "rounds_upward", check: "leaves_process_alone", "score left the rounding mode at upward", run: nil),
    Fault(
      "flushes_denormals", check: "leaves_process_alone", "load left denormal numbers flushed to zero",
      run: nil),
    Fault("enables_traps", check: "leaves_process_alone", "score left floating-point traps on", run: nil),
    Fault("moves_folder", check: "leaves_process_alone", "load left the working folder at /", run: nil),
    Fault("changes_umask", check: "leaves_process_alone", "score left the umask at 000", run: nil),
    Fault(
      "sets_environment", check: "leaves_process_alone", "afterwards the variable OMP_NUM_THREADS is \"1\"",
      run: nil),
    Fault("changes_locale", check: "leaves_process_alone", "afterwards the locale is C.UTF-8", run: nil),
    Fault(
      "blocks_signals", check: "leaves_process_alone", "afterwards whether signal 15 is blocked is",
      run: nil),
    Fault(
      "handles_signals", check: "leaves_process_alone", "afterwards signal 2 has the handler", run: nil),
    Fault("exports_names", check: "exported_names", "it exports cblas_ddot, which is a name of", run: nil),
    Fault("hangs_in_loading", check: "loads", "it was not done after 2 s", run: nil),
    Fault("hangs_in_create", check: "makes_instances", "it was not done after 2 s", run: nil),
    Fault("leaks_files", check: "never_grows", "open files behind", run: nil),
    Fault("deaf", check: "cancelled", "it went on for", run: nil),
    Fault("leaks", check: "never_grows", "1000 instances left", run: nil),
  ]

  @Test("plugin check names what is wrong", arguments: faults)
  func isCaught(_ fault: Fault) throws {
    let scratch = Scratch()
    try Self.place(fault.name, kind: fault.kind, in: scratch)
    let answer = try Program.call(
      [
        "plugin", "check", scratch.path("plugins"), "--strictness", "10", "--json", "--time-limit",
        "\(fault.timeLimit)",
      ], in: scratch)
    #expect(answer.error == "")
    let report = try JSONValue(parsing: answer.output)
    let checks = try #require(report["plugins"]?.arrayValue?.first?["checks"]?.arrayValue)
    let failed = checks.first { $0["state"] == "failed" }
    #expect(failed?["name"]?.stringValue == fault.check, "\(checks.map(\.compact))")
    #expect(answer.code == (fault.check == nil ? 0 : 1))
    #expect(report["passed"]?.boolValue == (fault.check == nil))
    guard fault.check != nil else { return }
    #expect(failed?["finding"]?.stringValue?.contains(fault.finding) == true, "\(failed?.compact ?? "")")
    #expect(failed?["remedy"]?.stringValue?.isEmpty == false)
  }

  @Test(
    "A run ends with a sentence, and goes on with the mended plugin",
    arguments: faults.filter { $0.run != nil })
  func isSurvived(_ fault: Fault) throws {
    let scratch = Scratch()
    try Self.place(fault.name, kind: fault.kind, in: scratch)
    let small = SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40)
    let model = try small.write()
    defer { try? FileManager.default.removeItem(at: model) }
    let isAllocator = fault.kind == "allocator"
    let pipeline = try scratch.write(
      """
      {"stages": [
        {"stage": "prune", "name": "first", "criterion": "adapt-pruner.magnitude",
         "allocator": "adapt-pruner.uniform", "target": 0.9, "iterations": 1},
        {"stage": "prune", "name": "second", "isolate": {"time_limit_seconds": \(fault.timeLimit)},
         "criterion": "\(isAllocator ? "adapt-pruner.magnitude" : "fixture.plugin")",
         "allocator": "\(isAllocator ? "fixture.plugin" : "adapt-pruner.uniform")", "target": 0.7,
         "iterations": 1},
        {"stage": "save"}]}
      """, to: "pipeline.json")
    let arguments = ["--quiet", "--plugin-path", scratch.path("plugins")]
    func run() throws -> Program.Answer {
      try Program.call(
        ["run", pipeline, "--model", model.path, "--output", scratch.path("run")] + arguments, in: scratch)
    }
    let answer = try run()
    #expect(answer.code == 1)
    #expect(answer.error.contains(fault.run ?? ""), "\(answer.error)")

    try Self.place(isAllocator ? "right_allocator" : "good", kind: fault.kind, in: scratch)
    let record = scratch.url.appendingPathComponent("run/run.json")
    guard FileManager.default.fileExists(atPath: record.path) else {
      // It was wrong before anything had begun: nothing is there that could be resumed.
      #expect(try run().code == 0)
      return
    }
    #expect(try Support.json(record)["state"] == "failed")
    let locked = try Program.call(["resume", scratch.path("run"), "--locked"] + arguments, in: scratch)
    #expect(locked.code == 1)
    #expect(locked.error.contains("the plugin fixture.plugin is not the one in"), "\(locked.error)")
    let resumed = try Program.call(["resume", scratch.path("run")] + arguments, in: scratch)
    #expect(resumed.code == 0, "\(resumed.error)")
    #expect(try Support.json(record)["state"] == "finished")
    let events = try String(contentsOfFile: scratch.path("run/events.jsonl"), encoding: .utf8)
    #expect(events.contains("\"plugin_replaced\""))
    // The first stage was not done again.
    #expect(
      events.split(separator: "\n").count { $0.contains("\"stage_started\"") && $0.contains("\"first\"") }
        == 1)
  }

  @Test(
    "In this process, too, whoever ends it is named, and the run goes on with the mended plugin",
    arguments: [("exits", "score ended this process with exit."), ("segfaults", "score crashed (SIGSEGV).")])
  func isNamed(_ fixture: String, _ words: String) throws {
    let scratch = Scratch()
    try Self.place(fixture, kind: "criterion", in: scratch)
    let model = try SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40).write()
    defer { try? FileManager.default.removeItem(at: model) }
    let pipeline = try scratch.write(
      """
      {"stages": [{"stage": "prune", "criterion": "fixture.plugin", "allocator": "adapt-pruner.uniform",
                   "target": 0.7, "iterations": 1}, {"stage": "save"}]}
      """, to: "pipeline.json")
    let arguments = ["--quiet", "--plugin-path", scratch.path("plugins")]
    let answer = try Program.call(
      ["run", pipeline, "--model", model.path, "--output", scratch.path("run")] + arguments, in: scratch)
    #expect(answer.code != 0)
    #expect(answer.error.contains("adapt-pruner: fixture.plugin: \(words) With --isolate"), "\(answer.error)")
    try Self.place("good", kind: "criterion", in: scratch)
    let resumed = try Program.call(["resume", scratch.path("run")] + arguments, in: scratch)
    #expect(resumed.code == 0, "\(resumed.error)")
  }

  /// Compiles a fixture into the scratch folder's `plugins`.
  static func place(_ name: String, kind: String, in scratch: Scratch) throws {
    let source = Support.package.appendingPathComponent("Tests/Fixtures/plugins/\(name)").path
    let isC = FileManager.default.fileExists(atPath: source + ".c")
    try scratch.write(
      """
      {"library": "libfixture.so", "abi": {"major": 1, "minor": 0}, "plugins": [
        {"id": "fixture.plugin", "kind": "\(kind)", "version": "1.0.0", "summary": "A fixture."}]}
      """, to: "plugins/plugin.json")
    // A new file, since the old one may be in somebody's memory.
    try? FileManager.default.removeItem(atPath: scratch.path("plugins/libfixture.so"))
    try Compiler.compile(
      source + (isC ? ".c" : ".cpp"), to: scratch.path("plugins/libfixture.so"),
      include: Support.package.appendingPathComponent("Sources/PluginABI/include").path,
      compiler: isC ? "cc" : "c++")
  }
}

/// All that ships passes the hardest checks.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct ShippedPluginCheckTests {
  static let folders =
    (try? FileManager.default.contentsOfDirectory(
      atPath: Support.package.appendingPathComponent("Plugins").path))?
    .filter {
      FileManager.default.fileExists(
        atPath: Support.package.appendingPathComponent("Plugins/\($0)/plugin.json").path)
    }.sorted() ?? []

  @Test func thereArePluginsToCheck() { #expect(!Self.folders.isEmpty) }

  @Test(arguments: folders) func passes(folder: String) throws {
    let scratch = Scratch()
    let answer = try Program.call(
      [
        "plugin", "check", Support.binaries.appendingPathComponent("plugins/\(folder)").path, "--strictness",
        "10",
        "--json",
      ], in: scratch)
    let plugins = try #require(try JSONValue(parsing: answer.output)["plugins"]?.arrayValue)
    #expect(!plugins.isEmpty)
    for plugin in plugins {
      let failed = (plugin["checks"]?.arrayValue ?? []).filter { $0["state"] == "failed" }
      #expect(failed.isEmpty, "\(failed.map(\.compact))")
    }
    #expect(answer.code == 0)
  }
}
