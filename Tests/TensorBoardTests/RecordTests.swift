import TensorBoard
import Testing

private func hex(_ bytes: [UInt8]) -> String {
  bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}

@Suite("A record") struct RecordTests {
  /// RFC 3720, B.4; the last is the check value that catalogues of CRCs give.
  @Test func hasTheChecksumOfRFC3720() {
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum(0..<32) == 0x46DD_794E)
    #expect(CRC32C.checksum((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
    #expect(CRC32C.checksum("123456789".utf8) == 0xE306_9283)
    #expect(CRC32C.checksum([]) == 0)
  }

  /// Bytes of tensorboard 2.21.0: its Event messages, in its RecordWriter.
  @Test(arguments: [
    (
      Event(wallTime: 1_700_000_000.25, .version),
      "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9"
    ),
    (
      Event(wallTime: 1_700_000_001.5, step: 300, .scalar(tag: "train/loss", value: 2.625)),
      "2100000000000000017becf60900006040fc54d94110ac022a130a110a0a747261696e2f6c6f737315000028402eb1187a"
    ),
    (
      Event(wallTime: 1_700_000_001.5, .scalar(tag: "é", value: 0)),
      "16000000000000004f61be280900006040fc54d9412a0b0a090a02c3a915000000004a1795ac"
    ),
    (
      Event(wallTime: 1_700_000_001.5, step: -1, .scalar(tag: "x", value: 1)),
      "200000000000000029eda9500900006040fc54d94110ffffffffffffffffff012a0a0a080a0178150000803fef5ed578"
    ),
    (
      Event(wallTime: 1_700_000_002, step: 7, .start),
      "0f000000000000006d532b090900008040fc54d94110073a020801d1e17c88"
    ),
  ])
  func isByteForByteTensorBoards(event: Event, expected: String) {
    #expect(hex(TFRecord.framing(event.bytes)) == expected)
  }
}
