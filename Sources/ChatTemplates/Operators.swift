/// Arithmetic and comparison by Python's rules.
extension Interpreter {
  func holds(
    _ relation: Expression.Relation, _ left: TemplateValue, _ right: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    switch relation {
    case .equal: return try areEqual(left, right)
    case .notEqual: return !(try areEqual(left, right))
    case .isIn: return try contains(right, left)
    case .notIn: return !(try contains(right, left))
    case .less: return try isLess(left, right)
    case .greater: return try isLess(right, left)
    case .lessOrEqual: return try isOrdered(left, right)
    case .greaterOrEqual: return try isOrdered(right, left)
    }
  }

  func areEqual(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
    try size(of: left)
    try size(of: right)
    return left == right
  }

  func isLess(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
    if let left = left.wholeNumber, let right = right.wholeNumber { return left < right }
    if let left = left.numeric, let right = right.numeric { return left < right }
    if case (.string(let left), .string(let right)) = (left, right) {
      try charge(left.utf8.count)
      return PythonText.isLess(left, right)
    }
    throw failure("\(left.kindName) and \(right.kindName) have no order")
  }

  /// Whether left ≤ right. This is not `!isLess(right, left)`: with a NaN neither holds.
  private func isOrdered(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
    if try isLess(left, right) { return true }
    return left == right
  }

  func contains(_ container: TemplateValue, _ value: TemplateValue) throws(ChatTemplateError) -> Bool {
    switch container {
    case .undefined: return false
    case .string(let text):
      guard case .string(let part) = value else {
        throw failure("\(value.kindName) can't be looked for in a text")
      }
      try chargeSearch(text, part)
      return PythonText.contains(text, part)
    case .dictionary(let members):
      try charge(members.members.count)
      return members[value] != nil
    case .list(let values), .tuple(let values):
      try size(of: container)
      try size(of: value)
      return values.contains(value)
    default: throw failure("\(container.kindName) has no items")
    }
  }

  /// Charges a search. In the worst case the part is compared at every place.
  func chargeSearch(_ text: String, _ part: String) throws(ChatTemplateError) {
    let (product, overflow) = text.utf8.count.multipliedReportingOverflow(by: 1 + part.utf8.count / 16)
    try charge(overflow ? .max / 2 : product)
  }

  // MARK: Arithmetic

  func compute(
    _ operation: Expression.Arithmetic, _ left: TemplateValue, _ right: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    if let left = left.wholeNumber, let right = right.wholeNumber { return try whole(operation, left, right) }
    if let left = left.numeric, let right = right.numeric { return .number(try real(operation, left, right)) }
    switch (operation, left, right) {
    case (.add, .string(let left), .string(let right)):
      try chargeText(left.utf8.count + right.utf8.count)
      return .string(left + right)
    case (.add, .list(let left), .list(let right)):
      try charge(left.count + right.count)
      return try made(.list(left + right))
    case (.add, .tuple(let left), .tuple(let right)):
      try charge(left.count + right.count)
      return try made(.tuple(left + right))
    case (.multiply, _, _):
      if let count = right.wholeNumber, let value = try repeated(left, count) { return value }
      if let count = left.wholeNumber, let value = try repeated(right, count) { return value }
    case (.modulo, .string, _): throw .unsupported(line: line, what: "formatting a text with “%”")
    default: break
    }
    throw failure("“\(operation.rawValue)” has no meaning for \(left.kindName) and \(right.kindName)")
  }

  private func repeated(_ value: TemplateValue, _ count: Int) throws(ChatTemplateError) -> TemplateValue? {
    let count = max(0, count)
    switch value {
    case .string(let text):
      try chargeText(count, times: text.utf8.count)
      return .string(text.isEmpty ? "" : String(repeating: text, count: count))
    case .list(let values):
      try chargeText(count, times: values.count * 16)
      return try made(.list(values.isEmpty ? [] : Array(repeatElement(values, count: count).joined())))
    default: return nil
    }
  }

  private func whole(
    _ operation: Expression.Arithmetic, _ left: Int, _ right: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    func checked(_ result: (Int, Bool)) throws(ChatTemplateError) -> TemplateValue {
      guard !result.1 else {
        throw failure("\(left) \(operation.rawValue) \(right) is too large a number")
      }
      return .integer(result.0)
    }
    switch operation {
    case .add: return try checked(left.addingReportingOverflow(right))
    case .subtract: return try checked(left.subtractingReportingOverflow(right))
    case .multiply: return try checked(left.multipliedReportingOverflow(by: right))
    case .divide:
      guard right != 0 else { throw failure("division by zero") }
      return .number(Double(left) / Double(right))
    case .floorDivide, .modulo:
      guard right != 0 else { throw failure("division by zero") }
      let (quotient, overflow) = left.dividedReportingOverflow(by: right)
      guard !overflow else { return operation == .modulo ? .integer(0) : try checked((0, true)) }
      let rest = left - quotient * right
      // Python rounds down, so that the rest has the divisor's sign.
      let isBelow = rest != 0 && (rest < 0) != (right < 0)
      if operation == .modulo { return .integer(isBelow ? rest + right : rest) }
      return .integer(isBelow ? quotient - 1 : quotient)
    case .power:
      if right < 0 {
        guard left != 0 else { throw failure("division by zero") }
        return .number(power(Double(left), right))
      }
      var (result, base, rest) = (1, left, right)
      var overflow = false
      func multiply(_ factor: inout Int, by other: Int) {
        let (product, isTooLarge) = factor.multipliedReportingOverflow(by: other)
        (factor, overflow) = (product, overflow || isTooLarge)
      }
      while rest > 0 {
        if rest & 1 == 1 { multiply(&result, by: base) }
        rest >>= 1
        if rest > 0 { multiply(&base, by: base) }
      }
      return try checked((result, overflow))
    }
  }

  /// Powers with whole exponents. No chat template has others.
  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent.magnitude)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return exponent < 0 ? 1 / result : result
  }

  private func real(
    _ operation: Expression.Arithmetic, _ left: Double, _ right: Double
  ) throws(ChatTemplateError) -> Double {
    switch operation {
    case .add: return left + right
    case .subtract: return left - right
    case .multiply: return left * right
    case .divide, .floorDivide, .modulo:
      guard right != 0 else { throw failure("division by zero") }
      if operation == .divide { return left / right }
      var rest = left.truncatingRemainder(dividingBy: right)
      if rest != 0, (rest < 0) != (right < 0) { rest += right }
      return operation == .modulo ? rest : ((left - rest) / right).rounded()
    case .power:
      guard let exponent = Int(exactly: right) else {
        throw .unsupported(line: line, what: "a power with the exponent \(right)")
      }
      return power(left, exponent)
    }
  }
}
