/// Cuts a template into tokens, with the whitespace control that transformers asks of Jinja.
///
/// `trim_blocks` is on: a line break right after a block's or a comment's end goes. `lstrip_blocks` is on: blanks
/// between a line's start and a block or comment go. A `-` at a tag takes all whitespace on its side, a `+` takes
/// none. https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control
struct TemplateLexer {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var line = 1
  private(set) var tokens: [TemplateToken] = []

  /// Makes every line break `\n`, and drops one at the very end.
  init(_ text: String) {
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(text.utf8.count)
    var last: Unicode.Scalar = " "
    for scalar in text.unicodeScalars {
      if scalar != "\n" || last != "\r" { scalars.append(scalar == "\r" ? "\n" : scalar) }
      last = scalar
    }
    if scalars.last == "\n" { scalars.removeLast() }
    self.scalars = scalars
  }

  static func tokens(of text: String) throws(ChatTemplateError) -> [TemplateToken] {
    var lexer = TemplateLexer(text)
    try lexer.run()
    return lexer.tokens
  }

  private mutating func run() throws(ChatTemplateError) {
    var atLineStart = true
    while position < scalars.count {
      guard let start = nextTag() else {
        append(text: position..<scalars.count)
        break
      }
      let sign = scalar(start + 2)
      let isVariable = scalar(start + 1) == "{"
      let kept = keptText(before: start, sign: sign, stripsLine: !isVariable, atLineStart: atLineStart)
      append(text: kept, upTo: start)
      skip(to: afterSign(start + 2))
      if scalar(start + 1) == "#" {
        try skipComment()
      } else if isVariable {
        emit(.variableBegin)
        try lexInside(isBlock: false)
      } else if let content = rawContentStart() {
        try lexRaw(from: content)
      } else {
        emit(.blockBegin)
        try lexInside(isBlock: true)
      }
      atLineStart = position > 0 && scalar(position - 1) == "\n"
    }
    emit(.end)
  }

  // MARK: Text and what bounds it

  /// Where the next `{{`, `{%` or `{#` stands.
  private func nextTag() -> Int? {
    scalars.indices[position...].first {
      scalars[$0] == "{" && (scalar($0 + 1) == "{" || scalar($0 + 1) == "%" || scalar($0 + 1) == "#")
    }
  }

  /// The text from here to the tag at `end`, without the whitespace that the tag takes.
  private func keptText(
    before end: Int, sign: Unicode.Scalar?, stripsLine: Bool, atLineStart: Bool
  ) -> Range<Int> {
    if sign == "-" {
      var last = end
      while last > position, PythonText.isSpace(scalars[last - 1]) { last -= 1 }
      return position..<last
    }
    guard stripsLine, sign != "+" else { return position..<end }
    let lineStart = scalars[position..<end].lastIndex(of: "\n").map { $0 + 1 } ?? position
    guard lineStart > position || atLineStart, scalars[lineStart..<end].allSatisfy(PythonText.isSpace) else {
      return position..<end
    }
    return position..<lineStart
  }

  private mutating func append(text range: Range<Int>, upTo end: Int? = nil) {
    if !range.isEmpty { emit(.text(text(range))) }
    skip(to: end ?? range.upperBound)
  }

  private mutating func skipComment() throws(ChatTemplateError) {
    let opening = line
    var index = position
    while scalar(index) != nil, !(scalar(index) == "#" && scalar(index + 1) == "}") { index += 1 }
    guard scalar(index) != nil else {
      throw .syntax(line: opening, problem: "the comment that starts here has no end, “#}”")
    }
    let sign = index > position ? scalar(index - 1) : nil
    skip(to: index + 2)
    skipAfterEnd(sign: sign)
  }

  /// After `%}` or `#}`.
  private mutating func skipAfterEnd(sign: Unicode.Scalar?) {
    if sign == "-" {
      skipSpace()
    } else if sign != "+", scalar(position) == "\n" {
      skip(to: position + 1)
    }
  }

  // MARK: Raw blocks

  /// Where the content of `{% raw %}` starts; nil for any other block.
  private func rawContentStart() -> Int? {
    var index = afterSpace(position)
    guard let word = end(of: "raw", at: index) else { return nil }
    index = afterSpace(word)
    if let end = end(of: "-%}", at: index) { return afterSpace(end) }
    return end(of: "%}", at: index)
  }

  private mutating func lexRaw(from start: Int) throws(ChatTemplateError) {
    let opening = line
    let atLineStart = scalar(start - 1) == "\n"
    skip(to: start)
    var index = position
    while index < scalars.count {
      if let block = end(of: "{%", at: index) {
        let word = afterSpace(afterSign(block))
        let closing = end(of: "endraw", at: word).map(afterSpace)
        if let closing, let after = end(of: "%}", at: afterSign(closing)) {
          let kept = keptText(
            before: index, sign: scalar(block), stripsLine: true, atLineStart: atLineStart)
          append(text: kept, upTo: after)
          return skipAfterEnd(sign: scalar(closing))
        }
      }
      index += 1
    }
    throw .syntax(line: opening, problem: "the raw block that starts here has no “{% endraw %}”")
  }

  // MARK: Within tags

  private mutating func lexInside(isBlock: Bool) throws(ChatTemplateError) {
    let opening = line
    // Within brackets `}}` closes two dictionaries.
    var open: [Unicode.Scalar] = []
    while true {
      skipSpace()
      guard let next = scalar(position) else {
        throw .syntax(
          line: opening, problem: "the tag that starts here has no end, “\(isBlock ? "%}" : "}}")”")
      }
      if open.isEmpty, skipTagEnd(isBlock: isBlock) { return }
      if next == "'" || next == "\"" {
        try lexString(next)
      } else if ("0"..."9").contains(next) {
        try lexNumber()
      } else if next == "_" || next.properties.isXIDStart {
        var end = position
        while let scalar = scalar(end), scalar == "_" || scalar.properties.isXIDContinue { end += 1 }
        emit(.name(text(position..<end)))
        skip(to: end)
      } else {
        try lexSymbol(next, &open)
      }
    }
  }

  private mutating func skipTagEnd(isBlock: Bool) -> Bool {
    let mark = isBlock ? "%}" : "}}"
    let first = scalar(position)
    let hasSign = first == "-" || (isBlock && first == "+")
    guard let end = end(of: mark, at: hasSign ? position + 1 : position) else { return false }
    emit(isBlock ? .blockEnd : .variableEnd)
    skip(to: end)
    if isBlock || first == "-" { skipAfterEnd(sign: hasSign ? first : nil) }
    return true
  }

  private static let symbols = ["//", "**", "==", "!=", ">=", "<="]

  private mutating func lexSymbol(
    _ first: Unicode.Scalar, _ open: inout [Unicode.Scalar]
  ) throws(ChatTemplateError) {
    if let symbol = Self.symbols.first(where: { end(of: $0, at: position) != nil }) {
      emit(.symbol(symbol))
      return skip(to: position + symbol.count)
    }
    switch first {
    case "(": open.append(")")
    case "[": open.append("]")
    case "{": open.append("}")
    case ")", "]", "}":
      guard open.popLast() == first else {
        throw .syntax(line: line, problem: "“\(first)” closes nothing that is open")
      }
    case "+", "-", "/", "*", "%", "~", ">", "<", "=", ".", ":", "|", ",", ";": break
    default: throw .syntax(line: line, problem: "“\(first)” means nothing in an expression")
    }
    emit(.symbol(String(Character(first))))
    skip(to: position + 1)
  }

  private mutating func lexNumber() throws(ChatTemplateError) {
    let start = position
    // `a.0.b`: an index after a point is whole.
    let follows = start > 0 && scalar(start - 1) == "."
    var index = afterDigits(start)
    var isWhole = true
    if !follows {
      if scalar(index) == ".", isDigit(index + 1) {
        isWhole = false
        index = afterDigits(index + 1)
      }
      if scalar(index) == "e" || scalar(index) == "E" {
        let exponent = afterSign(index + 1)
        if isDigit(exponent) {
          isWhole = false
          index = afterDigits(exponent)
        }
      }
    }
    let digits = text(start..<index).replacing("_", with: "")
    let value = isWhole ? Int(digits).map(TemplateToken.Kind.integer) : Double(digits).map { .number($0) }
    guard let value else { throw .syntax(line: line, problem: "\(digits) is too large a number") }
    emit(value)
    skip(to: index)
  }

  private func isDigit(_ index: Int) -> Bool { scalar(index).map { ("0"..."9").contains($0) } ?? false }

  private func afterDigits(_ start: Int) -> Int {
    var index = start
    while isDigit(index) || (scalar(index) == "_" && isDigit(index + 1)) { index += 1 }
    return index
  }

  private mutating func lexString(_ quote: Unicode.Scalar) throws(ChatTemplateError) {
    var content = String.UnicodeScalarView()
    var index = position + 1
    while let next = scalar(index) {
      index += 1
      if next == quote {
        emit(.string(String(content)))
        skip(to: index)
        return
      }
      if next == "\\" {
        try appendEscape(to: &content, &index)
      } else {
        content.append(next)
      }
    }
    throw .syntax(line: line, problem: "the quoted text that starts here has no end")
  }

  /// Python's escapes. An unknown one stands for itself, backslash included.
  private func appendEscape(
    to content: inout String.UnicodeScalarView, _ index: inout Int
  ) throws(ChatTemplateError) {
    guard let letter = scalar(index) else { return }
    index += 1
    switch letter {
    case "\n": break
    case "x": try appendCode(2, radix: 16, to: &content, &index)
    case "u": try appendCode(4, radix: 16, to: &content, &index)
    case "U": try appendCode(8, radix: 16, to: &content, &index)
    case "0"..."7":
      index -= 1
      var count = 1
      while count < 3, let next = scalar(index + count), ("0"..."7").contains(next) { count += 1 }
      try appendCode(count, radix: 8, to: &content, &index)
    case "N": throw .unsupported(line: line, what: "a character by its name, “\\N{…}”,")
    default: content.append(contentsOf: Self.escapes[letter].map { [$0] } ?? ["\\", letter])
    }
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "\\": "\\", "'": "'", "\"": "\"", "n": "\n", "t": "\t", "r": "\r", "a": "\u{7}", "b": "\u{8}",
    "f": "\u{C}",
    "v": "\u{B}",
  ]

  private func appendCode(
    _ count: Int, radix: Int, to content: inout String.UnicodeScalarView, _ index: inout Int
  ) throws(ChatTemplateError) {
    let end = min(index + count, scalars.count)
    let digits = text(index..<end)
    // UInt32 would take a sign.
    guard end == index + count, digits.allSatisfy(\.isHexDigit), let code = UInt32(digits, radix: radix),
      let scalar = Unicode.Scalar(code)
    else {
      throw .syntax(line: line, problem: "“\(digits)” is no character's code")
    }
    content.append(scalar)
    index = end
  }

  // MARK: Scalars

  private func scalar(_ index: Int) -> Unicode.Scalar? {
    scalars.indices.contains(index) ? scalars[index] : nil
  }

  private func text(_ range: Range<Int>) -> String { PythonText.string(scalars[range]) }

  /// Where `word` ends, if it stands at `start`.
  private func end(of word: String, at start: Int) -> Int? {
    let end = start + word.unicodeScalars.count
    return start >= 0 && scalars.dropFirst(start).starts(with: word.unicodeScalars) ? end : nil
  }

  private func afterSign(_ index: Int) -> Int {
    scalar(index) == "-" || scalar(index) == "+" ? index + 1 : index
  }

  private func afterSpace(_ start: Int) -> Int {
    var index = start
    while let scalar = scalar(index), PythonText.isSpace(scalar) { index += 1 }
    return index
  }

  private mutating func skipSpace() { skip(to: afterSpace(position)) }

  private mutating func skip(to end: Int) {
    let end = max(position, min(end, scalars.count))
    line += scalars[position..<end].count { $0 == "\n" }
    position = end
  }

  private mutating func emit(_ kind: TemplateToken.Kind) {
    tokens.append(TemplateToken(kind: kind, line: line))
  }
}
