// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// CI sets this, so that a newer compiler's new warning never breaks a user's build.
let strict: [SwiftSetting] =
  Context.environment["WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// A method: a shared library of its own, which sees the ABI (through PluginKit) and nothing else of ours.
/// The version script leaves `adapt_pruner_plugin` as its one exported symbol.
func plugin(_ name: String) -> Target {
  .target(
    name: name, dependencies: ["PluginKit"], path: "Plugins/\(name)",
    exclude: ["plugin.json", "README.md"], swiftSettings: strict,
    linkerSettings: [
      .unsafeFlags([
        "-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/exports.map",
      ])
    ])
}

/// Every folder of Plugins/ that holds a plugin.json: a new method needs no line here. (SwiftPM keeps what this file
/// answered until the file or the environment changes. `make build` names the folders in the environment; a bare
/// `swift build` sees a new one with --manifest-cache=none.)
let plugins = try FileManager.default.contentsOfDirectory(atPath: Context.packageDirectory + "/Plugins")
  .filter {
    FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/Plugins/\($0)/plugin.json")
  }.sorted()

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: [], swiftSettings: strict)
}

let package = Package(
  name: "adapt-pruner",
  products: [
    .executable(name: "adapt-pruner", targets: ["Host"]),
    .executable(name: "adapt-pruner-bench", targets: ["Bench"]),
  ] + plugins.map { .library(name: $0, type: .dynamic, targets: [$0]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    // The contract, and its Swift clothes.
    .target(name: "PluginABI", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
    room("PluginKit", ["PluginABI"]),

    // What the system has and Swift's Glibc does not show.
    .target(name: "Processes", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),

    // What files hold, and how they come to be.
    room("Wording", []),
    room("JSON", ["Wording"]),
    room("Files", ["Processes"]),
    room("TensorBoard", ["Files"]),
    room("Report", ["JSON", "Files", "Wording", "RandomNumbers"]),

    // Numbers.
    room("RandomNumbers", []),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(
      name: "Kernels",
      // Sums may be reordered, so that they vectorise; NaN and infinity keep their meaning.
      cSettings: [
        .unsafeFlags([
          "-O3", "-Wall", "-Wextra", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros",
          "-fassociative-math", "-ffp-contract=fast",
        ])
      ]),
    room("Tensors", ["COpenBLAS", "Kernels"]),

    // Files and words.
    room(
      "Checkpoints",
      [
        "JSON", "Files", "Wording", "Tensors", "Kernels",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ]),
    room(
      "Tokenizers",
      ["JSON", "Files", "Wording", .product(name: "HeapModule", package: "swift-collections")]),
    room("ChatTemplates", ["JSON", "Wording"]),
    room(
      "TrainingData",
      ["JSON", "Files", "Wording", "RandomNumbers", "Tokenizers", "Checkpoints", "ChatTemplates"]),

    // The model.
    room(
      "Transformer",
      [
        "Tensors", "Kernels", "Checkpoints", "RandomNumbers",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ]),

    // Plugins, pipelines, the command line.
    .systemLibrary(name: "CFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"])]),
    room("PluginRuntime", ["PluginABI", "Processes", "CFFI", "JSON", "Wording", "RandomNumbers"]),
    .target(
      name: "PluginTemplates", dependencies: ["PluginABI", "PluginRuntime", "Files"],
      // In the code, so that the program needs no file beside it. The header is a link to the one that there is.
      resources: [.embedInCode("Templates")], swiftSettings: strict),
    room("PluginChecks", ["PluginRuntime", "Processes", "JSON", "Wording"]),
    room(
      "Pipeline",
      [
        "PluginRuntime", "Transformer", "Checkpoints", "Tokenizers", "Tensors", "JSON", "Files",
        "TrainingData", "ChatTemplates", "TensorBoard", "Report", "Wording",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .executableTarget(
      name: "Host",
      dependencies: [
        "Pipeline", "ChatTemplates", "PluginRuntime", "PluginTemplates", "PluginChecks", "Processes",
        "Tensors",
        "JSON", "Report", "Files",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    // Our side of the benchmark: no part of the tool.
    .executableTarget(
      name: "Bench",
      dependencies: [
        "Pipeline", "PluginRuntime", "JSON", "Transformer", "Checkpoints", "Tensors",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    // Tests never name a plugin target: they would link it statically instead of loading it.
    tests("WordingTests", ["Wording"]),
    tests("JSONTests", ["JSON"]),
    tests("FilesTests", ["Files"]),
    tests("TensorBoardTests", ["TensorBoard", "Files", "JSON"]),
    tests("ReportTests", ["Report", "JSON"]),
    tests("TensorsTests", ["Tensors", "Kernels"]),
    tests("CheckpointsTests", ["Checkpoints", "JSON"]),
    tests("TokenizersTests", ["Tokenizers"]),
    tests("ChatTemplatesTests", ["ChatTemplates", "JSON"]),
    tests("TrainingDataTests", ["TrainingData", "ChatTemplates", "Tokenizers", "JSON"]),
    tests("TransformerTests", ["Transformer", "Checkpoints", "JSON", "RandomNumbers"]),
    tests("PluginRuntimeTests", ["PluginRuntime", "JSON"]),
    tests("PluginTemplatesTests", ["PluginTemplates", "PluginABI", "JSON"]),
    tests(
      "PipelineTests",
      [
        "Pipeline", "PluginRuntime", "TrainingData", "Transformer", "Checkpoints", "JSON", "Files",
        "Wording", "RandomNumbers",
      ]),
    tests(
      "EndToEndTests",
      [
        "Pipeline", "Transformer", "Checkpoints", "Tensors", "PluginRuntime", "PluginTemplates", "Tokenizers",
        "ChatTemplates", "JSON", "RandomNumbers",
      ]),
  ] + plugins.map(plugin)
)
