// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "__NAME__",
  products: [.library(name: "__NAME__", type: .dynamic, targets: ["__NAME__"])],
  targets: [
    .systemLibrary(name: "PluginABI"),
    // The name has the publisher in it. Two modules of one name in a process would share their types.
    .target(name: "__NAME__", dependencies: ["PluginABI"]),
    .testTarget(name: "PluginTests", dependencies: ["__NAME__", "PluginABI"]),
  ]
)
