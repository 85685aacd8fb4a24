import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Whatever call of the system fails, and whenever the process is killed, the folder goes on to the bytes of an
/// undisturbed run.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct FaultTests {
  private let scratch: Scratch
  private let bench: ResumeTests.Bench
  private let library: String
  private let expected: [String: Data]

  init() throws {
    bench = try ResumeTests.Bench(rounds: 1, steps: 4)
    scratch = bench.scratch
    library = scratch.path("faults.so")
    try Compiler.compile(
      Support.package.appendingPathComponent("Tests/Fixtures/faults/faults.c").path, to: library, include: "/"
    )
    let whole = try bench.start("undisturbed").wait()
    try #require(whole.code == 0, "\(whole.error)")
    expected = try bench.result("undisturbed")
  }

  /// A call that fails; `Tests/Fixtures/faults/faults.c` says how.
  private struct Fault {
    let call: String
    let number: Int
    let code: String
    var stays = false

    func shell(_ library: String, below root: String, count: String) -> String {
      "export FAULT_CALL=\(call) FAULT_AT=\(number) FAULT_CODE=\(code) FAULT_ROOT='\(root)' FAULT_COUNT='\(count)' "
        + "LD_PRELOAD='\(library)'" + (stays ? " FAULT_STAYS=1" : "")
    }
  }

  /// - Returns: the answer, and how many calls of the kind there were; nil if the process was killed.
  private func run(_ output: String, _ fault: Fault) throws -> (answer: Program.Answer, calls: Int?) {
    let count = scratch.path("count")
    try? FileManager.default.removeItem(atPath: count)
    let shell = fault.shell(library, below: scratch.path(output), count: count)
    let answer = try bench.start(output, shell: shell).wait()
    return (answer, (try? String(contentsOfFile: count, encoding: .utf8)).flatMap { Int($0) })
  }

  /// Ends what was stopped: by `resume`, or by the same command where nothing had been recorded.
  private func finish(_ output: String, _ what: String) throws {
    let canResume = scratch.exists(output + "/state/state.json")
    let last = try canResume ? bench.resume(output).wait() : bench.start(output).wait()
    try #require(last.code == 0, "\(what), then \(canResume ? "resume" : "run"): \(last.error)")
    try requireSound(output, what)
  }

  private func requireSound(_ output: String, _ what: String) throws {
    let found = try bench.result(output)
    try #require(found.keys.sorted() == expected.keys.sorted(), "\(what)")
    for (name, bytes) in expected { try #require(found[name] == bytes, "\(what): \(name) differs") }
    for line in try String(contentsOfFile: scratch.path(output + "/events.jsonl"), encoding: .utf8).split(
      separator: "\n")
    {
      try #require(line.hasPrefix("{") && line.hasSuffix("}"), "\(what): half an event: \(line)")
    }
  }

  private func require(_ fault: Fault, _ output: String) throws -> Bool {
    let what = "\(fault.call) \(fault.number) failed with \(fault.code)"
    let (answer, calls) = try run(output, fault)
    defer { try? FileManager.default.removeItem(atPath: scratch.path(output)) }
    if answer.code == 0 {
      // It met what nobody needs: a page, a checkpoint that no longer counts.
      try requireSound(output, what)
    } else {
      try #require(answer.code == 1, "\(what): \(answer)")
      let lines = answer.error.split(separator: "\n")
      try #require(lines.count == 1 && lines[0].hasPrefix("adapt-pruner: "), "\(what): \(answer.error)")
      if let code = Int32(fault.code) {
        try #require(answer.error.contains(String(cString: strerror(code))), "\(what): \(answer.error)")
      }
      try finish(output, what)
    }
    return (calls ?? 0) >= fault.number
  }

  @Test(arguments: ["write", "fsync", "rename", "unlink", "mkdir", "truncate", "close"])
  func aCallThatFailsIsASentenceAndTheRunGoesOnToTheSameBytes(_ call: String) throws {
    defer { bench.remove() }
    var met = 0
    // Most closes are of files that were only read.
    for number in stride(from: 1, through: 60, by: call == "close" ? 3 : 1) {
      let code = number.isMultiple(of: 2) ? ENOSPC : EIO
      guard try require(Fault(call: call, number: number, code: "\(code)"), "failed-\(number)") else { break }
      met += 1
    }
    // Of the commonest there are more: the last ones fall into saving.
    if call == "write" {
      #expect(met == 60)
      for number in stride(from: 63, through: 400, by: 9) {
        guard try require(Fault(call: call, number: number, code: "\(EIO)"), "failed-\(number)") else {
          break
        }
      }
    } else {
      #expect(met > 0)
    }
  }

  /// The run is killed in the middle of a training, and a call fails while it is resumed.
  @Test(arguments: ["write", "fsync", "rename", "unlink"])
  func aCallThatFailsInResumingIsASentenceAndTheNextGoesOn(_ call: String) throws {
    defer { bench.remove() }
    let all = try #require(try run("counted", Fault(call: "any", number: 0, code: "kill")).calls)
    let (killed, _) = try run("killed", Fault(call: "any", number: all / 2, code: "kill"))
    try #require(killed.code == -SIGKILL && scratch.exists("killed/state/state.json"))
    var met = 0
    for number in stride(from: 1, through: 60, by: 4) {
      let output = "resumed-\(number)"
      try FileManager.default.copyItem(atPath: scratch.path("killed"), toPath: scratch.path(output))
      let fault = Fault(call: call, number: number, code: "\(EIO)")
      let shell = fault.shell(library, below: scratch.path(output), count: scratch.path("count"))
      let answer = try Program.call(
        ["resume", scratch.path(output), "--quiet"], in: scratch, shell: shell)
      let what = "resume, \(call) \(number)"
      if answer.code != 0 {
        try #require(answer.code == 1, "\(what): \(answer)")
        try #require(answer.error.split(separator: "\n").count == 1, "\(what): \(answer.error)")
        try finish(output, what)
      } else {
        try requireSound(output, what)
      }
      try FileManager.default.removeItem(atPath: scratch.path(output))
      let calls = try String(contentsOfFile: scratch.path("count"), encoding: .utf8)
      if let calls = Int(calls), calls < number { break }
      met += 1
    }
    #expect(met > 0)
  }

  @Test func aDiskThatStaysFullIsASentenceAndWithRoomTheRunGoesOn() throws {
    defer { bench.remove() }
    var met = 0
    for number in stride(from: 1, through: 121, by: 8) {
      let fault = Fault(call: "write", number: number, code: "\(ENOSPC)", stays: true)
      if try require(fault, "full-\(number)") { met += 1 }
    }
    // Of sixty writes and more.
    #expect(met >= 8)
  }

  @Test func aWriteThatTakesHalfIsGoneOnWith() throws {
    defer { bench.remove() }
    let (answer, _) = try run("short", Fault(call: "write", number: 1, code: "short", stays: true))
    #expect(answer.code == 0, "\(answer.error)")
    try requireSound("short", "short writes")
  }

  @Test func killedBeforeAnyOfFortyCallsItEndsWithTheSameBytes() throws {
    defer { bench.remove() }
    let (counted, calls) = try run("counted", Fault(call: "any", number: 0, code: "kill"))
    let all = try #require(calls, "\(counted)")
    try #require(counted.code == 0 && all > 100)
    for kill in 0..<40 {
      // The first ones one by one: before anything is recorded each leaves something else behind.
      let number = kill < 15 ? kill + 1 : 16 + (kill - 15) * (all - 16) / 24
      let output = "killed-\(number)"
      let (answer, _) = try run(output, Fault(call: "any", number: number, code: "kill"))
      try #require(answer.code == -SIGKILL, "call \(number): \(answer)")
      if scratch.exists(output + "/state/state.json") || !hasFinished(output) {
        try finish(output, "killed before call \(number)")
      } else {
        try requireSound(output, "killed before call \(number)")
      }
    }
  }

  private func hasFinished(_ output: String) -> Bool {
    let file = URL(fileURLWithPath: scratch.path(output + "/run.json"))
    return (try? Support.json(file))?["state"] == "finished"
  }
}
