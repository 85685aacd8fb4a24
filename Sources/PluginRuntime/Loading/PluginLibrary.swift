import Foundation
import PluginABI

extension ABIVersion {
  /// The version that this host speaks.
  public static let host = ABIVersion(major: Int(AP_ABI_MAJOR), minor: Int(AP_ABI_MINOR))
}

/// A loaded shared library that speaks the plugin ABI. It stays loaded until the process ends.
struct PluginLibrary {
  let path: String
  /// The lower version of host and library.
  let version: ABIVersion
  /// The version of the header that it was compiled with.
  let builtFor: ABIVersion
  let descriptors: [ap_descriptor]

  /// - Parameter plugin: the plugin to load, for errors.
  init(opening path: String, for plugin: PluginDescription) throws(PluginError) {
    self.path = path
    // This comes before dlopen, which runs the library's initialisers.
    if plugin.abi.major != ABIVersion.host.major {
      throw .otherMajor(library: path, plugin: plugin.id, expected: .host, got: plugin.abi)
    }
    let handle = try LibraryFile.load(path, for: plugin)
    guard let symbol = dlsym(handle, AP_ENTRY_SYMBOL) else {
      throw .noEntry(library: path, symbol: AP_ENTRY_SYMBOL)
    }
    let entry = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<ap_library>?).self)
    guard let library = inCall(of: plugin.id, AP_ENTRY_SYMBOL, { entry() }) else {
      throw .badDescriptor(
        library: path, plugin: plugin.id, field: AP_ENTRY_SYMBOL + "()", expected: "a library", got: "null")
    }
    let got = ABIVersion(major: Int(library.pointee.abi_major), minor: Int(library.pointee.abi_minor))
    if got.major != ABIVersion.host.major {
      throw .otherMajor(library: path, plugin: plugin.id, expected: .host, got: got)
    }
    version = min(got, .host)
    builtFor = got
    try requireSize(library.pointee.struct_size, ap_library.self, in: path)
    var descriptors: [ap_descriptor] = []
    for index in 0..<max(0, Int(library.pointee.count)) {
      guard let list = library.pointee.descriptors, let descriptor = list[index] else {
        throw .badDescriptor(
          library: path, plugin: plugin.id, field: "descriptors[\(index)]", expected: "a descriptor",
          got: "null")
      }
      try requireSize(descriptor.pointee.struct_size, ap_descriptor.self, in: path)
      descriptors.append(whole(descriptor, speaking: version))
    }
    self.descriptors = descriptors
  }
}

/// Checks that a struct is as long as in version 1.0. A later minor version may make it longer.
func requireSize<Struct>(_ size: UInt32, _ type: Struct.Type, in library: String) throws(PluginError) {
  let expected = StructGrowth.firstSize(of: type)
  if Int(size) < expected {
    throw .truncated(library: library, structure: "\(type)", expected: expected, got: Int(size))
  }
}

extension PluginError {
  /// The loader's last error. If the file is missing, it lists where it was looked for.
  static func cannotLoad(_ library: String, _ plugin: PluginDescription) -> PluginError {
    let reason = dlerror().map { String(cString: $0) } ?? "no reason is given"
    let isThere = FileManager.default.fileExists(atPath: library)
    let places = isThere ? "" : ". Looked for:" + plugin.lookedFor.map { "\n  \($0)" }.joined()
    return .cannotLoad(library: library, reason: reason + places)
  }
}
