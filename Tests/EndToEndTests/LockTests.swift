import Foundation
import JSON
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Of two commands on one folder one works, and the other says who does.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct LockTests {
  private let bench: ResumeTests.Bench
  private let scratch: Scratch

  init() throws {
    bench = try ResumeTests.Bench(rounds: 1, steps: 6)
    scratch = bench.scratch
  }

  enum Command: String, CaseIterable, Sendable {
    case run, resume, compare, compareAnother
    /// `resume` of a run that is a comparison's.
    case resumeInner

    var isOnComparison: Bool { self == .compare || self == .resumeInner }
    var word: String { rawValue.hasPrefix("resume") ? "resume" : rawValue == "run" ? "run" : "compare" }
  }

  private func arguments(_ command: Command, _ output: String) -> [String] {
    switch command {
    case .run: bench.arguments(output)
    case .resume: ["resume", scratch.path(output), "--quiet"]
    case .resumeInner: ["resume", scratch.path(output + "/runs/interleaved"), "--quiet"]
    case .compare, .compareAnother:
      [
        "compare", bench.pipeline, "--model", bench.model, "--output", scratch.path(output), "--threads", "2",
        "--sample-tokens", "0", "--quiet",
      ]
    }
  }

  private func start(_ command: Command, _ output: String) throws -> Program.Running {
    try Program.start(arguments(command, output), in: scratch)
  }

  /// Starts a command, and stops it (it goes on later) as soon as a file is there.
  private func stopped(
    _ command: Command, _ output: String, at file: String, having words: String = ""
  ) throws -> Program.Running {
    let running = try start(command, output)
    let path = scratch.path(output + "/" + file)
    while running.process.isRunning {
      if let text = try? String(contentsOfFile: path, encoding: .utf8), text.contains(words) { break }
      usleep(200)
    }
    try #require(running.process.isRunning, "it ended before it could be stopped")
    kill(running.process.processIdentifier, SIGSTOP)
    return running
  }

  /// The commands, and where the first is when the second comes.
  @Test(
    arguments: [
      (Command.run, Command.run), (.run, .resume), (.run, .compare), (.resume, .run), (.resume, .resume),
      (.resume, .compare), (.compare, .compare), (.compare, .run), (.compare, .resumeInner),
      (.resumeInner, .resumeInner),
    ])
  func whileOneWorksTheOtherSaysWho(_ first: Command, _ second: Command) throws {
    defer { bench.remove() }
    let inner = first.isOnComparison ? "runs/interleaved/" : ""
    if first.word == "resume" {
      let killed = try stopped(
        first == .resume ? .run : .compare, "out", at: inner + "events.jsonl", having: "\"checkpoint\"")
      kill(killed.process.processIdentifier, SIGKILL)
      _ = try killed.wait()
    }
    let running = try stopped(
      first, "out", at: inner + "events.jsonl",
      having: first.word == "resume" ? "run_resumed" : "run_started")
    let report = try Program.call(["report", scratch.path("out/" + inner), "--format", "json"], in: scratch)
    #expect(report.code == 0, "a report may be made meanwhile: \(report.error)")
    let refused = try start(second, "out").wait()
    #expect(refused.code == 1)
    #expect(
      refused.error.contains(
        "is in use by adapt-pruner \(second == .resumeInner && first == .compare ? "run" : first.word) "
          + "(process \(running.process.processIdentifier) on "), "\(refused.error)")
    #expect(refused.error.split(separator: "\n").count == 1, "\(refused.error)")
    kill(running.process.processIdentifier, SIGCONT)
    let answer = try running.wait()
    #expect(answer.code == 0, "\(answer.error)")
    try requireSound("out/" + inner)
    #expect(!scratch.exists("out/\(inner).lock"))
  }

  @Test(arguments: [Command.run, .resume, .compare, .compareAnother, .resumeInner], [0, 1])
  func ofTwoThatBeginAtOnceOneWorks(_ command: Command, _ time: Int) throws {
    defer { bench.remove() }
    let inner = command == .run || command == .resume ? "" : "runs/interleaved/"
    if command == .resume || command == .resumeInner || command == .compareAnother {
      let killed = try stopped(
        command == .resume ? .run : .compare, "out", at: inner + "events.jsonl", having: "\"checkpoint\"")
      kill(killed.process.processIdentifier, SIGKILL)
      _ = try killed.wait()
    }
    let both = try [start(command, "out"), start(command, "out")]
    let answers = try both.map { try $0.wait() }
    #expect(answers.contains { $0.code == 0 }, "\(answers)")
    for answer in answers where answer.code != 0 {
      // On a machine that is busy the second may come when all is done.
      let words = ["is in use by adapt-pruner \(command.word) (process ", "is not empty", "has finished"]
      #expect(answer.code == 1 && words.contains { answer.error.contains($0) }, "\(answer.error)")
    }
    try requireSound("out/" + inner)
  }

  /// The folder holds what a run has that nobody disturbed.
  private func requireSound(_ output: String) throws {
    #expect(try bench.start("undisturbed").wait().code == 0)
    // A comparison writes the manifest as it stands after its own changes.
    let (found, expected) = (try bench.result(output), try bench.result("undisturbed"))
    #expect(found.keys.sorted() == expected.keys.sorted())
    for (name, bytes) in expected where name != "manifest.json" { #expect(found[name] == bytes, "\(name)") }
    #expect(!scratch.exists(output + "/state"))
  }

  @Test func whatARunLeftThatWasKilledAtItsStartIsClearedAndNothingElseIs() throws {
    defer { bench.remove() }
    let lock = "adapt-pruner run (process 1 on here, since then)\n"
    for names in [["manifest.json"], ["manifest.json", "events.jsonl", ".run.json.1-2.partial"], [".lock"]] {
      for name in names { try scratch.write("half", to: "half/\(name)") }
      try scratch.write(lock, to: "half/.lock")
      let resumed = try start(.resume, "half").wait()
      #expect(
        resumed.code == 1 && resumed.error.contains("was stopped before anything was recorded"),
        "\(resumed.error)")
      let answer = try start(.run, "half").wait()
      #expect(answer.code == 0, "\(names): \(answer.error)")
      try requireSound("half")
      try FileManager.default.removeItem(atPath: scratch.path("half"))
      try FileManager.default.removeItem(atPath: scratch.path("undisturbed"))
    }
    // A file of the user's own, or nothing that says whose it is: it stays.
    for (name, lock) in [("mine.txt", lock), ("manifest.json", ""), (".lock", "")] {
      try scratch.write("mine", to: "mine/\(name)")
      if !lock.isEmpty { try scratch.write(lock, to: "mine/.lock") }
      for command in [Command.run, .compare] {
        let answer = try start(command, "mine").wait()
        #expect(answer.code == 1 && answer.error.contains("is not empty"), "\(answer.error)")
      }
      #expect(try String(contentsOfFile: scratch.path("mine/\(name)"), encoding: .utf8) == "mine")
      try FileManager.default.removeItem(atPath: scratch.path("mine"))
    }
  }

  @Test func aRunThatCanBeResumedIsNotClearedButNamed() throws {
    defer { bench.remove() }
    let killed = try stopped(.run, "out", at: "events.jsonl", having: "\"checkpoint\"")
    kill(killed.process.processIdentifier, SIGKILL)
    _ = try killed.wait()
    let before = try scratch.files(below: "out")
    for command in [Command.run, .compare] {
      let answer = try start(command, "out").wait()
      #expect(answer.code == 1, "\(answer.error)")
      #expect(answer.error.contains("go on with it by adapt-pruner resume "), "\(answer.error)")
    }
    #expect(try scratch.files(below: "out") == before)
    #expect(try start(.resume, "out").wait().code == 0)
    try requireSound("out")
  }
}
