/// Reads expressions. Jinja's operators bind in this order, the loosest first: conditional, or, and, not, comparison,
/// + and -, ~, * / // %, **, sign, then what follows a value.
extension TemplateParser {
  /// Higher trees are refused: evaluating one takes a stack frame a level.
  static let highest = 200

  private func make(
    _ kind: Expression.Kind, _ parts: [Expression], line: Int
  ) throws(ChatTemplateError) -> Expression {
    let height = 1 + (parts.map(\.height).max() ?? 0)
    guard height <= Self.highest else {
      throw .limit(line: line, what: "an expression of more than \(Self.highest) levels")
    }
    return Expression(kind: kind, line: line, height: height)
  }

  mutating func expression() throws(ChatTemplateError) -> Expression {
    try enter()
    defer { depth -= 1 }
    return try conditional()
  }

  /// One expression, or several with commas between, which are a tuple.
  mutating func tuple(
    withConditions: Bool = true, mayBeEmpty: Bool = false
  ) throws(ChatTemplateError) -> Expression {
    try enter()
    defer { depth -= 1 }
    let line = current.line
    var parts: [Expression] = []
    var isTuple = false
    while !endsTuple {
      parts.append(withConditions ? try conditional() : try chain(.or))
      guard take(symbol: ",") else { break }
      isTuple = true
    }
    if !isTuple {
      if let only = parts.first { return only }
      guard mayBeEmpty else { throw expected("an expression") }
    }
    return try make(.tuple(parts), parts, line: line)
  }

  private var endsTuple: Bool {
    switch current.kind {
    case .blockEnd, .variableEnd, .symbol(")"), .end: true
    default: false
    }
  }

  private mutating func conditional() throws(ChatTemplateError) -> Expression {
    var value = try chain(.or)
    while current.kind == .name("if") {
      let line = current.line
      advance()
      let test = try chain(.or)
      let otherwise = take(name: "else") ? try expression() : nil
      value = try make(
        .conditional(test: test, then: value, otherwise: otherwise),
        [test, value] + (otherwise.map { [$0] } ?? []),
        line: line)
    }
    return value
  }

  /// Operators that bind alike.
  private enum Level {
    case or, and, sum, product, power

    /// What the operator of this token makes of its two sides; nil for any other token.
    func join(_ token: TemplateToken.Kind) -> ((Expression, Expression) -> Expression.Kind)? {
      switch (self, token) {
      case (.or, .name("or")): return Expression.Kind.or
      case (.and, .name("and")): return Expression.Kind.and
      case (_, .symbol(let symbol)):
        guard let operation = Expression.Arithmetic(rawValue: symbol), operations.contains(operation) else {
          return nil
        }
        return { .arithmetic(operation, $0, $1) }
      default: return nil
      }
    }

    private var operations: [Expression.Arithmetic] {
      switch self {
      case .or, .and: []
      case .sum: [.add, .subtract]
      case .product: [.multiply, .divide, .floorDivide, .modulo]
      case .power: [.power]
      }
    }
  }

  /// Operands with operators of one level between them, joined from left to right.
  private mutating func chain(_ level: Level) throws(ChatTemplateError) -> Expression {
    var left = try operand(of: level)
    let line = current.line
    while let join = level.join(current.kind) {
      advance()
      let right = try operand(of: level)
      left = try make(join(left, right), [left, right], line: line)
    }
    return left
  }

  private mutating func operand(of level: Level) throws(ChatTemplateError) -> Expression {
    switch level {
    case .or: try chain(.and)
    case .and: try not()
    case .sum: try concatenation()
    case .product: try chain(.power)
    case .power: try signed(withFilters: true)
    }
  }

  private mutating func not() throws(ChatTemplateError) -> Expression {
    let line = current.line
    guard take(name: "not") else { return try comparison() }
    try enter()
    defer { depth -= 1 }
    let value = try not()
    return try make(.not(value), [value], line: line)
  }

  private mutating func comparison() throws(ChatTemplateError) -> Expression {
    let first = try chain(.sum)
    var rest: [(relation: Expression.Relation, right: Expression)] = []
    let line = current.line
    while let relation = takeRelation() {
      rest.append((relation, try chain(.sum)))
    }
    if rest.isEmpty { return first }
    return try make(.compare(first, rest), [first] + rest.map(\.right), line: line)
  }

  private mutating func takeRelation() -> Expression.Relation? {
    switch current.kind {
    case .symbol(let symbol):
      guard let relation = Expression.Relation(rawValue: symbol) else { return nil }
      advance()
      return relation
    case .name("in"):
      advance()
      return .isIn
    case .name("not"):
      guard following.kind == .name("in") else { return nil }
      advance()
      advance()
      return .notIn
    default: return nil
    }
  }

  private mutating func concatenation() throws(ChatTemplateError) -> Expression {
    let line = current.line
    var parts = [try chain(.product)]
    while take(symbol: "~") { parts.append(try chain(.product)) }
    if parts.count == 1, let only = parts.first { return only }
    return try make(.concatenate(parts), parts, line: line)
  }

  /// A sign binds closer than a filter, and looser than what follows a value: `-x.y|abs` is `(-(x.y))|abs`.
  private mutating func signed(withFilters: Bool) throws(ChatTemplateError) -> Expression {
    let line = current.line
    var value: Expression
    if take(symbol: "-") || current.kind == .symbol("+") {
      let isPlus = take(symbol: "+")
      try enter()
      defer { depth -= 1 }
      let operand = try signed(withFilters: false)
      value = try make(isPlus ? .positive(operand) : .negative(operand), [operand], line: line)
    } else {
      value = try primary()
    }
    value = try followed(value)
    return withFilters ? try filtered(value) : value
  }

  private mutating func primary() throws(ChatTemplateError) -> Expression {
    let token = current
    advance()
    func leaf(_ kind: Expression.Kind) -> Expression { Expression(kind: kind, line: token.line, height: 1) }
    switch token.kind {
    case .name("true"), .name("True"): return leaf(.bool(true))
    case .name("false"), .name("False"): return leaf(.bool(false))
    case .name("none"), .name("None"): return leaf(.none)
    case .name(let name): return leaf(.name(name))
    case .string(var text):
      // Neighbours are one text, as in Python.
      while case .string(let more) = current.kind {
        text += more
        advance()
      }
      return leaf(.string(text))
    case .integer(let value): return leaf(.integer(value))
    case .number(let value): return leaf(.number(value))
    case .symbol("("):
      let inside = try tuple(mayBeEmpty: true)
      try require(symbol: ")")
      return inside
    case .symbol("["):
      var elements: [Expression] = []
      while try hasNext(before: "]", isFirst: elements.isEmpty) { elements.append(try expression()) }
      return try make(.list(elements), elements, line: token.line)
    case .symbol("{"): return try dictionary(line: token.line)
    default: throw .syntax(line: token.line, problem: "expected an expression, found \(token.shown)")
    }
  }

  private mutating func dictionary(line: Int) throws(ChatTemplateError) -> Expression {
    var pairs: [(key: Expression, value: Expression)] = []
    while try hasNext(before: "}", isFirst: pairs.isEmpty) {
      let key = try expression()
      try require(symbol: ":")
      pairs.append((key, try expression()))
    }
    return try make(.dictionary(pairs), pairs.flatMap { [$0.key, $0.value] }, line: line)
  }

  /// Whether brackets that `end` closes have another element. Takes the comma before it, or the end. A comma may stand
  /// before the end.
  private mutating func hasNext(before end: String, isFirst: Bool) throws(ChatTemplateError) -> Bool {
    if take(symbol: end) { return false }
    if isFirst { return true }
    guard take(symbol: ",") else { throw expected("“,” or “\(end)”") }
    return !take(symbol: end)
  }

  // MARK: What follows a value

  private mutating func followed(_ start: Expression) throws(ChatTemplateError) -> Expression {
    var value = start
    while true {
      let line = current.line
      if take(symbol: ".") {
        switch current.kind {
        case .name(let name): value = try make(.attribute(value, name), [value], line: line)
        case .integer(let index):
          let place = Expression(kind: .integer(index), line: line, height: 1)
          value = try make(.item(value, place), [value], line: line)
        default: throw expected("an attribute's name")
        }
        advance()
      } else if take(symbol: "[") {
        value = try subscripted(value, line: line)
      } else if take(symbol: "(") {
        value = try called(value, line: line)
      } else {
        return value
      }
    }
  }

  private mutating func called(_ function: Expression, line: Int) throws(ChatTemplateError) -> Expression {
    let arguments = try arguments()
    return try make(.call(function, arguments), [function] + arguments.all, line: line)
  }

  private mutating func subscripted(_ value: Expression, line: Int) throws(ChatTemplateError) -> Expression {
    var bounds: [Expression?] = [nil]
    while current.kind != .symbol("]") {
      if take(symbol: ":") {
        guard bounds.count < 3 else { throw expected("“]”") }
        bounds.append(nil)
      } else {
        guard bounds[bounds.count - 1] == nil else { throw expected("“]”") }
        bounds[bounds.count - 1] = try expression()
      }
    }
    advance()
    let parts = [value] + bounds.compactMap(\.self)
    if bounds.count == 1 {
      guard let place = bounds[0] else {
        throw .syntax(line: line, problem: "expected an index between “[” and “]”")
      }
      return try make(.item(value, place), parts, line: line)
    }
    let step = bounds.count == 3 ? bounds[2] : nil
    return try make(.slice(value, from: bounds[0], to: bounds[1], step: step), parts, line: line)
  }

  /// Reads what follows the opening parenthesis of a call.
  private mutating func arguments() throws(ChatTemplateError) -> Expression.Arguments {
    var arguments = Expression.Arguments()
    while try hasNext(before: ")", isFirst: arguments.positional.isEmpty && arguments.named.isEmpty) {
      if current.kind == .symbol("*") || current.kind == .symbol("**") {
        throw .unsupported(line: current.line, what: "a list handed in as arguments, “*”,")
      }
      if case .name(let name) = current.kind, following.kind == .symbol("=") {
        advance()
        advance()
        arguments.named.append((name, try expression()))
      } else {
        guard arguments.named.isEmpty else {
          throw .syntax(line: current.line, problem: "an argument without a name follows one with a name")
        }
        arguments.positional.append(try expression())
      }
    }
    return arguments
  }

  private mutating func filtered(_ start: Expression) throws(ChatTemplateError) -> Expression {
    var value = start
    while true {
      let line = current.line
      if take(symbol: "|") {
        let filter = try filterCall(line: line)
        value = try make(.filter(value, filter), [value] + filter.arguments.all, line: line)
      } else if take(name: "is") {
        value = try tested(value, line: line)
      } else if take(symbol: "(") {
        value = try called(value, line: line)
      } else {
        return value
      }
    }
  }

  private mutating func filterCall(line: Int) throws(ChatTemplateError) -> Expression.FilterCall {
    let name = try name("a filter's name")
    guard Filters.names.contains(name) else {
      throw .unsupported(line: line, what: "the filter “\(name)”")
    }
    let arguments = take(symbol: "(") ? try arguments() : Expression.Arguments()
    return Expression.FilterCall(name: name, arguments: arguments, line: line)
  }

  /// `upper|trim` after `filter`, `|upper|trim` after the variable of a `set`.
  mutating func filterChain(first: Bool) throws(ChatTemplateError) -> [Expression.FilterCall] {
    var filters: [Expression.FilterCall] = []
    if first { filters.append(try filterCall(line: current.line)) }
    while take(symbol: "|") { filters.append(try filterCall(line: current.line)) }
    return filters
  }

  /// A test may have one argument without parentheses: `is divisibleby 3`.
  private mutating func tested(_ value: Expression, line: Int) throws(ChatTemplateError) -> Expression {
    let isNegated = take(name: "not")
    let name = try name("a test's name")
    guard ValueTests.names.contains(name) else {
      throw .unsupported(line: line, what: "the test “\(name)”")
    }
    var arguments = Expression.Arguments()
    if take(symbol: "(") {
      arguments = try self.arguments()
    } else if startsArgument {
      if current.kind == .name("is") {
        throw .syntax(line: line, problem: "tests can't be chained with “is”")
      }
      arguments.positional = [try followed(try primary())]
    }
    let test = try make(
      .test(value, name: name, arguments: arguments), [value] + arguments.all, line: line)
    return isNegated ? try make(.not(test), [test], line: line) : test
  }

  private var startsArgument: Bool {
    switch current.kind {
    case .name(let name): !["else", "or", "and", "if", "in", "not"].contains(name)
    case .string, .integer, .number, .symbol("["), .symbol("{"): true
    default: false
    }
  }
}
