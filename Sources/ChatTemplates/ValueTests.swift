/// Jinja's tests: the words that may follow `is`.
enum ValueTests {
  static let names: Set<String> = [
    "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "gt",
    "greaterthan", "in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none",
    "number", "odd", "sameas", "sequence", "string", "true", "undefined", "upper", "==", "!=", "<", "<=", ">",
    ">=",
  ]
}

extension Interpreter {
  func test(
    _ name: String, _ value: TemplateValue, _ arguments: [TemplateValue]
  ) throws(ChatTemplateError) -> Bool {
    func other() throws(ChatTemplateError) -> TemplateValue {
      guard let value = arguments.first else { throw failure("the test “\(name)” takes an argument") }
      return value
    }
    func remainder(_ divisor: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
      try compute(.modulo, value, divisor)
    }
    switch (name, value) {
    case ("undefined", .undefined), ("none", .none), ("boolean", .bool), ("true", .bool(true)),
      ("false", .bool(false)), ("integer", .integer), ("float", .number), ("string", .string),
      ("mapping", .dictionary), ("callable", .function), ("iterable", .loop):
      return true
    case ("defined", .undefined): return false
    case ("defined", _): return true
    // An undefined value can be looped over: it has no items.
    case ("sequence", .undefined), ("sequence", .string), ("sequence", .list), ("sequence", .tuple),
      ("sequence", .dictionary):
      return true
    case ("iterable", _): return try test("sequence", value, [])
    default: break
    }
    switch name {
    case "undefined", "none", "boolean", "true", "false", "integer", "float", "string", "mapping", "callable",
      "sequence":
      return false
    case "number": return value.numeric != nil
    case "lower": return PythonText.isLower(try text(value))
    case "upper": return PythonText.isUpper(try text(value))
    case "even": return try remainder(.integer(2)) == .integer(0)
    case "odd": return try remainder(.integer(2)) == .integer(1)
    case "divisibleby": return try remainder(try other()) == .integer(0)
    case "eq", "equalto", "==": return try holds(.equal, value, try other())
    case "ne", "!=": return try holds(.notEqual, value, try other())
    case "lt", "lessthan", "<": return try holds(.less, value, try other())
    case "le", "<=": return try holds(.lessOrEqual, value, try other())
    case "gt", "greaterthan", ">": return try holds(.greater, value, try other())
    case "ge", ">=": return try holds(.greaterOrEqual, value, try other())
    case "in": return try holds(.isIn, value, try other())
    default: return try isSame(value, try other())
    }
  }

  /// `sameas`. None, true and false are single objects. For other values, equality comes nearest.
  private func isSame(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
    switch (left, right) {
    case (.bool(let left), .bool(let right)): return left == right
    case (.bool, _), (_, .bool): return false
    default: return try areEqual(left, right)
    }
  }
}
