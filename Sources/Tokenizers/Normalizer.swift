import Foundation

/// Changes a text before it is cut into words.
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

  /// NFC as Hugging Face `tokenizers` has it. Compared over all code points and 200,000 random sequences:
  /// equal but for U+1176, U+11A7 and U+11C3 after Hangul, with which the crate composes by mistake.
  private func composed(_ bytes: [UInt8]) -> [UInt8] {
    // Below U+0300, which no byte below 0xCC can start, nothing ever composes or decomposes.
    guard bytes.contains(where: { $0 >= 0xcc }) else { return bytes }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var start = 0
    var index = 0
    func compose(upTo end: Int) {
      // Decomposed first, since Foundation's composition leaves a Hangul syllable and its final apart.
      let text = String(decoding: bytes[start..<end], as: UTF8.self).decomposedStringWithCanonicalMapping
      result += Array(text.precomposedStringWithCanonicalMapping.utf8)
    }
    while index < bytes.count {
      let (scalar, next) = character(at: index, of: bytes, before: bytes.count)
      if !CharacterClasses.of(scalar).contains(.normalizable) {
        compose(upTo: index)
        result += bytes[index..<next]
        start = next
      }
      index = next
    }
    compose(upTo: index)
    return result
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
