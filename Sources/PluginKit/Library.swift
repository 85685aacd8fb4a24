public import PluginABI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The plugins of one shared library, in constant memory that the host reads. A plugin file ends with
///
///     private let library = Library([.criterion(Magnitude.self)])
///
///     @c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
public struct Library: @unchecked Sendable {
  public typealias Pointer = UnsafePointer<ap_library>

  /// Valid until the process ends and never written again. So the struct is `@unchecked Sendable`.
  public let pointer: Pointer

  public init(_ plugins: [Plugin]) {
    let descriptors = plugins.enumerated().map { slot, plugin in
      Optional(UnsafePointer(leaked(plugin.descriptor(Slots.register(plugin.make, at: slot)))))
    }
    pointer = UnsafePointer(
      leaked(
        ap_library(
          struct_size: size(ap_library.self), abi_major: UInt16(AP_ABI_MAJOR),
          abi_minor: UInt16(AP_ABI_MINOR), count: Int64(plugins.count),
          descriptors: UnsafePointer(leaked(descriptors)))))
  }
}

/// One plugin of a library: its description, and how an instance is made.
public struct Plugin {
  private let about: About
  private let kind: Int
  private let interface: (@escaping Slots.Create) -> UnsafeRawPointer
  let make: Slots.Make

  private init<Method: PluginMethod, Table>(
    _ type: Method.Type, _ kind: Int, _ table: @escaping (@escaping Slots.Create) -> Table,
    box: @escaping (Method) -> AnyObject
  ) {
    about = type.about
    self.kind = kind
    interface = { UnsafeRawPointer(leaked(table($0))) }
    make = { box(try Method(options: try Self.decoded($0))) }
  }

  public static func criterion<Method: Criterion>(_ type: Method.Type) -> Plugin {
    Plugin(type, AP_CRITERION, { ap_criterion($0) }, box: { Box<any Criterion>($0, $0.statistics) })
  }

  public static func allocator<Method: Allocator>(_ type: Method.Type) -> Plugin {
    Plugin(type, AP_ALLOCATOR, { ap_allocator($0) }, box: { Box<any Allocator>($0, $0.statistics) })
  }

  public static func compensator<Method: Compensator>(_ type: Method.Type) -> Plugin {
    Plugin(type, AP_COMPENSATOR, { ap_compensator($0) }, box: { Box<any Compensator>($0, $0.statistics) })
  }

  public static func transform<Method: Transform>(_ type: Method.Type) -> Plugin {
    Plugin(type, AP_TRANSFORM, { ap_transform($0) }, box: { Box<any Transform>($0, $0.statistics) })
  }

  public static func evaluator<Method: Evaluator>(_ type: Method.Type) -> Plugin {
    Plugin(type, AP_EVALUATOR, { ap_evaluator($0) }, box: { Box<any Evaluator>($0, $0.statistics) })
  }

  func descriptor(_ create: @escaping Slots.Create) -> ap_descriptor {
    ap_descriptor(
      struct_size: size(ap_descriptor.self), kind: ap_kind(kind), id: leaked(about.id),
      version: leaked(about.version), summary: leaked(about.summary), licence: leaked(about.licence),
      paper: about.paper.map(leaked), options_schema: leaked(about.schema),
      statistics: leakedList(about.statistics.map(\.rawValue)), interface: interface(create),
      scores_compare: about.scoresCompare ? 1 : 0)
  }

  private static func decoded<Options: Decodable>(_ options: String) throws -> Options {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(Options.self, from: Data(options.utf8))
    } catch {
      throw PluginError("the options \(options) do not decode: \(error)", kind: .invalidOptions)
    }
  }
}

/// C functions for `create`, one for each place in a library.
///
/// The ABI does not tell `create` which plugin it belongs to, and Swift cannot make a C function for a generic type.
enum Slots {
  typealias Create =
    @convention(c) (
      UnsafePointer<ap_host>?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> ap_status
  typealias Make = (_ options: String) throws -> AnyObject

  /// Written only while Swift initialises the library's constant, under its lock for globals.
  nonisolated(unsafe) private static var makes: [Make] = []

  private static let creates: [Create] = [
    { create(0, $0, $1, $2) }, { create(1, $0, $1, $2) }, { create(2, $0, $1, $2) },
    { create(3, $0, $1, $2) }, { create(4, $0, $1, $2) }, { create(5, $0, $1, $2) },
    { create(6, $0, $1, $2) }, { create(7, $0, $1, $2) },
  ]

  static func register(_ make: @escaping Make, at slot: Int) -> Create {
    makes.append(make)
    return slot < creates.count
      ? creates[slot]
      : { host, _, _ in
        guard let host else { return ap_status(AP_FAILED) }
        return Host(pointer: host).status {
          throw PluginError("PluginKit makes instances of the first 8 plugins of a library only")
        }
      }
  }

  private static func create(
    _ slot: Int, _ host: UnsafePointer<ap_host>?, _ options: UnsafePointer<CChar>?,
    _ instance: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> ap_status {
    guard let host, let options, let instance else { return ap_status(AP_FAILED) }
    return Host(pointer: host).status {
      instance.pointee = Unmanaged.passRetained(try makes[slot](String(cString: options))).toOpaque()
    }
  }
}

// MARK: - Memory that lasts as long as the process

func size<Struct>(_ type: Struct.Type) -> UInt32 { UInt32(MemoryLayout<Struct>.size) }

func leaked<Value>(_ value: Value) -> UnsafeMutablePointer<Value> { leaked([value]) }

func leaked<Value>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
  let pointer = UnsafeMutablePointer<Value>.allocate(capacity: max(values.count, 1))
  pointer.initialize(from: values, count: values.count)
  return pointer
}

func leaked(_ text: String) -> UnsafePointer<CChar> { UnsafePointer(leaked(Array(text.utf8CString))) }

/// A list that ends with a null pointer.
func leakedList(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?> {
  UnsafePointer(leaked(texts.map { Optional(leaked($0)) } + [nil]))
}
