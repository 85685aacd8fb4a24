import Wording

/// A place in a JSON document, written as in `stages[1].criterion.options.variant`.
public struct JSONPath: Sendable, Hashable, CustomStringConvertible {
  public enum Segment: Sendable, Hashable {
    case key(String)
    case index(Int)
  }

  public let segments: [Segment]

  /// The whole document.
  public static let root = JSONPath(segments: [])

  public func key(_ name: String) -> JSONPath { JSONPath(segments: segments + [.key(name)]) }

  public func index(_ number: Int) -> JSONPath { JSONPath(segments: segments + [.index(number)]) }

  /// Whether `other` is this place or a place within it.
  public func contains(_ other: JSONPath) -> Bool { other.segments.starts(with: segments) }

  public var description: String {
    var text = ""
    for segment in segments {
      switch segment {
      case .index(let number): text += "[\(number)]"
      case .key(let name) where Self.isPlain(name): text += (text.isEmpty ? "" : ".") + name
      case .key(let name): text += "[\"\(ShownText.value(name))\"]"
      }
    }
    return text
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name.allSatisfy { $0.isLetter || $0.isNumber || "_-$".contains($0) }
  }
}
