/// A value that crosses between the host and a worker process. One list of its fields both writes and reads it:
///
///     extension BudgetRequest: WireValue {
///       init(_ wire: Wire<Self>) throws(WireError) { self = try wire.fields(Self.init, \.measure, \.now, …) }
///     }
protocol WireValue {
  /// Writes the value of `wire`, or reads one. The result is that value.
  init(_ wire: Wire<Self>) throws(WireError)
  /// Writes or reads a list.
  static func list(_ wire: Wire<[Self]>) throws(WireError) -> [Self]
}

/// Why a message did not cross.
enum WireError: Error {
  /// The message breaks the protocol. A stranger's code runs in the process that sent it.
  case garbled
  case noRoom(SystemFailure)

  var reason: String {
    switch self {
    case .garbled: "the message is not what it should be"
    case .noRoom(let failure): failure.reason
    }
  }
}

/// A message, and the value to write to it.
struct Wire<Value> {
  let message: WireMessage
  /// nil: read a value.
  let value: Value?

  /// Writes or reads the next field.
  func callAsFunction<Field: WireValue>(_ field: (Value) -> Field) throws(WireError) -> Field {
    try Field(Wire<Field>(message: message, value: value.map(field)))
  }

  /// Writes or reads all fields of a struct, in the order of its initialiser's parameters.
  func fields<each Field: WireValue>(
    _ make: (repeat each Field) -> Value, _ field: repeat (Value) -> each Field
  ) throws(WireError) -> Value { make(repeat try self(each field)) }

  /// Writes or reads statistics. Only those that the plugin needs are written.
  func statistics<Field: WireValue>(
    _ field: (Value) -> [Statistic: Field]
  ) throws(WireError) -> [Statistic: Field] {
    try self { field($0).filter { message.statistics.contains($0.key) } }
  }
}

/// The bytes of a message, and the tray with its arrays. Numbers are little-endian.
final class WireMessage {
  private(set) var bytes: [UInt8]
  private var next = 0
  private let tray: SharedTray
  /// The statistics that the plugin needs.
  let statistics: [Statistic]

  /// - Parameter bytes: the message to read; empty for one to write.
  init(_ tray: SharedTray, _ bytes: [UInt8] = [], statistics: [Statistic] = []) {
    self.tray = tray
    self.bytes = bytes
    self.statistics = statistics
  }

  func put<Asked, Answer>(_ function: WireFunction<Asked, Answer>, _ asked: Asked) throws(WireError) {
    try put(function.name)
    try put(asked)
  }

  func put<Value: WireValue>(_ value: Value) throws(WireError) {
    _ = try Value(Wire(message: self, value: value))
  }

  func take<Value: WireValue>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
    try Value(Wire(message: self, value: nil))
  }

  func bits<Value: BitwiseCopyable>(_ value: Value?) throws(WireError) -> Value {
    if let value {
      withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
      return value
    }
    let size = MemoryLayout<Value>.size
    guard bytes.count - next >= size else { throw .garbled }
    defer { next += size }
    return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: next, as: Value.self) }
  }

  /// The number of things that follow. Each has at least one byte.
  func count(_ value: Int?) throws(WireError) -> Int {
    let count = try bits(value)
    guard value != nil || (count >= 0 && count <= bytes.count - next) else { throw .garbled }
    return count
  }

  func text(_ value: String?) throws(WireError) -> String {
    let count = try count(value?.utf8.count)
    if let value {
      bytes.append(contentsOf: value.utf8)
      return value
    }
    defer { next += count }
    return String(decoding: bytes[next..<next + count], as: UTF8.self)
  }

  /// An array in the tray. An array that was read stays valid until the next message.
  func shared<Element: BitwiseCopyable>(
    _ values: UnsafeBufferPointer<Element>?
  ) throws(WireError) -> UnsafeBufferPointer<Element> {
    let count = try bits(values?.count)
    if let values {
      let offset: Int
      do { offset = try tray.put(values) } catch { throw .noRoom(error) }
      _ = try bits(offset)
      return values
    }
    guard let place = tray.view(try bits(nil), count: count, of: Element.self) else { throw .garbled }
    return UnsafeBufferPointer(start: place, count: count)
  }
}

// MARK: - Values of the language

/// A number. A single one is a field; an array of numbers is in the tray.
protocol WireNumber: WireValue, BitwiseCopyable {}

extension WireNumber {
  init(_ wire: Wire<Self>) throws(WireError) { self = try wire.message.bits(wire.value) }

  static func list(_ wire: Wire<[Self]>) throws(WireError) -> [Self] {
    guard let values = wire.value else { return Array(try wire.message.shared(nil)) }
    try values.withUnsafeBufferPointer { (values) throws(WireError) in _ = try wire.message.shared(values) }
    return values
  }
}

extension Int: WireNumber {}
extension Int32: WireNumber {}
extension UInt64: WireNumber {}
extension Float: WireNumber {}
extension Double: WireNumber {}

extension WireValue {
  static func list(_ wire: Wire<[Self]>) throws(WireError) -> [Self] {
    var list: [Self] = []
    for index in 0..<(try wire.message.count(wire.value?.count)) {
      list.append(try Self(Wire<Self>(message: wire.message, value: wire.value?[index])))
    }
    return list
  }
}

extension Array: WireValue where Element: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) { self = try Element.list(wire) }
}

extension Bool: WireValue {
  init(_ wire: Wire<Bool>) throws(WireError) {
    self = try wire.message.bits(wire.value.map { $0 ? 1 : 0 as UInt8 }) != 0
  }
}

extension String: WireValue {
  init(_ wire: Wire<String>) throws(WireError) { self = try wire.message.text(wire.value) }
}

extension Optional: WireValue where Wrapped: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    let isThere = try wire { $0 != nil }
    self = isThere ? try Wrapped(Wire<Wrapped>(message: wire.message, value: wire.value ?? nil)) : nil
  }
}

extension WireValue where Self: RawRepresentable, RawValue: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    guard let value = Self(rawValue: try wire(\.rawValue)) else { throw .garbled }
    self = value
  }
}

/// A statistic crosses by its name.
extension Statistic: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    guard let statistic = StatisticRegistry.host[try wire(\.name)] else { throw .garbled }
    self = statistic
  }
}

/// Entries are sorted by name, so that the same values give the same bytes.
extension Dictionary: WireValue where Key == Statistic, Value: WireValue {
  init(_ wire: Wire<Self>) throws(WireError) {
    let keys = try wire { $0.keys.sorted { $0.name < $1.name } }
    self.init(minimumCapacity: keys.count)
    for key in keys {
      self[key] = try Value(Wire<Value>(message: wire.message, value: wire.value?[key]))
    }
  }
}
