import Foundation
import PluginRuntime
import Testing

@Suite("Finding plugins")
struct RegistryTests {
  static func manifest(_ id: String, library: String = "libx.so") -> String {
    """
    {"library": "\(library)", "abi": {"major": 1, "minor": 0},
     "plugins": [{"id": "\(id)", "kind": "criterion", "version": "1.0.0", "summary": "x"}]}
    """
  }

  static func folder(_ files: [String: String]) throws -> String {
    let folder = try CompiledPlugin.temporaryFolder()
    for (path, text) in files {
      let url = URL(fileURLWithPath: folder + "/" + path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    return folder
  }

  @Test func findsPluginJSONDirectlyAndOneFolderDown() throws {
    let path = try Self.folder([
      "plugin.json": Self.manifest("a.one"), "sub/plugin.json": Self.manifest("a.two"),
    ])
    let registry = PluginRegistry(searching: [path])
    #expect(registry.plugins.map(\.id) == ["a.one", "a.two"])
    #expect(try registry.find("a.two").library == path + "/sub/libx.so")
  }

  @Test func theFirstOfAnIdWinsAndTheOthersAreReported() throws {
    let first = try Self.folder(["x/plugin.json": Self.manifest("a.one")])
    let second = try Self.folder(["x/plugin.json": Self.manifest("a.one")])
    let registry = PluginRegistry(searching: [first, second])
    #expect(registry.plugins.map(\.manifest) == [first + "/x/plugin.json"])
    #expect(registry.shadowed.map(\.manifest) == [second + "/x/plugin.json"])
  }

  @Test func anUnknownIdListsEveryPlaceAndTheNearestId() throws {
    let path = try Self.folder(["x/plugin.json": Self.manifest("adapt-pruner.magnitude")])
    let words = sentence {
      _ = try PluginRegistry(searching: ["/nowhere", path]).find("adapt-pruner.magnitud", kind: .criterion)
    }
    #expect(
      words == """
        There is no criterion "adapt-pruner.magnitud". Did you mean "adapt-pruner.magnitude"? Looked in:
          /nowhere: no such folder
          \(path): adapt-pruner.magnitude
        """)
  }

  @Test func whatEveryUserCanChangeIsRefused() throws {
    func open(_ path: String) throws {
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
    }
    let path = try Self.folder([
      "a/plugin.json": Self.manifest("a.one"), "b/plugin.json": Self.manifest("a.two"),
    ])
    try open(path + "/a")
    let registry = PluginRegistry(searching: [path])
    #expect(registry.plugins.map(\.id) == ["a.two"])
    let reason =
      "\(path)/a can be changed by every user of this machine, and so could what this program loads from it;"
    #expect(registry.problems.map(\.description).first?.hasPrefix(reason) == true)

    try "".write(toFile: path + "/b/libx.so", atomically: true, encoding: .utf8)
    try open(path + "/b/libx.so")
    #expect(PluginRegistry(searching: [path]).plugins.isEmpty)

    try open(path)
    let words = sentence { _ = try PluginRegistry(searching: [path]).find("a.two") }
    #expect(words.contains("\(path): refused, since every user can change it"), "\(words)")
  }

  /// Whoever can rename a folder on the way, or put something else where a link leads, decides what is loaded.
  @Test func whatEveryUserCanChangeOnTheWayThereIsRefusedToo() throws {
    let files = FileManager.default
    func open(_ path: String, sticky: Bool = false) throws {
      try #require(chmod(path, sticky ? 0o1777 : 0o777) == 0)
    }
    let path = try Self.folder([
      "way/x/plugin.json": Self.manifest("a.one"), "links/plugin.json": Self.manifest("a.two"),
      "open/libx.so": "",
    ])
    func problem(_ folder: String) -> String {
      PluginRegistry(searching: [folder]).problems.map(\.description).joined()
    }
    #expect(problem(path + "/way") == "" && problem(path + "/links") == "")
    // A folder above; one in which each may take away only what is its own does not matter.
    try open(path + "/way", sticky: true)
    #expect(problem(path + "/way/x") == "")
    try open(path + "/way")
    #expect(problem(path + "/way/x").hasPrefix("\(path)/way can be changed by every user"))
    // A link's target.
    try files.createSymbolicLink(
      atPath: path + "/links/libx.so", withDestinationPath: "../open/libx.so")
    #expect(problem(path + "/links") == "")
    try open(path + "/open")
    #expect(problem(path + "/links").hasPrefix("\(path)/open can be changed by every user"))
  }

  @Test func anIdStandsOnceInAFile() throws {
    let plugin = #"{"id": "a.b", "kind": "criterion", "version": "1.0.0", "summary": "x"}"#
    let path = try Self.folder([
      "plugin.json":
        #"{"library": "libx.so", "abi": {"major": 1, "minor": 0}, "plugins": [\#(plugin), \#(plugin)]}"#
    ])
    #expect(
      PluginRegistry(searching: [path]).problems.map(\.description) == [
        "\(path)/plugin.json: plugins[1].id is \"a.b\", as another plugin's of this file"
      ])
  }

  @Test func aBadFileDoesNotHideTheOthers() throws {
    let path = try Self.folder(["a/plugin.json": "{\n  oops", "b/plugin.json": Self.manifest("a.two")])
    let registry = PluginRegistry(searching: [path])
    #expect(registry.plugins.map(\.id) == ["a.two"])
    #expect(
      registry.problems.map(\.description) == [
        "\(path)/a/plugin.json: line 2, column 3: expected a key in quotes, found 'o'"
      ])
  }

  @Test(arguments: ["nodot", "two.dots.here", "Upper.case", ".x", "x.", "sp ace.x"])
  func idsArePublisherDotName(id: String) throws {
    let path = try Self.folder(["plugin.json": Self.manifest(id)])
    #expect("\(PluginRegistry(searching: [path]).problems)".contains("plugins[0].id should be"))
  }

  @Test func anUnknownKeyIsNamedWithTheNearest() throws {
    let path = try Self.folder(["plugin.json": #"{"libary": "x"}"#])
    let words = PluginRegistry(searching: [path]).problems.map(\.description).joined()
    #expect(words.contains("unknown key \"libary\". Did you mean \"library\"?"))
  }

  @Test func theSearchPathIsInOrderAndWithoutDoubles() {
    let paths = PluginRegistry.searchPath(
      explicit: ["/mine"], environment: ["ADAPT_PRUNER_PLUGIN_PATH": "/a:/b:/mine", "HOME": "/home/me"],
      executable: "/opt/bin/adapt-pruner")
    #expect(paths == ["/mine", "/a", "/b", "/opt/bin/plugins", "/home/me/.local/share/adapt-pruner/plugins"])
  }

  @Test("The example in C compiles against the header alone, is found, loaded and used")
  func exampleInC() throws {
    let source = packageRoot + "/Examples/criterion-c"
    let folder = try CompiledPlugin.compile(source + "/norm_product.c", as: "libnorm_product.so")
    try FileManager.default.copyItem(atPath: source + "/plugin.json", toPath: folder + "/plugin.json")
    let plugin = try LoadedPlugin(loading: PluginRegistry(searching: [folder]).find("example.norm-product"))
    #expect(plugin.licence == "0BSD")
    #expect(plugin.statistics == [])
    let criterion = try CriterionInstance(of: plugin)
    // ‖(3, 4)‖ · ‖(1, 0)‖ = 5 and ‖(0, 2)‖ · ‖(0, 3)‖ = 6; the second matrix is owned by columns.
    let rows: [Float] = [3, 4, 0, 2]
    let columns: [Float] = [1, 0, 0, 3]
    let scores = try rows.withUnsafeBufferPointer { rows in
      try columns.withUnsafeBufferPointer { columns in
        try criterion.score(
          model: toyModel,
          units: UnitsRequest(
            family: "mlp", layer: 0, original: [0, 1],
            matrices: [
              MatrixRequest(
                name: "up_proj", axis: .rows, weight: MatrixMemory(rows.baseAddress!, rows: 2, columns: 2)),
              MatrixRequest(
                name: "down_proj", axis: .columns,
                weight: MatrixMemory(columns.baseAddress!, rows: 2, columns: 2)),
            ]))
      }
    }
    #expect(scores == [5, 6])
  }

  @Test(
    "The header compiles alone as C11 and as C++",
    arguments: [("cc", ["-std=c11", "-x", "c"]), ("c++", ["-std=c++17", "-x", "c++"])])
  func headerAlone(compiler: String, flags: [String]) throws {
    let header = CompiledPlugin.header + "/adapt_pruner_plugin.h"
    try CompiledPlugin.run(
      flags + ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", header], compiler: compiler)
  }
}
