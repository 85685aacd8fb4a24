import JSON

/// Limits of one rendering. A template that exceeds them loops without end or grows without bound.
package struct RenderLimits: Sendable {
  /// Units of work: 16 for a statement or a part of an expression, 1 for a byte or element that is made.
  package var work = 512 << 20
  /// Bytes of the result, and of any text on the way to it.
  package var bytes = 64 << 20
  /// Levels of expressions, blocks and macros within each other.
  package var depth = 400
  /// Numbers of a `range`: Jinja's sandbox has the same limit.
  package var range = 100_000
  /// Lists and dictionaries within each other.
  package var nesting = 220
  package var namespaces = 10_000

  /// Bytes of a template's text. Models' templates have fewer than 100,000.
  static let template = 1 << 20

  package init() {}

  /// Makes limits in proportion to the conversation, since a file has many. They allow the whole template for each
  /// message, a look at all messages from each, and every text many times over. Models' templates take less than a
  /// quarter.
  package init(template: Int, messages: JSONValue, variables: JSONObject) {
    let count = messages.arrayValue?.count ?? 0
    let text = Self.size(of: messages) + variables.members.reduce(0) { $0 + Self.size(of: $1.value) }
    // These count things in memory, so the sum can't overflow.
    let squares = 64 * min(count, 1 << 20) * min(count, 1 << 20)
    work = min(work, (256 << 10) + 256 * text + 16 * template * (count + 2) + squares)
  }

  /// Roughly the bytes of the value written out.
  private static func size(of value: JSONValue) -> Int {
    switch value {
    case .string(let text): text.utf8.count
    case .array(let values): values.reduce(0) { $0 + 8 + size(of: $1) }
    case .object(let object): object.members.reduce(0) { $0 + 8 + $1.key.utf8.count + size(of: $1.value) }
    default: 8
    }
  }
}
