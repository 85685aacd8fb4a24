/// The checksum of TFRecord files: CRC-32C (Castagnoli, RFC 3720 B.4), bits reversed, polynomial 0x1EDC6F41.
package enum CRC32C {
  /// What each byte turns a remainder of 0 into.
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

  /// As TFRecord stores it: turned and shifted, so that the checksum of data which hold checksums is not degenerate
  /// (tensorflow/core/lib/hash/crc32c.h).
  package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let checksum = checksum(bytes)
    return ((checksum >> 15) | (checksum << 17)) &+ 0xA282_EAD8
  }
}
