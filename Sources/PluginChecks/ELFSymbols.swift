import Foundation

/// The names that a shared library exports, read from its file (System V ABI, Object Files; ELF-64).
struct ELFSymbols {
  /// The names that the library defines, shows to others and binds by name. Inline functions of C++ are left out: every
  /// library has a copy of them, and any copy will do.
  let exported: [String]

  /// Returns nil if the file is no ELF file of 64 bits, or has no table of exported names.
  init?(file path: String) {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else {
      return nil
    }
    let file = Bytes(data: data)
    guard data.prefix(6).elementsEqual([0x7F, 0x45, 0x4C, 0x46, 2, 1]),
      let table = file.word(at: 40), let entry = file.half(at: 58), let count = file.half(at: 60)
    else { return nil }
    func section(_ index: Int) -> Int? {
      let (offset, overflow) = (index * entry).addingReportingOverflow(table)
      return index < count && !overflow ? offset : nil
    }
    // A section header has its type at 4, offset at 24, size at 32, link at 40 and size of an entry at 56.
    let dynamic = (0..<count).lazy.compactMap(section).first { file.int(at: $0 + 4) == 11 }
    guard let dynamic, let start = file.word(at: dynamic + 24), let size = file.word(at: dynamic + 32),
      let names = file.int(at: dynamic + 40).flatMap(section), let texts = file.word(at: names + 24),
      file.word(at: dynamic + 56) == Self.symbolSize, start <= data.count, size <= data.count - start
    else { return nil }
    var exported: [String] = []
    for symbol in stride(from: start, to: start + size - size % Self.symbolSize, by: Self.symbolSize) {
      guard let name = file.int(at: symbol), let info = file.byte(at: symbol + 4),
        let visibility = file.byte(at: symbol + 5), let home = file.half(at: symbol + 6)
      else { return nil }
      let isVisible = visibility & 3 == 0 || visibility & 3 == 3
      guard home != 0, isVisible, let text = file.text(at: texts + name), !text.isEmpty,
        !Self.linkers.contains(text)
      else { continue }
      switch info >> 4 {
      case Self.global, Self.unique: exported.append(text)
      case Self.weak where !text.hasPrefix("_Z"): exported.append(text)
      default: break
      }
    }
    self.exported = exported
  }

  /// The names that linkers put into every file.
  private static let linkers: Set<String> = [
    "__bss_start", "_edata", "_end", "edata", "end", "_init", "_fini", "_etext", "etext", "__end__",
  ]
  private static let symbolSize = 24
  private static let (global, weak, unique): (Int, Int, Int) = (1, 2, 10)
}

/// Reads a file's numbers, little-endian. The result is nil behind the end of the file.
private struct Bytes {
  let data: Data

  func byte(at place: Int) -> Int? { data.indices.contains(place) ? Int(data[place]) : nil }
  func half(at place: Int) -> Int? { number(at: place, bytes: 2) }
  func int(at place: Int) -> Int? { number(at: place, bytes: 4) }
  func word(at place: Int) -> Int? { number(at: place, bytes: 8) }

  private func number(at place: Int, bytes: Int) -> Int? {
    guard place >= 0, place <= data.count - bytes else { return nil }
    let value = (0..<bytes).reduce(UInt64(0)) { $0 | UInt64(data[place + $1]) << (8 * $1) }
    // The number is a place in a file, so it is far below Int.max.
    return value <= UInt64(Int.max / 4) ? Int(value) : nil
  }

  /// A text that ends with NUL.
  func text(at place: Int) -> String? {
    guard data.indices.contains(place) else { return nil }
    let bytes = data[place...].prefix(1 << 12).prefix { $0 != 0 }
    return String(validating: bytes, as: UTF8.self)
  }
}
