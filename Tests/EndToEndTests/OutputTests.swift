import Foundation
import JSON
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Where output goes that is no file, or can't be taken.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct OutputTests {
  private let bench: ResumeTests.Bench
  private let scratch: Scratch

  init() throws {
    bench = try ResumeTests.Bench(rounds: 1, steps: 2)
    scratch = bench.scratch
  }

  private func evaluation() throws -> [String] {
    let ids = try scratch.writeIDs(4, length: 24, to: "few.json")
    return [
      "evaluate", bench.model, "--evaluator", "adapt-pruner.perplexity:data=\(ids),window=24", "--quiet",
    ]
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func whatDoesNotFitOnStdoutIsASentence() throws {
    defer { bench.remove() }
    let run = try bench.start("run").wait()
    #expect(run.code == 0, "\(run.error)")
    let folder = scratch.path("run")
    let commands = [
      ["inspect", bench.model], ["inspect", bench.model, "--json"], ["plugin"], ["plugin", "--json"],
      ["plugin", "describe", "adapt-pruner.taylor"], ["validate", bench.pipeline],
      ["validate", bench.pipeline, "--json"], ["report", folder], ["report", folder, "--format", "csv"],
      ["report", folder, "--output", "-"], ["--help"], ["run", "--help"], ["--version"],
      ["--generate-completion-script", "bash"], try evaluation(), try evaluation() + ["--json"],
    ]
    for command in commands {
      let well = try Program.call(command, in: scratch)
      try #require(well.code == 0 && !well.output.isEmpty, "\(command): \(well.error)")
      let answer = try Program.call(command, in: scratch, shell: "exec > /dev/full")
      #expect(answer.code == 1, "\(command)")
      #expect(
        answer.error == "adapt-pruner: can't write to stdout: No space left on device\n",
        "\(command): \(answer.error)")
    }
  }

  @Test func aReaderThatGoesAwayEndsNothing() throws {
    defer { bench.remove() }
    let gone = "exec > >(exit 0); sleep 0.2"
    for command in [["inspect", bench.model], ["--help"], try evaluation()] {
      let answer = try Program.call(command, in: scratch, shell: gone)
      #expect(answer.code == 0 && answer.error.isEmpty, "\(command): \(answer)")
    }
    // Both: as in `run … 2>&1 | head -1`.
    var arguments = bench.arguments("run")
    arguments.removeAll { $0 == "--quiet" }
    let answer = try Program.call(arguments, in: scratch, shell: "\(gone); exec 2>&1")
    #expect(answer.code == 0)
    #expect(try Support.json(URL(fileURLWithPath: scratch.path("run/run.json")))["state"] == "finished")
  }

  @Test func aStreamThatIsClosedIsNoFileOfTheRun() throws {
    defer { bench.remove() }
    let answer = try bench.start("run", shell: "exec >&-").wait()
    #expect(answer.code == 1)
    #expect(answer.error == "adapt-pruner: can't write to stdout: Bad file descriptor\n", "\(answer.error)")
    #expect(try Support.json(URL(fileURLWithPath: scratch.path("run/run.json")))["state"] == "finished")
    let quiet = try bench.start("other", shell: "exec 2>&- <&-").wait()
    #expect(quiet.code == 0)
    #expect(try bench.result("other") == bench.result("run"))
    for output in ["run", "other"] {
      let events = try String(contentsOfFile: scratch.path(output + "/events.jsonl"), encoding: .utf8)
      #expect(events.split(separator: "\n").allSatisfy { $0.hasPrefix("{") }, "\(events)")
    }
  }

  /// No trap of the shell keeps SIGXFSZ from it.
  @Test func aLimitOnFilesIsASentence() throws {
    defer { bench.remove() }
    let answer = try bench.start("run", shell: "ulimit -f 20").wait()
    #expect(answer.code == 1 && answer.error.contains("File too large"), "\(answer)")
    #expect(try bench.resume("run").wait().code == 0)
  }

  /// Of the run in `run`.
  private func report(
    _ output: String, shell: String = ":", format: String = "html"
  ) throws -> Program.Answer {
    try Program.call(
      ["report", scratch.path("run"), "--output", output, "--format", format], in: scratch, shell: shell)
  }

  private func kind(_ name: String) throws -> FileAttributeType? {
    try FileManager.default.attributesOfItem(atPath: scratch.path(name))[.type] as? FileAttributeType
  }

  @Test func aReportGoesWhereItsOutputLeads() throws {
    defer { bench.remove() }
    #expect(try bench.start("run").wait().code == 0)
    let page = try String(contentsOfFile: scratch.path("run/report.html"), encoding: .utf8)
    for output in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
      let answer = try report(output)
      #expect(answer.code == 0 && answer.output == page, "\(output): \(answer.error)")
      let csv = try report(output, format: "csv")
      #expect(csv.code == 0 && csv.output.hasPrefix("run,"), "\(output): \(csv)")
    }
    let nothing = try report("/dev/null")
    #expect(nothing.code == 0 && nothing.output.isEmpty && nothing.error.isEmpty, "\(nothing)")

    try scratch.write("old", to: "far/page.html")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("link.html"), withDestinationPath: "far/page.html")
    #expect(try report("link.html").output == "link.html\n")
    #expect(try kind("link.html") == .typeSymbolicLink)
    #expect(try String(contentsOfFile: scratch.path("far/page.html"), encoding: .utf8) == page)

    let piped = try report("fifo", shell: "mkfifo fifo; { cat fifo > piped & }")
    #expect(piped.code == 0 && piped.output.isEmpty, "\(piped)")
    let deadline = ContinuousClock.now + .seconds(60)
    while try String(contentsOfFile: scratch.path("piped"), encoding: .utf8) != page,
      ContinuousClock.now < deadline
    {
      usleep(1000)
    }
    #expect(try String(contentsOfFile: scratch.path("piped"), encoding: .utf8) == page)
    var status = stat()
    #expect(lstat(scratch.path("fifo"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
  }

  @Test(.enabled(if: geteuid() == 0, "Skipped: only root makes devices"))
  func aDeviceThatIsFullIsToldAndStays() throws {
    defer { bench.remove() }
    #expect(try bench.start("run").wait().code == 0)
    // Not the machine's own: a bug here would break that.
    try #require(mknod(scratch.path("full"), S_IFCHR | 0o666, 1 << 8 | 7) == 0)
    let full = try report("full")
    #expect(full.code == 1)
    #expect(full.error == "adapt-pruner: can't write full: No space left on device\n", "\(full.error)")
    #expect(try kind("full") == .typeCharacterSpecial)
  }
}
