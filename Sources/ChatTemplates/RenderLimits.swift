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

  package init() {}
}
