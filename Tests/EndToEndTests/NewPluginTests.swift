import Checkpoints
import Foundation
import JSON
import PluginTemplates
import Testing

/// `adapt-pruner plugin new`: what it writes builds with its language's own tool, passes its own test, and is of use.
/// The ids are such as are no identifiers as they stand.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct NewPluginTests {
  typealias Kind = PluginTemplate.Kind

  @Test(
    .enabled(if: Tool.areThere("make", "cc"), "make or cc is not on this machine"), arguments: Kind.allCases)
  func inCItWorks(kind: Kind) throws {
    let plugin = try NewPlugin("acme.mean-\(kind)", kind, .c)
    try plugin.run("make", "CFLAGS=-O2 -Werror")
    try plugin.run("make", "test", "CFLAGS=-O2 -Werror")
    try plugin.judge()
  }

  @Test(
    .enabled(if: Tool.areThere("make", "cc", "c++"), "make, cc or c++ is not on this machine"),
    arguments: Kind.allCases)
  func inCPlusPlusItWorks(kind: Kind) throws {
    let plugin = try NewPlugin("2nd-hand.\(kind)", kind, .cpp)
    try plugin.run("make", "CXXFLAGS=-O2 -Werror")
    try plugin.run("make", "test", "CFLAGS=-O2 -Werror", "CXXFLAGS=-O2 -Werror")
    try plugin.judge()
  }

  @Test(.enabled(if: Tool.areThere("cargo"), "cargo is not on this machine"), arguments: Kind.allCases)
  func inRustItWorks(kind: Kind) throws {
    let plugin = try NewPlugin("dyn.\(kind)--0", kind, .rust)
    let strict = ["RUSTFLAGS": "-D warnings"]
    try plugin.run("cargo", "build", "--offline", "--quiet", environment: strict)
    try plugin.run("cargo", "test", "--offline", "--quiet", environment: strict)
    try plugin.judge()
  }

  @Test(.enabled(if: Tool.areThere("swift"), "swift is not on this machine"), arguments: Kind.allCases)
  func inSwiftItWorks(kind: Kind) throws {
    let plugin = try NewPlugin("3d.\(kind)", kind, .swift)
    let strict = ["-Xswiftc", "-warnings-as-errors"]
    try plugin.run(["swift", "build"] + strict)
    try plugin.run(["swift", "test"] + strict)
    try plugin.judge()
  }

  /// Whoever adds a statistic to the criterion finds it in the test too: the second column's norm of the first matrix is 2.
  @Test(.enabled(if: Tool.areThere("make", "cc"), "make or cc is not on this machine"))
  func itsTestInCHandsInStatistics() throws {
    let plugin = try NewPlugin("acme.normed", .criterion, .c)
    let source = plugin.scratch.path("plugin/acme_normed.c")
    let text = try String(contentsOfFile: source, encoding: .utf8)
    let asking = text.replacing("statistics[] = {NULL}", with: "statistics[] = {\"input_norm\", NULL}")
      .replacing(
        "  const int power =",
        with: """
            const ap_tensor *norm = &units->matrices[0]->statistics[0];
            if (norm->shape[1] != 2 || ((const float *)norm->data)[1] != 2) return AP_FAILED;
            const int power =
          """)
    #expect(asking != text)
    try asking.write(toFile: source, atomically: true, encoding: .utf8)
    try plugin.run("make", "test", "CFLAGS=-O2 -Werror")
  }

  @Test func itSaysWhatToTypeNext() throws {
    let scratch = Scratch()
    let answer = try Program.call(
      ["plugin", "new", "acme.-it", "--kind", "evaluator", "--language", "cpp"], in: scratch)
    #expect(answer.code == 0 && answer.error == "")
    #expect(
      answer.output == """
        -it holds acme.-it, an evaluator in C++. What to type next:

          cd ./-it
          make
          make test
          adapt-pruner plugin check .
          adapt-pruner run pipeline.json --plugin-path . --model MODEL --output run --set inputs.evaluation=FILE

        README.md there explains the files.

        """)
    #expect(scratch.exists("-it/plugin.json"))
  }

  @Test func whatIsThereIsNeverTouched() throws {
    let scratch = Scratch()
    try scratch.write("mine", to: "full/README.md")
    try scratch.write("mine", to: "file")
    try FileManager.default.createDirectory(atPath: scratch.path("empty"), withIntermediateDirectories: true)
    let before = try scratch.files(below: ".")
    func new(_ output: String) throws -> Program.Answer {
      try Program.call(
        ["plugin", "new", "acme.x", "--kind", "criterion", "--language", "c", "--output", output], in: scratch
      )
    }
    for (output, reason) in [
      ("full", "is there already and no empty folder; nothing was written. Name another one with --output"),
      ("file", "is there already and no empty folder; nothing was written. Name another one with --output"),
      (".", "is the folder you are in, and cannot be replaced; name a new one with --output"),
    ] {
      let answer = try new(output)
      let path = output == "." ? scratch.url.path : scratch.path(output)
      #expect(answer.code == 1 && answer.output == "")
      #expect(answer.error == "adapt-pruner: \(path) \(reason)\n")
    }
    let nowhere = try new("no/where")
    #expect(
      nowhere.error == "adapt-pruner: can't create \(scratch.path("no/where")): No such file or directory\n")
    // The program's own output apart.
    let after = try scratch.files(below: ".").filter { !$0.key.contains(".std") }
    #expect(after == before)
    #expect(try new("empty/").code == 0)
    #expect(scratch.exists("empty/plugin.json"))
  }

  @Test(arguments: [
    (
      ["Acme.x", "--kind", "criterion", "--language", "c"],
      "\"Acme.x\" is no plugin's id; expected \"publisher.name\""
    ),
    (
      ["acme.x", "--kind", "transform", "--language", "c"],
      "'transform' is invalid for '--kind <kind>'. Please provide one of 'criterion', 'allocator', 'compensator' or 'evaluator'"
    ),
    (
      ["acme.x", "--kind", "criterion", "--language", "go"],
      "'go' is invalid for '--language <language>'. Please provide one of 'c', 'cpp', 'swift' or 'rust'"
    ),
    (["acme.x", "--language", "c"], "missing expected argument '--kind <kind>'"),
    (["acme.x", "--kind", "criterion", "--language", "c", "--output", ""], "--output is empty"),
  ])
  func aWrongCallGetsASentence(arguments: [String], sentence: String) throws {
    let scratch = Scratch()
    let answer = try Program.call(["plugin", "new"] + arguments, in: scratch)
    #expect(answer.code == 2 && answer.output == "")
    #expect(answer.error.contains(sentence), "\(answer.error)")
    #expect(!scratch.exists("x"))
  }
}

/// Programs that a stranger builds with.
enum Tool {
  static func areThere(_ names: String...) -> Bool {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return names.allSatisfy { name in
      folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
    }
  }
}
