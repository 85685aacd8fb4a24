import Foundation
import JSON
import PluginABI
import PluginTemplates
import Testing

/// What a generated folder says, before anything is compiled.
struct TemplateTests {
  private static let header = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/PluginABI/include/adapt_pruner_plugin.h")

  private func template(
    _ kind: PluginTemplate.Kind, _ language: PluginTemplate.Language, id: String = "acme.mean-weight"
  ) throws -> PluginTemplate {
    try PluginTemplate(id: id, kind: kind, language: language)
  }

  private func text(
    _ name: String, _ kind: PluginTemplate.Kind, _ language: PluginTemplate.Language
  ) throws -> String {
    try #require(try template(kind, language).files.first { $0.path == name }?.text)
  }

  @Test(arguments: PluginTemplate.Kind.allCases, PluginTemplate.Language.allCases)
  func noPlaceholderIsLeft(kind: PluginTemplate.Kind, language: PluginTemplate.Language) throws {
    let files = try template(kind, language).files
    #expect(!files.isEmpty)
    for file in files {
      for text in [file.path, file.text] {
        let left = text.matches(of: /__[A-Z_]+?__/).map { String($0.output) }
        #expect(Set(left).isSubset(of: ["__FILE__", "__LINE__"]), "\(file.path): \(left)")
      }
    }
  }

  @Test(arguments: PluginTemplate.Kind.allCases, PluginTemplate.Language.allCases)
  func everyFolderDescribesItselfAndHasTheContract(
    kind: PluginTemplate.Kind, language: PluginTemplate.Language
  ) throws {
    let files = try template(kind, language).files
    #expect(Set(files.map(\.path)).count == files.count)
    let header = try #require(files.first { $0.path.hasSuffix("adapt_pruner_plugin.h") })
    #expect(try header.text == String(contentsOf: Self.header, encoding: .utf8))

    let description = try JSONValue(parsing: text("plugin.json", kind, language))
    #expect(description["abi"] == ["major": .integer(AP_ABI_MAJOR), "minor": .integer(AP_ABI_MINOR)])
    let plugin = try #require(description["plugins"]?.arrayValue?.first)
    #expect(plugin["id"] == "acme.mean-weight" && plugin["kind"] == .string(kind.rawValue))
    #expect(try JSONValue(parsing: text("pipeline.json", kind, language))["stages"] != nil)

    let readme = try text("README.md", kind, language)
    #expect((10...30).contains(readme.split(separator: "\n", omittingEmptySubsequences: false).count - 1))
    let named = readme.matches(of: /\| `([^`]+)` \|/).map { String($0.output.1) }
    for name in named {
      #expect(files.contains { $0.path == name || $0.path.hasPrefix(name + "/") }, "\(name)")
    }
    #expect(named.count > 3)
  }

  @Test func aCriterionInCFitsOnAScreen() throws {
    let text = try text("acme_mean_weight.c", .criterion, .c)
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count - 1 <= 60)
  }

  @Test(arguments: [
    ("acme.mean-weight", "acme_mean_weight"), ("2nd.3d", "_2nd_3d"), ("a.-x", "a_x"), ("a.-", "a_"),
    ("-.-", "plugin_"), ("static.cast", "static_cast"), ("a--b.c", "a_b_c"),
  ])
  func everyIDIsAnIdentifier(id: String, identifier: String) throws {
    let files = try template(.criterion, .c, id: id).files
    #expect(files.contains { $0.path == identifier + ".c" }, "\(files.map(\.path))")
  }

  @Test(arguments: ["", "name", "a.b.c", ".b", "a.", "Acme.x", "a.b_c", "a.b/../c", "a.ü", "a.b\n"])
  func whatIsNoIDIsRefused(id: String) throws {
    let error = #expect(throws: PluginTemplateError.self) { try template(.criterion, .c, id: id) }
    #expect(
      error?.description
        == "\"\(id)\" is no plugin's id; expected \"publisher.name\" in lower-case letters, digits and '-' with one '.' between"
    )
  }

  /// Rust's declarations are written by hand: a struct that grows in the header has to grow there.
  @Test func theDeclarationsInRustAreThoseOfTheHeader() throws {
    let text = try text("src/abi.rs", .criterion, .rust)
    let sizes = [
      "Tensor": MemoryLayout<ap_tensor>.size, "Corpus": MemoryLayout<ap_corpus>.size,
      "Host": MemoryLayout<ap_host>.size, "Model": MemoryLayout<ap_model>.size,
      "Matrix": MemoryLayout<ap_matrix>.size, "Units": MemoryLayout<ap_units>.size,
      "Criterion": MemoryLayout<ap_criterion>.size, "Descriptor": MemoryLayout<ap_descriptor>.size,
      "Library": MemoryLayout<ap_library>.size, "Family": MemoryLayout<ap_family>.size,
      "Layer": MemoryLayout<ap_layer>.size, "Budget": MemoryLayout<ap_budget>.size,
      "Allocation": MemoryLayout<ap_allocation>.size, "Share": MemoryLayout<ap_share>.size,
      "Allocator": MemoryLayout<ap_allocator>.size, "Metrics": MemoryLayout<ap_metrics>.size,
      "Evaluator": MemoryLayout<ap_evaluator>.size, "Projection": MemoryLayout<ap_projection>.size,
      "Compensator": MemoryLayout<ap_compensator>.size,
    ]
    // cargo checks that the declarations have the sizes that stand there.
    let stated = text.matches(of: /size_of::<(\w+)>\(\) == (\d+)/).map {
      (String($0.output.1), Int($0.output.2))
    }
    #expect(Dictionary(uniqueKeysWithValues: stated) == sizes)
    let declared = text.matches(of: /pub struct (\w+)/).map { String($0.output.1) }
    #expect(Set(declared) == Set(sizes.keys).union(["Device", "DataType"]))
    #expect(text.contains("ABI_MAJOR: u16 = \(AP_ABI_MAJOR);"))
    #expect(text.contains("ABI_MINOR: u16 = \(AP_ABI_MINOR);"))
  }
}
