import Foundation
import PluginRuntime
import Testing

/// `docs/plugins.md` lists the host's statistics as the registry has them.
@Suite struct StatisticTableTests {
  @Test func theGuidesTableIsTheRegistrys() throws {
    let guide = try String(contentsOfFile: packageRoot + "/docs/plugins.md", encoding: .utf8)
    let start = try #require(guide.range(of: "<!-- statistics: "))
    let end = try #require(guide.range(of: "<!-- end of statistics -->"))
    let found = guide[start.lowerBound..<end.lowerBound].split(separator: "\n").dropFirst()
    let expected = Self.table
    #expect(
      found.map(String.init) == expected, "put this between the marks:\n\(expected.joined(separator: "\n"))")
  }

  /// Names of plain functions are told in the guide too.
  @Test func theGuideHasEveryNameOfPlainFunctions() throws {
    let guide = try String(contentsOfFile: packageRoot + "/docs/plugins.md", encoding: .utf8)
    let names = StatisticRegistry.host.entries.compactMap(\.foreignName)
    #expect(names.count == 10)
    for name in names { #expect(guide.contains("`\(name)`"), "\(name)") }
  }

  private static var table: [String] {
    let head = ["| name | for | of each | shape | pass | |", "|---|---|---|---|---|---|"]
    return head
      + StatisticRegistry.host.entries.map { entry in
        let kinds = entry.kinds.map(\.rawValue).joined(separator: ", ")
        return "| `\(entry.name)` | \(kinds) | \(words(entry.carrier)) | \(entry.shape.rawValue) "
          + "| \(entry.pass.rawValue) | \(entry.documentation) |"
      }
  }

  private static func words(_ carrier: Statistic.Carrier) -> String {
    switch carrier {
    case .matrix: "matrix"
    case .outputMatrix: "`o_proj`, `down_proj`"
    case .wholeUnit: "whole sublayer or layer"
    case .layer: "layer"
    case .place: "place"
    }
  }
}
