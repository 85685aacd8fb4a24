import Foundation
import PluginRuntime
import Testing

@Suite("Version 1.0 of the ABI is frozen")
struct FrozenABITests {
  static let pins = packageRoot + "/Tests/Fixtures/abi/version_1_0.c"

  /// The pins are static assertions: the C compiler is the judge.
  @Test func everyFieldIsWhereItWas() throws { try compilePins(with: "cc") }

  @Test(.enabled(if: isThere("clang"), "Skipped: clang is not on this machine"))
  func everyFieldIsWhereItWasForClangToo() throws { try compilePins(with: "clang") }

  private func compilePins(with compiler: String) throws {
    try CompiledPlugin.run(
      [
        "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
        "-I" + CompiledPlugin.header,
        Self.pins,
      ], compiler: compiler)
  }

  /// Fields lie without a gap of their own size between them, up to the struct's: none has been forgotten.
  @Test func everyFieldIsPinned() throws {
    var ends: [String: Int] = [:]
    var sizes: [String: Int] = [:]
    let text = try String(contentsOfFile: Self.pins, encoding: .utf8)
    for match in text.matches(of: #/FIELD\((\w+), ([\w.]+), (\d+), (\d+), /#) {
      let (offset, size) = (try #require(Int(match.3)), try #require(Int(match.4)))
      let end = ends[String(match.1)] ?? 0
      // What lies between is what the next field's alignment asks for, and no more.
      let alignment = min(size, 8)
      #expect(offset == (end + alignment - 1) / alignment * alignment, "\(match.1).\(match.2)")
      ends[String(match.1)] = offset + size
    }
    for match in text.matches(of: #/SIZE\((\w+), (\d+)\)/#) { sizes[String(match.1)] = Int(match.2) }
    #expect(!sizes.isEmpty && sizes.keys.sorted() == ends.keys.sorted())
    for (name, end) in ends { #expect(sizes[name] == (end + 7) / 8 * 8, "\(name)") }

    let header = try String(contentsOfFile: CompiledPlugin.header + "/adapt_pruner_plugin.h", encoding: .utf8)
    let structs = Set(header.matches(of: #/struct (ap_\w+) \{/#).map { String($0.1) })
    #expect(structs == Set(sizes.keys))
    let constants = Set(text.matches(of: #/CONSTANT\((AP_\w+), /#).map { String($0.1) } + ["AP_ABI_MINOR"])
    #expect(Set(header.matches(of: #/(AP_[A-Z_]+) = \d/#).map { String($0.1) }) == constants)
  }

  @Test func everyStatisticIsToldInTheHeaderAndInTheGuide() throws {
    let header = try String(contentsOfFile: CompiledPlugin.header + "/adapt_pruner_plugin.h", encoding: .utf8)
    let guide = try String(contentsOfFile: packageRoot + "/docs/plugins.md", encoding: .utf8)
    let statistics = StatisticRegistry.host.entries
    #expect(statistics.count > 15)
    for statistic in statistics {
      #expect(header.contains("\"\(statistic)\""))
      #expect(guide.contains("`\(statistic)`"))
    }
  }

  private static func isThere(_ compiler: String) -> Bool {
    (try? CompiledPlugin.run(["--version"], compiler: compiler)) != nil
  }
}
