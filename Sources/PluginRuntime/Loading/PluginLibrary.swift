import Foundation
import PluginABI

/// The ABI that this host speaks.
extension ABIVersion {
  public static let host = ABIVersion(major: Int(AP_ABI_MAJOR), minor: Int(AP_ABI_MINOR))
}

/// A shared library that is in memory, and speaks our ABI. It stays until the process ends.
struct PluginLibrary {
  let path: String
  /// The lower of both sides' minor versions.
  let version: ABIVersion
  /// The version whose header it was compiled with.
  let builtFor: ABIVersion
  let descriptors: [ap_descriptor]

  /// - Parameter plugin: whose loading this is, for error sentences.
  init(opening path: String, for plugin: PluginDescription) throws(PluginError) {
    self.path = path
    // By plugin.json, before any code of the library runs (its initialisers do in dlopen).
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

/// A struct of version 1.0 is complete; a longer one comes from a later minor version, and its end is ignored.
func requireSize<Struct>(_ size: UInt32, _ type: Struct.Type, in library: String) throws(PluginError) {
  let expected = StructGrowth.firstSize(of: type)
  if Int(size) < expected {
    throw .truncated(library: library, structure: "\(type)", expected: expected, got: Int(size))
  }
}

extension PluginError {
  /// What the loader said last of `library`; if there is no such file, where it was looked for.
  static func cannotLoad(_ library: String, _ plugin: PluginDescription) -> PluginError {
    let reason = dlerror().map { String(cString: $0) } ?? "no reason is given"
    let isThere = FileManager.default.fileExists(atPath: library)
    let places = isThere ? "" : ". Looked for:" + plugin.lookedFor.map { "\n  \($0)" }.joined()
    return .cannotLoad(library: library, reason: reason + places)
  }
}
