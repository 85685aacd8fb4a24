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

/// Loads the file of a shared library into this process.
enum LibraryFile {
  /// The environment at the start of this process. A plugin may change its own; later processes get this one.
  static let environment = ProcessInfo.processInfo.environment

  /// Loads the library for good (NODELETE): the Swift runtime does not survive unloading. Its initialisers run in this
  /// call.
  /// - Parameter path: absolute, or a name for the system's loader.
  static func load(_ path: String, for plugin: PluginDescription) throws(PluginError)
    -> UnsafeMutableRawPointer
  {
    var state = stat()
    // The loader would wait for the other end of a named pipe.
    if path.contains("/"), stat(path, &state) == 0, state.st_mode & S_IFMT != S_IFREG {
      throw .cannotLoad(library: path, reason: "it is no regular file")
    }
    _ = environment
    let handle = inCall(of: plugin.id, "load") { dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle else { throw .cannotLoad(path, plugin) }
    return handle
  }
}

/// Structs of the ABI that have grown since version 1.0.
enum StructGrowth {
  /// The size of a struct in version 1.0, in bytes.
  static func firstSize<Struct>(of type: Struct.Type) -> Int {
    let grown: Int? =
      switch type {
      case is ap_descriptor.Type: MemoryLayout<ap_descriptor>.offset(of: \.scores_compare)
      case is ap_criterion.Type: MemoryLayout<ap_criterion>.offset(of: \.scores_compare)
      case is ap_allocation.Type: MemoryLayout<ap_allocation>.offset(of: \.scores_compare)
      default: nil
      }
    return grown ?? MemoryLayout<Struct>.size
  }
}

/// Copies a plugin's struct. Members that the plugin's version lacks are zero or null.
/// - Parameters:
///   - pointer: a struct whose `struct_size` is at least that of version 1.0.
///   - version: the version of the ABI that both sides speak.
func whole<Struct>(_ pointer: UnsafePointer<Struct>, speaking version: ABIVersion) -> Struct {
  let source = UnsafeRawPointer(pointer)
  let stated = Int(source.load(as: UInt32.self))
  let known = version.minor == 0 ? StructGrowth.firstSize(of: Struct.self) : MemoryLayout<Struct>.size
  return withUnsafeTemporaryAllocation(
    byteCount: MemoryLayout<Struct>.size, alignment: MemoryLayout<Struct>.alignment
  ) { room in
    room.initializeMemory(as: UInt8.self, repeating: 0)
    room.copyMemory(from: UnsafeRawBufferPointer(start: source, count: min(stated, known)))
    return room.load(as: Struct.self)
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
