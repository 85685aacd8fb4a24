/// The embedded texts that a folder is made of. They are the files below Templates/, under the names that SwiftPM gives.
extension PluginTemplate {
  typealias File = (path: String, text: [UInt8])

  var templates: [File] {
    let common: [File] = [
      ("plugin.json", PackageResources.plugin_json), ("pipeline.json", pipeline),
    ]
    let header = PackageResources.adapt_pruner_plugin_h
    switch language {
    case .c:
      return common + [
        ("\(identifier).c", method), ("test.c", test), ("testing.h", PackageResources.testing_h),
        ("adapt_pruner_plugin.h", header), ("Makefile", PackageResources.Makefile_c),
      ]
    case .cpp:
      return common + [
        ("\(identifier).cpp", method), ("border.hpp", PackageResources.border_hpp), ("test.c", test),
        ("testing.h", PackageResources.testing_h), ("adapt_pruner_plugin.h", header),
        ("Makefile", PackageResources.Makefile_cpp),
      ]
    case .swift:
      return common + [
        ("Package.swift", PackageResources.Package_swift),
        ("Sources/PluginABI/adapt_pruner_plugin.h", header),
        ("Sources/PluginABI/module.modulemap", PackageResources.PluginABI_modulemap),
        ("Sources/\(identifier)/Plugin.swift", method),
        ("Sources/\(identifier)/Border.swift", PackageResources.Border_swift),
        ("Tests/PluginTests/PluginTests.swift", test),
        ("Tests/PluginTests/Support.swift", PackageResources.TestSupport_swift),
      ]
    case .rust:
      return common + [
        ("Cargo.toml", PackageResources.Cargo_toml), ("src/lib.rs", method),
        ("src/abi.rs", PackageResources.abi_rs), ("src/border.rs", PackageResources.border_rs),
        ("src/tests.rs", test), ("src/testing.rs", PackageResources.testing_rs),
        ("adapt_pruner_plugin.h", header),
      ]
    }
  }

  private var method: [UInt8] {
    switch (language, kind) {
    case (.c, .criterion): PackageResources.criterion_c
    case (.c, .allocator): PackageResources.allocator_c
    case (.c, .compensator): PackageResources.compensator_c
    case (.c, .evaluator): PackageResources.evaluator_c
    case (.cpp, .criterion): PackageResources.criterion_cpp
    case (.cpp, .allocator): PackageResources.allocator_cpp
    case (.cpp, .compensator): PackageResources.compensator_cpp
    case (.cpp, .evaluator): PackageResources.evaluator_cpp
    case (.swift, .criterion): PackageResources.criterion_swift
    case (.swift, .allocator): PackageResources.allocator_swift
    case (.swift, .compensator): PackageResources.compensator_swift
    case (.swift, .evaluator): PackageResources.evaluator_swift
    case (.rust, .criterion): PackageResources.criterion_rs
    case (.rust, .allocator): PackageResources.allocator_rs
    case (.rust, .compensator): PackageResources.compensator_rs
    case (.rust, .evaluator): PackageResources.evaluator_rs
    }
  }

  /// The test of C++ is in C, because the border is C's.
  private var test: [UInt8] {
    switch (language, kind) {
    case (.c, .criterion), (.cpp, .criterion): PackageResources.criterion_test_c
    case (.c, .allocator), (.cpp, .allocator): PackageResources.allocator_test_c
    case (.c, .compensator), (.cpp, .compensator): PackageResources.compensator_test_c
    case (.c, .evaluator), (.cpp, .evaluator): PackageResources.evaluator_test_c
    case (.swift, .criterion): PackageResources.criterion_tests_swift
    case (.swift, .allocator): PackageResources.allocator_tests_swift
    case (.swift, .compensator): PackageResources.compensator_tests_swift
    case (.swift, .evaluator): PackageResources.evaluator_tests_swift
    case (.rust, .criterion): PackageResources.criterion_tests_rs
    case (.rust, .allocator): PackageResources.allocator_tests_rs
    case (.rust, .compensator): PackageResources.compensator_tests_rs
    case (.rust, .evaluator): PackageResources.evaluator_tests_rs
    }
  }

  private var pipeline: [UInt8] {
    switch kind {
    case .criterion: PackageResources.criterion_json
    case .allocator: PackageResources.allocator_json
    case .compensator: PackageResources.compensator_json
    case .evaluator: PackageResources.evaluator_json
    }
  }
}
