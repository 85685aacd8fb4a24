/// Jinja's tests: what may follow `is`.
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
    switch name {
    case "defined", "undefined":
      if case .undefined = value { return name == "undefined" }
      return name == "defined"
    case "none":
      if case .none = value { return true }
      return false
    case "boolean":
      if case .bool = value { return true }
      return false
    case "true", "false":
      if case .bool(let value) = value { return value == (name == "true") }
      return false
    case "integer":
      if case .integer = value { return true }
      return false
    case "float":
      if case .number = value { return true }
      return false
    case "number": return value.numeric != nil
    case "string":
      if case .string = value { return true }
      return false
    case "mapping":
      if case .dictionary = value { return true }
      return false
    // Jinja's undefined value can be gone through: it has nothing in it.
    case "sequence", "iterable":
      switch value {
      case .undefined, .string, .list, .tuple, .dictionary: return true
      case .loop: return name == "iterable"
      default: return false
      }
    case "callable":
      if case .function = value { return true }
      return false
    case "lower", "upper":
      let shown = try text(value)
      let (cased, contrary) = (
        shown.unicodeScalars.contains {
          name == "lower" ? $0.properties.isLowercase : $0.properties.isUppercase
        },
        shown.unicodeScalars.contains {
          name == "lower" ? $0.properties.isUppercase : $0.properties.isLowercase
        }
      )
      return cased && !contrary
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

  /// `sameas`: of none, true and false there is one each; of the rest, equality is the nearest that values have.
  private func isSame(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
    switch (left, right) {
    case (.bool(let left), .bool(let right)): return left == right
    case (.bool, _), (_, .bool): return false
    default: return try areEqual(left, right)
    }
  }
}
