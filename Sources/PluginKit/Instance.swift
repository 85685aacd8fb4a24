import PluginABI

/// What plugins of all five kinds have in common: a description, options and statistics.
public protocol PluginMethod {
  /// The options of the pipeline. Keys are in camelCase here and in snake_case there.
  associatedtype Options: Decodable

  static var about: About { get }

  init(options: Options) throws

  /// The statistics that this instance needs with its options. The host hands them over in this order.
  var statistics: [Statistic] { get }
}

extension PluginMethod {
  public var statistics: [Statistic] { Self.about.statistics }
}

/// An instance as it crosses the border: the `void *instance` of the ABI.
final class Box<Method> {
  let method: Method
  /// The names of the statistics that the instance asks for.
  let statistics: [String]
  /// The same names as C reads them.
  let statisticNames: TextList

  init(_ method: Method, _ statistics: [Statistic]) {
    self.method = method
    self.statistics = statistics.map(\.rawValue)
    statisticNames = TextList(self.statistics)
  }

  static func of(_ instance: UnsafeMutableRawPointer?) -> Box? {
    instance.map { Unmanaged<Box>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Answers a question of the ABI: 1 for yes, 0 for no.
  static func flag(_ instance: UnsafeMutableRawPointer?, _ isSet: (Method) -> Bool) -> Int32 {
    of(instance).map { isSet($0.method) } == true ? 1 : 0
  }

  /// Runs a call of the ABI. An error becomes a sentence and a status.
  static func call(
    _ instance: UnsafeMutableRawPointer?, _ host: UnsafePointer<ap_host>?, _ model: UnsafePointer<ap_model>?,
    _ body: (Box, Model, Host) throws -> Void
  ) -> ap_status {
    guard let box = of(instance), let host, let model else { return ap_status(AP_FAILED) }
    let services = Host(pointer: host)
    return services.status { try body(box, Model(model), services) }
  }
}

/// The `destroy` of every kind.
func destroyInstance(_ instance: UnsafeMutableRawPointer?) {
  if let instance { Unmanaged<AnyObject>.fromOpaque(instance).release() }
}

/// Unwraps a pointer that the ABI says is never null.
func present<Pointer>(_ pointer: Pointer?) throws(PluginError) -> Pointer {
  guard let pointer else { throw PluginError("the host handed in a null pointer") }
  return pointer
}

/// The structs of a list of pointers. `what` names one of them in an error.
func structs<Struct>(
  _ list: UnsafePointer<UnsafePointer<Struct>?>?, count: Int64, _ what: (Int) -> String
) throws(PluginError) -> [UnsafePointer<Struct>] {
  var structs: [UnsafePointer<Struct>] = []
  for index in 0..<Int(count) {
    guard let pointer = list?[index] else { throw PluginError("\(what(index)) is null") }
    structs.append(pointer)
  }
  return structs
}

/// The statistics of one thing, by name. Those that it does not have are left out.
struct StatisticViews {
  private let owner: String
  private var views: [String: MatrixView] = [:]

  init(_ tensors: UnsafePointer<ap_tensor>?, names: [String], of owner: String) throws(PluginError) {
    self.owner = owner
    for (index, name) in names.enumerated() {
      guard let tensor = tensors?[index], tensor.data != nil else { continue }
      views[name] = try MatrixView(tensor, name: "\(name) of \(owner)")
    }
  }

  func view(_ statistic: Statistic) throws(PluginError) -> MatrixView {
    guard let view = views[statistic.rawValue] else { throw missing(statistic) }
    return view
  }

  func missing(_ statistic: Statistic) -> PluginError {
    PluginError("the host has no \(statistic.rawValue) of \(owner)", kind: .unsupported)
  }
}

/// Texts as C has them, with a null pointer at the end. They live as long as the object.
final class TextList {
  let pointer: UnsafePointer<UnsafePointer<CChar>?>

  init(_ texts: [String]) { pointer = leakedList(texts) }

  deinit {
    var next = pointer
    while let text = next.pointee {
      text.deallocate()
      next += 1
    }
    pointer.deallocate()
  }
}
