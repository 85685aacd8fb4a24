/// A record of a TFRecord file, which is nothing but records: length, its checksum, payload, its checksum, all
/// numbers little-endian (tensorflow/core/lib/io/record_writer.h).
package enum TFRecord {
  package static func framing(_ payload: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(payload.count))
    return length + littleEndian(CRC32C.masked(length)) + payload + littleEndian(CRC32C.masked(payload))
  }
}

/// The bytes of a number, the lowest first.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
