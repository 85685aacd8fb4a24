import JSON

/// What a rendering may take. Beyond it the template loops without end, or grows without bound.
package struct RenderLimits: Sendable {
  /// A statement or a part of an expression takes 16, a text or list that is made one a byte or element.
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

  /// Bytes of a template's text. Those of models have fewer than 100,000.
  static let template = 1 << 20

  package init() {}

  /// In proportion to what is rendered, since a template is rendered for each conversation of a file. It leaves room
  /// for the whole template for each message, for some that look through all messages for each, and for every text
  /// many times over.
  ///
  /// Templates of models take less than a quarter of it.
  package init(template: Int, messages: JSONValue, variables: JSONObject) {
    let count = messages.arrayValue?.count ?? 0
    let text = Self.size(of: messages) + variables.members.reduce(0) { $0 + Self.size(of: $1.value) }
    // Numbers of things that are in memory: far from where the sum could overflow.
    let squares = 64 * min(count, 1 << 20) * min(count, 1 << 20)
    work = min(work, (256 << 10) + 256 * text + 16 * template * (count + 2) + squares)
  }

  /// About the bytes of a value written out.
  private static func size(of value: JSONValue) -> Int {
    switch value {
    case .string(let text): text.utf8.count
    case .array(let values): values.reduce(0) { $0 + 8 + size(of: $1) }
    case .object(let object): object.members.reduce(0) { $0 + 8 + $1.key.utf8.count + size(of: $1.value) }
    default: 8
    }
  }
}
