/// A record of a TFRecord file: length, its checksum, payload, its checksum. Numbers are little-endian
/// (tensorflow/core/lib/io/record_writer.h).
package enum TFRecord {
  package static func framing(_ payload: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(payload.count))
    return length + littleEndian(CRC32C.masked(length)) + payload + littleEndian(CRC32C.masked(payload))
  }
}

/// Returns the bytes of a number, the lowest first.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// The checksum of TFRecord files: CRC-32C (Castagnoli, RFC 3720 B.4), bits reversed, polynomial 0x1EDC6F41.
package enum CRC32C {
  /// The remainder of each byte.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { remainder, _ in
      remainder & 1 == 0 ? remainder >> 1 : (remainder >> 1) ^ 0x82F6_3B78
    }
  }

  package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { remainder, byte in
      (remainder >> 8) ^ table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)]
    }
  }

  /// Returns the checksum as TFRecord stores it: rotated and shifted, so that data may hold checksums themselves
  /// (tensorflow/core/lib/hash/crc32c.h).
  package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let checksum = checksum(bytes)
    return ((checksum >> 15) | (checksum << 17)) &+ 0xA282_EAD8
  }
}
