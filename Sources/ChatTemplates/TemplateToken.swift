/// One token of a template's text.
struct TemplateToken: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// Text between tags, after whitespace control.
    case text(String)
    /// `{%` and `%}`, with or without a sign.
    case blockBegin, blockEnd
    /// `{{` and `}}`
    case variableBegin, variableEnd
    case name(String)
    /// A quoted text, its escapes resolved.
    case string(String)
    case integer(Int)
    case number(Double)
    /// An operator or a bracket.
    case symbol(String)
    case end
  }

  let kind: Kind
  let line: Int

  /// For error sentences.
  var shown: String {
    switch kind {
    case .text: "text"
    case .blockBegin: "“{%”"
    case .blockEnd: "“%}”"
    case .variableBegin: "“{{”"
    case .variableEnd: "“}}”"
    case .name(let text), .symbol(let text): "“\(text)”"
    case .string: "a quoted text"
    case .integer(let value): "“\(value)”"
    case .number(let value): "“\(value)”"
    case .end: "the end of the template"
    }
  }
}
