// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "__NAME__",
  products: [.library(name: "__NAME__", type: .dynamic, targets: ["__NAME__"])],
  targets: [
    .systemLibrary(name: "PluginABI"),
    // Its name has the publisher's in it: two modules of one name in a process would share their types.
    .target(name: "__NAME__", dependencies: ["PluginABI"]),
    .testTarget(name: "PluginTests", dependencies: ["__NAME__", "PluginABI"]),
  ]
)
