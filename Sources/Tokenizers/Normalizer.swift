import Foundation

/// What happens to a text before it is cut into words.
struct Normalizer: Sendable {
  let steps: [NormalizerNode]

  /// A text that is already UTF-8; empty texts stay empty.
  func normalize(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for step in steps where !bytes.isEmpty {
      switch step {
      case .canonicalComposition: bytes = composed(bytes)
      case .prepend(let prefix): bytes.insert(contentsOf: prefix.utf8, at: 0)
      case .replace(let pattern, let content):
        bytes = replacing(Array(pattern.utf8), with: Array(content.utf8), in: bytes)
      }
    }
    return bytes
  }

  func normalize(_ text: String) -> String {
    String(decoding: normalize(Array(text.utf8)), as: UTF8.self)
  }

  /// NFC. Below U+0300, which no byte below 0xCC can start, nothing ever composes or decomposes.
  private func composed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(where: { $0 >= 0xcc }) else { return bytes }
    return Array(String(decoding: bytes, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
  }
}

/// Each occurrence of `pattern`, from the left and not overlapping, replaced.
func replacing(_ pattern: [UInt8], with content: [UInt8], in bytes: [UInt8]) -> [UInt8] {
  guard let first = pattern.first else { return bytes }
  var result: [UInt8] = []
  result.reserveCapacity(bytes.count)
  var index = 0
  while index < bytes.count {
    let end = index + pattern.count
    if bytes[index] == first, end <= bytes.count, bytes[index..<end].elementsEqual(pattern) {
      result += content
      index = end
    } else {
      result.append(bytes[index])
      index += 1
    }
  }
  return result
}
