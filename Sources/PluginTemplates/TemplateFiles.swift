/// The embedded texts that a folder is made of. They are the files below Templates/, under the names that SwiftPM gives.
extension PluginTemplate {
  typealias File = (path: String, text: [UInt8])
  private typealias Resource = PackageResources

  var templates: [File] {
    let common: [File] = [
      ("plugin.json", Resource.plugin_json), ("pipeline.json", pipeline),
    ]
    let (method, test) = own
    let header = Resource.adapt_pruner_plugin_h
    switch language {
    case .c:
      return common + [
        ("\(identifier).c", method), ("test.c", test), ("testing.h", Resource.testing_h),
        ("adapt_pruner_plugin.h", header), ("Makefile", Resource.Makefile_c),
      ]
    case .cpp:
      return common + [
        ("\(identifier).cpp", method), ("border.hpp", Resource.border_hpp), ("test.c", test),
        ("testing.h", Resource.testing_h), ("adapt_pruner_plugin.h", header),
        ("Makefile", Resource.Makefile_cpp),
      ]
    case .swift:
      return common + [
        ("Package.swift", Resource.Package_swift),
        ("Sources/PluginABI/adapt_pruner_plugin.h", header),
        ("Sources/PluginABI/module.modulemap", Resource.PluginABI_modulemap),
        ("Sources/\(identifier)/Plugin.swift", method),
        ("Sources/\(identifier)/Border.swift", Resource.Border_swift),
        ("Tests/PluginTests/PluginTests.swift", test),
        ("Tests/PluginTests/Support.swift", Resource.TestSupport_swift),
      ]
    case .rust:
      return common + [
        ("Cargo.toml", Resource.Cargo_toml), ("src/lib.rs", method),
        ("src/abi.rs", Resource.abi_rs), ("src/border.rs", Resource.border_rs),
        ("src/tests.rs", test), ("src/testing.rs", Resource.testing_rs),
        ("adapt_pruner_plugin.h", header),
      ]
    }
  }

  /// The method and its test. The test of C++ is in C, because the border is C's.
  private var own: (method: [UInt8], test: [UInt8]) {
    switch (language, kind) {
    case (.c, .criterion): (Resource.criterion_c, Resource.criterion_test_c)
    case (.c, .allocator): (Resource.allocator_c, Resource.allocator_test_c)
    case (.c, .compensator): (Resource.compensator_c, Resource.compensator_test_c)
    case (.c, .evaluator): (Resource.evaluator_c, Resource.evaluator_test_c)
    case (.cpp, .criterion): (Resource.criterion_cpp, Resource.criterion_test_c)
    case (.cpp, .allocator): (Resource.allocator_cpp, Resource.allocator_test_c)
    case (.cpp, .compensator): (Resource.compensator_cpp, Resource.compensator_test_c)
    case (.cpp, .evaluator): (Resource.evaluator_cpp, Resource.evaluator_test_c)
    case (.swift, .criterion): (Resource.criterion_swift, Resource.criterion_tests_swift)
    case (.swift, .allocator): (Resource.allocator_swift, Resource.allocator_tests_swift)
    case (.swift, .compensator): (Resource.compensator_swift, Resource.compensator_tests_swift)
    case (.swift, .evaluator): (Resource.evaluator_swift, Resource.evaluator_tests_swift)
    case (.rust, .criterion): (Resource.criterion_rs, Resource.criterion_tests_rs)
    case (.rust, .allocator): (Resource.allocator_rs, Resource.allocator_tests_rs)
    case (.rust, .compensator): (Resource.compensator_rs, Resource.compensator_tests_rs)
    case (.rust, .evaluator): (Resource.evaluator_rs, Resource.evaluator_tests_rs)
    }
  }

  private var pipeline: [UInt8] {
    switch kind {
    case .criterion: Resource.criterion_json
    case .allocator: Resource.allocator_json
    case .compensator: Resource.compensator_json
    case .evaluator: Resource.evaluator_json
    }
  }
}
