/// A message between host and worker as it is written: small values in line, arrays in the tray.
struct PacketWriter {
  private(set) var bytes: [UInt8] = []
  private let tray: SharedTray

  init(_ tray: SharedTray) { self.tray = tray }

  private mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  mutating func put(_ value: Int) { append(Int64(value)) }
  mutating func put(_ value: UInt64) { append(value) }
  mutating func put(_ value: Double) { append(value) }
  mutating func put(_ value: Bool) { append(UInt8(value ? 1 : 0)) }

  mutating func put(_ text: String) {
    put(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func put(_ text: String?) {
    put(text != nil)
    if let text { put(text) }
  }

  mutating func put(_ texts: [String]) {
    put(texts.count)
    for text in texts { put(text) }
  }

  mutating func put(_ statistics: [Statistic]) { put(statistics.map(\.name)) }

  mutating func put<Value: BitwiseCopyable>(_ values: UnsafeBufferPointer<Value>) throws(SharedTray.Failure) {
    put(values.count)
    put(try tray.put(values))
  }

  mutating func put<Value: BitwiseCopyable>(_ values: [Value]) throws(SharedTray.Failure) {
    var failure: SharedTray.Failure?
    values.withUnsafeBufferPointer {
      do throws(SharedTray.Failure) { try put($0) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

/// A message as it is read. What does not fit is `Garbled`: the other side is a process in which a stranger's code runs.
struct PacketReader {
  struct Garbled: Error {}

  private let bytes: [UInt8]
  private var next = 0
  private let tray: SharedTray

  init(_ bytes: [UInt8], _ tray: SharedTray) {
    self.bytes = bytes
    self.tray = tray
  }

  private mutating func take<Value: BitwiseCopyable>(_ type: Value.Type) throws(Garbled) -> Value {
    let size = MemoryLayout<Value>.size
    guard bytes.count - next >= size else { throw Garbled() }
    defer { next += size }
    return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: next, as: type) }
  }

  mutating func int() throws(Garbled) -> Int { Int(try take(Int64.self)) }
  mutating func unsigned() throws(Garbled) -> UInt64 { try take(UInt64.self) }
  mutating func double() throws(Garbled) -> Double { try take(Double.self) }
  mutating func bool() throws(Garbled) -> Bool { try take(UInt8.self) != 0 }

  /// A number of things that follow, each at least a byte.
  mutating func count() throws(Garbled) -> Int {
    let count = try int()
    guard count >= 0, count <= bytes.count - next else { throw Garbled() }
    return count
  }

  mutating func text() throws(Garbled) -> String {
    let count = try count()
    defer { next += count }
    return String(decoding: bytes[next..<next + count], as: UTF8.self)
  }

  mutating func optionalText() throws(Garbled) -> String? { try bool() ? try text() : nil }

  mutating func texts() throws(Garbled) -> [String] {
    var texts: [String] = []
    for _ in 0..<(try count()) { texts.append(try text()) }
    return texts
  }

  mutating func statistics(
    among known: [Statistic] = StatisticRegistry.host.entries
  ) throws(Garbled) -> [Statistic] {
    var statistics: [Statistic] = []
    for name in try texts() {
      guard let statistic = known.first(where: { $0.name == name }) else { throw Garbled() }
      statistics.append(statistic)
    }
    return statistics
  }

  /// An array where it lies in the tray, until the next message.
  mutating func view<Value: BitwiseCopyable>(of type: Value.Type) throws(Garbled) -> UnsafeBufferPointer<
    Value
  > {
    let (count, offset) = (try int(), try int())
    guard let place = tray.view(offset, count: count, of: type) else { throw Garbled() }
    return UnsafeBufferPointer(start: place, count: count)
  }

  mutating func array<Value: BitwiseCopyable>(of type: Value.Type) throws(Garbled) -> [Value] {
    Array(try view(of: type))
  }
}
