/// Builds a protobuf message. Put fields in the order of their numbers.
///
/// TensorBoard's events need four kinds of messages, and none is read. The generated code of a library would be many times
/// larger (https://protobuf.dev/programming-guides/encoding).
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  /// Puts an integer or an enumeration. Negative integers take ten bytes.
  mutating func put(_ field: UInt64, _ value: Int64) {
    key(field, .varint)
    varint(UInt64(bitPattern: value))
  }

  mutating func put(_ field: UInt64, _ value: Double) {
    key(field, .eightBytes)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func put(_ field: UInt64, _ value: Float) {
    key(field, .fourBytes)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func put(_ field: UInt64, _ value: String) {
    counted(field, Array(value.utf8))
  }

  /// Puts a message within this one.
  mutating func put(_ field: UInt64, _ fill: (inout ProtobufMessage) -> Void) {
    var message = ProtobufMessage()
    fill(&message)
    counted(field, message.bytes)
  }

  private enum WireType: UInt64 {
    case varint = 0
    case eightBytes = 1
    case counted = 2
    case fourBytes = 5
  }

  private mutating func key(_ field: UInt64, _ type: WireType) {
    varint(field << 3 | type.rawValue)
  }

  private mutating func counted(_ field: UInt64, _ content: [UInt8]) {
    key(field, .counted)
    varint(UInt64(content.count))
    bytes += content
  }

  /// Appends seven bits a byte, the lowest first. The eighth bit tells that more follow.
  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
