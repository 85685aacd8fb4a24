/// Reads a template's statements; expressions are in `ExpressionParser.swift`.
struct TemplateParser {
  /// Deeper nested templates are refused instead of overflowing the stack.
  static let deepest = 64

  private let tokens: [TemplateToken]
  private var position = 0
  var depth = 0
  private var loops = 0

  static func parse(_ text: String) throws(ChatTemplateError) -> [Statement] {
    var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: text))
    let (body, ending) = try parser.body(until: [])
    if let ending { throw parser.unexpected(ending) }
    return body
  }

  private init(tokens: [TemplateToken]) { self.tokens = tokens }

  /// Reads statements up to a block that starts with one of `endings`. Takes that word and returns it. Without
  /// `endings` it reads to the template's end, and the word is nil.
  private mutating func body(
    until endings: [String], of opening: String = "", openedAt line: Int = 0
  ) throws(ChatTemplateError) -> (body: [Statement], ending: TemplateToken?) {
    try enter()
    defer { depth -= 1 }
    var statements: [Statement] = []
    while true {
      let token = current
      advance()
      switch token.kind {
      case .text(let text): statements.append(.text(text))
      case .variableBegin:
        statements.append(.output(try tuple()))
        try require(.variableEnd, "}}")
      case .blockBegin:
        let word = current
        guard case .name(let name) = word.kind else { throw expected("a statement's name") }
        advance()
        if endings.contains(name) { return (statements, word) }
        statements.append(try statement(name, word))
      case .end:
        guard endings.isEmpty else {
          throw .syntax(
            line: line, problem: "“{% \(opening) %}” has no “{% \(endings.last ?? "") %}”")
        }
        return (statements, nil)
      default: throw unexpected(token)
      }
    }
  }

  private mutating func statement(_ name: String, _ word: TemplateToken) throws(ChatTemplateError)
    -> Statement
  {
    switch name {
    case "for": return try loop(line: word.line)
    case "if": return try conditional(line: word.line)
    case "set": return try set(line: word.line)
    case "macro": return try macro(line: word.line)
    case "filter":
      let filters = try filterChain(first: true)
      try blockEnd()
      let body = try closed("filter", word.line)
      return .filtered(filters, body)
    case "generation":
      try blockEnd()
      return .group(try closed("generation", word.line))
    case "break", "continue":
      guard loops > 0 else { throw .syntax(line: word.line, problem: "“\(name)” stands outside of a loop") }
      try blockEnd()
      return name == "break" ? .breakLoop(line: word.line) : .continueLoop(line: word.line)
    case "block", "call", "do", "extends", "from", "import", "include", "trans", "with", "autoescape":
      throw .unsupported(line: word.line, what: "the statement “\(name)”")
    default:
      if name.hasPrefix("end") || name == "else" || name == "elif" {
        throw .syntax(line: word.line, problem: "“{% \(name) %}” ends nothing that is open")
      }
      throw .syntax(line: word.line, problem: "there is no statement “\(name)”")
    }
  }

  /// Reads the body of a block and its `end…`.
  private mutating func closed(_ name: String, _ line: Int) throws(ChatTemplateError) -> [Statement] {
    let (body, _) = try body(until: ["end" + name], of: name, openedAt: line)
    try blockEnd()
    return body
  }

  private mutating func blockEnd() throws(ChatTemplateError) { try require(.blockEnd, "%}") }

  private mutating func loop(line: Int) throws(ChatTemplateError) -> Statement {
    let target = try target(withAttributes: false)
    try require(.name("in"), "in")
    // A condition without parentheses would be taken for the loop's own `if`.
    let items = try tuple(withConditions: false)
    let filter = take(name: "if") ? try expression() : nil
    if current.kind == .name("recursive") {
      throw .unsupported(line: current.line, what: "a recursive loop")
    }
    try blockEnd()
    loops += 1
    let (body, ending) = try body(until: ["else", "endfor"], of: "for", openedAt: line)
    loops -= 1
    try blockEnd()
    let otherwise = ending?.kind == .name("else") ? try closed("for", line) : []
    return .loop(
      Statement.Loop(
        target: target, items: items, filter: filter, body: body, otherwise: otherwise, line: line))
  }

  private mutating func conditional(line: Int) throws(ChatTemplateError) -> Statement {
    var branches: [(test: Expression, body: [Statement])] = []
    var ending: TemplateToken?
    repeat {
      let test = try tuple(withConditions: false)
      try blockEnd()
      let body: [Statement]
      (body, ending) = try self.body(until: ["elif", "else", "endif"], of: "if", openedAt: line)
      branches.append((test, body))
    } while ending?.kind == .name("elif")
    try blockEnd()
    let otherwise = ending?.kind == .name("else") ? try closed("if", line) : []
    return .conditional(branches, otherwise: otherwise)
  }

  private mutating func set(line: Int) throws(ChatTemplateError) -> Statement {
    let target = try target(withAttributes: true)
    if take(symbol: "=") {
      let value = try tuple()
      try blockEnd()
      return .set(target, value)
    }
    let filters = try filterChain(first: false)
    try blockEnd()
    return .capture(target, filters, try closed("set", line))
  }

  private mutating func macro(line: Int) throws(ChatTemplateError) -> Statement {
    let name = try name("the macro's name")
    try require(symbol: "(")
    var parameters: [(name: String, fallback: Expression?)] = []
    while !take(symbol: ")") {
      guard parameters.isEmpty || take(symbol: ",") else { throw expected("“,” or “)”") }
      let parameter = try self.name("a parameter's name")
      let fallback = take(symbol: "=") ? try expression() : nil
      if fallback == nil, parameters.last?.fallback != nil {
        throw .syntax(line: current.line, problem: "“\(parameter)” has no default, and the one before it has")
      }
      parameters.append((parameter, fallback))
    }
    try blockEnd()
    let outside = loops
    loops = 0
    defer { loops = outside }
    let body = try closed("macro", line)
    return .macro(Statement.Macro(name: name, parameters: parameters, body: body, line: line))
  }

  /// `x`, `x, y`, `(x, y)` or, where something is set, `space.member`.
  private mutating func target(withAttributes: Bool) throws(ChatTemplateError) -> Statement.Target {
    var targets: [Statement.Target] = []
    var isTuple = false
    while true {
      if take(symbol: "(") {
        try enter()
        defer { depth -= 1 }
        targets.append(try target(withAttributes: false))
        try require(symbol: ")")
      } else if isTuple, case .name("in") = current.kind {
        break
      } else {
        let name = try name("a variable's name")
        if ["true", "false", "none", "True", "False", "None"].contains(name) {
          throw .syntax(line: current.line, problem: "“\(name)” can't be given another value")
        }
        if withAttributes, take(symbol: ".") {
          targets.append(.attribute(name, try self.name("a member's name")))
        } else {
          targets.append(.name(name))
        }
      }
      guard take(symbol: ",") else { break }
      isTuple = true
    }
    if !isTuple, let only = targets.first { return only }
    return .tuple(targets)
  }

  // MARK: Tokens

  var current: TemplateToken {
    position < tokens.count ? tokens[position] : TemplateToken(kind: .end, line: tokens.last?.line ?? 1)
  }

  var following: TemplateToken {
    position + 1 < tokens.count ? tokens[position + 1] : TemplateToken(kind: .end, line: current.line)
  }

  mutating func advance() { position += 1 }

  mutating func take(_ kind: TemplateToken.Kind) -> Bool {
    guard current.kind == kind else { return false }
    advance()
    return true
  }

  mutating func take(symbol: String) -> Bool { take(.symbol(symbol)) }
  mutating func take(name: String) -> Bool { take(.name(name)) }

  mutating func require(symbol: String) throws(ChatTemplateError) { try require(.symbol(symbol), symbol) }
  private mutating func require(_ kind: TemplateToken.Kind, _ shown: String) throws(ChatTemplateError) {
    guard take(kind) else { throw expected("“\(shown)”") }
  }

  mutating func name(_ what: String) throws(ChatTemplateError) -> String {
    guard case .name(let name) = current.kind else { throw expected(what) }
    advance()
    return name
  }

  /// Counts one level of nesting. The caller takes it off `depth` again.
  mutating func enter() throws(ChatTemplateError) {
    guard depth < Self.deepest else {
      throw .limit(line: current.line, what: "nested deeper than \(Self.deepest) levels")
    }
    depth += 1
  }

  func expected(_ what: String) -> ChatTemplateError {
    .syntax(line: current.line, problem: "expected \(what), found \(current.shown)")
  }

  private func unexpected(_ token: TemplateToken) -> ChatTemplateError {
    .syntax(line: token.line, problem: "\(token.shown) has no meaning here")
  }
}
