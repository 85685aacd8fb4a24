/// Computes the values of expressions.
extension Interpreter {
  func evaluate(_ expression: Expression) throws(ChatTemplateError) -> TemplateValue {
    try enter()
    defer { leave() }
    line = expression.line
    switch expression.kind {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .string(let value): return .string(value)
    case .name(let name): return scope.find(name) ?? .undefined("“\(name)”, which is not defined,")
    case .list(let parts): return try made(.list(try evaluate(all: parts)))
    case .tuple(let parts): return try made(.tuple(try evaluate(all: parts)))
    case .dictionary(let pairs): return try dictionary(pairs)
    case .attribute(let value, let name):
      return try attribute(name, of: try evaluate(value), line: expression.line)
    case .item(let value, let place):
      return try item(try evaluate(place), of: try evaluate(value), line: expression.line)
    case .slice(let value, let from, let to, let step):
      return try slice(try evaluate(value), from, to, step, line: expression.line)
    case .call(let function, let arguments): return try call(function, arguments, line: expression.line)
    case .filter(let value, let filter): return try apply(filter, to: try evaluate(value))
    case .test(let value, let name, let arguments):
      let value = try evaluate(value)
      let arguments = try evaluate(arguments)
      line = expression.line
      return .bool(try test(name, value, arguments.positional))
    case .not(let value): return .bool(!(try evaluate(value).isTrue))
    case .negative(let value), .positive(let value): return try sign(expression, value)
    case .and(let left, let right):
      let left = try evaluate(left)
      return left.isTrue ? try evaluate(right) : left
    case .or(let left, let right):
      let left = try evaluate(left)
      return left.isTrue ? left : try evaluate(right)
    case .compare(let first, let rest): return try compare(first, rest)
    case .arithmetic(let operation, let left, let right):
      let left = try evaluate(left)
      let right = try evaluate(right)
      line = expression.line
      return try compute(operation, left, right)
    case .concatenate(let parts): return try concatenate(parts)
    case .conditional(let test, let then, let otherwise):
      if try evaluate(test).isTrue { return try evaluate(then) }
      guard let otherwise else { return .undefined("what an “if” without “else” leaves open") }
      return try evaluate(otherwise)
    }
  }

  private func evaluate(all parts: [Expression]) throws(ChatTemplateError) -> [TemplateValue] {
    try parts.map { (part) throws(ChatTemplateError) in try evaluate(part) }
  }

  private func evaluate(_ arguments: Expression.Arguments) throws(ChatTemplateError) -> Arguments {
    var values = Arguments(positional: try evaluate(all: arguments.positional))
    for argument in arguments.named { values.named.append((argument.name, try evaluate(argument.value))) }
    return values
  }

  private func dictionary(
    _ pairs: [(key: Expression, value: Expression)]
  ) throws(ChatTemplateError) -> TemplateValue {
    var members = TemplateValue.Mapping()
    for pair in pairs {
      let key = try key(try evaluate(pair.key))
      try charge(members.members.count)
      members.set(key, to: try evaluate(pair.value))
    }
    return try made(.dictionary(members))
  }

  /// Returns a value that may be a key: one that holds no others.
  private func key(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .none, .bool, .integer, .number, .string: return value
    default: throw failure("\(value.kindName) can't be a key")
    }
  }

  private func concatenate(_ parts: [Expression]) throws(ChatTemplateError) -> TemplateValue {
    var joined = ""
    for part in parts {
      joined += try text(try evaluate(part))
      try chargeText(joined.utf8.count)
    }
    return .string(joined)
  }

  private func sign(_ expression: Expression, _ operand: Expression) throws(ChatTemplateError)
    -> TemplateValue
  {
    let value = try evaluate(operand)
    line = expression.line
    if case .positive = expression.kind, value.numeric != nil { return try compute(.add, .integer(0), value) }
    if case .number(let value) = value { return .number(-value) }
    guard value.numeric != nil else { throw failure("\(value.kindName) has no sign") }
    return try compute(.subtract, .integer(0), value)
  }

  private func compare(
    _ first: Expression, _ rest: [(relation: Expression.Relation, right: Expression)]
  ) throws(ChatTemplateError) -> TemplateValue {
    var left = try evaluate(first)
    for comparison in rest {
      let right = try evaluate(comparison.right)
      line = first.line
      if !(try holds(comparison.relation, left, right)) { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  /// Returns the value as the template's result shows it, and charges for it.
  func text(_ value: TemplateValue) throws(ChatTemplateError) -> String {
    if case .string(let text) = value {
      try chargeText(text.utf8.count)
      return text
    }
    try size(of: value)
    return value.shown
  }

  /// Returns the items that a loop over the value visits: none for an undefined one.
  func items(of value: TemplateValue) throws(ChatTemplateError) -> [TemplateValue] {
    switch value {
    case .undefined: return []
    case .list(let values), .tuple(let values):
      try charge(values.count)
      return values
    case .dictionary(let members):
      try charge(members.members.count)
      return members.members.map(\.key)
    case .string(let text):
      try chargeText(text.utf8.count)
      return text.unicodeScalars.map { .string(String(Character($0))) }
    default: throw failure("\(value.kindName) has no items")
    }
  }

  // MARK: Parts of a value

  /// `value.name`: a method, or else a member.
  private func attribute(
    _ name: String, of value: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    self.line = line
    if Methods.names(of: value).contains(name) { return .function(.method(of: value, name)) }
    switch value {
    case .undefined(let what): throw failure("\(what) has no “\(name)”")
    case .dictionary(let members):
      try charge(members.members.count)
      return members[name] ?? missing(name)
    case .namespace(let namespace): return namespace.members[name] ?? missing(name)
    case .loop(let loop): return attribute(name, of: loop) ?? missing(name)
    default: return missing(name)
    }
  }

  private func missing(_ name: String) -> TemplateValue { .undefined("“\(name)”, which is not there,") }

  private func attribute(_ name: String, of loop: TemplateValue.LoopState) -> TemplateValue? {
    let count = loop.items.count
    switch name {
    case "index": return .integer(loop.index + 1)
    case "index0": return .integer(loop.index)
    case "revindex": return .integer(count - loop.index)
    case "revindex0": return .integer(count - loop.index - 1)
    case "first": return .bool(loop.index == 0)
    case "last": return .bool(loop.index == count - 1)
    case "length": return .integer(count)
    // The level of recursive loops, which are not supported.
    case "depth": return .integer(1)
    case "depth0": return .integer(0)
    case "previtem":
      return loop.index > 0 ? loop.items[loop.index - 1] : .undefined("what comes before the first item")
    case "nextitem":
      return loop.index + 1 < count
        ? loop.items[loop.index + 1] : .undefined("what comes after the last item")
    default: return nil
    }
  }

  /// `value[place]`: a member or an item, or else a method.
  func item(
    _ place: TemplateValue, of value: TemplateValue, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    self.line = line
    switch (value, place) {
    case (.undefined(let what), _): throw failure("\(what) has no items")
    case (.dictionary(let members), _):
      try charge(members.members.count)
      if let member = members[place] { return member }
    case (.list(let values), _), (.tuple(let values), _):
      if let index = place.wholeNumber { return element(index, of: values) ?? missing("\(index)") }
    case (.string(let text), _):
      if let index = place.wholeNumber {
        let scalars = Array(text.unicodeScalars)
        try charge(scalars.count)
        return element(index, of: scalars).map { .string(String(Character($0))) } ?? missing("\(index)")
      }
    default: break
    }
    guard case .string(let name) = place else { return missing(try text(place)) }
    return try attribute(name, of: value, line: line)
  }

  /// Python's indices: negative ones count from the end.
  private func element<Element>(_ index: Int, of values: [Element]) -> Element? {
    let place = index < 0 ? index + values.count : index
    return values.indices.contains(place) ? values[place] : nil
  }

  private func slice(
    _ value: TemplateValue, _ from: Expression?, _ to: Expression?, _ step: Expression?, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let bounds = (try bound(from), try bound(to), try bound(step) ?? 1)
    self.line = line
    switch value {
    case .undefined(let what): throw failure("\(what) has no items")
    case .list(let values): return .list(try slice(values, bounds))
    case .tuple(let values): return .tuple(try slice(values, bounds))
    case .string(let text):
      return .string(PythonText.string(try slice(Array(text.unicodeScalars), bounds)))
    default: throw failure("\(value.kindName) has no items")
    }
  }

  private func bound(_ expression: Expression?) throws(ChatTemplateError) -> Int? {
    guard let expression else { return nil }
    let value = try evaluate(expression)
    if value == .none { return nil }
    guard let bound = value.wholeNumber else { throw failure("\(value.kindName) is no place in a list") }
    return bound
  }

  /// Slices by Python's rules: negative places count from the end, places beyond an end are at it.
  private func slice<Element>(
    _ values: [Element], _ bounds: (from: Int?, to: Int?, step: Int)
  ) throws(ChatTemplateError) -> [Element] {
    let count = values.count
    try charge(count)
    let step = bounds.step
    guard step != 0 else { throw failure("a slice has no step of 0") }
    let lowest = step > 0 ? 0 : -1
    let highest = step > 0 ? count : count - 1
    func place(_ index: Int?, _ fallback: Int) -> Int {
      guard let index else { return fallback }
      return min(max(index < 0 ? index + count : index, lowest), highest)
    }
    let start = place(bounds.from, step > 0 ? lowest : highest)
    let end = place(bounds.to, step > 0 ? highest : lowest)
    // A step beyond the list's length takes one element. Its multiple might overflow.
    let stride = max(-count - 1, min(count + 1, step))
    return Swift.stride(from: start, to: end, by: stride).map { values[$0] }
  }

  // MARK: Calls

  private func call(
    _ function: Expression, _ arguments: Expression.Arguments, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let target = try evaluate(function)
    let arguments = try evaluate(arguments)
    self.line = line
    switch target {
    case .function(.macro(let macro, let definition)): return try call(macro, in: definition, arguments)
    case .function(.method(let receiver, let name)): return try call(name, of: receiver, arguments)
    case .function(.builtin(let builtin)): return try call(builtin, arguments)
    default: throw failure("\(target.kindName) can't be called")
    }
  }

  func apply(_ filter: Expression.FilterCall, to value: TemplateValue) throws(ChatTemplateError)
    -> TemplateValue
  {
    let arguments = try evaluate(filter.arguments)
    line = filter.line
    return try self.filter(filter.name, value, arguments)
  }

  private func call(
    _ builtin: TemplateValue.Builtin, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    switch builtin {
    case .raiseException:
      throw .raised(line: line, message: try arguments.value(at: 0, named: "message").map(text) ?? "")
    case .namespace: return try newNamespace(arguments.named)
    case .dict:
      var members = TemplateValue.Mapping()
      if case .dictionary(let given)? = arguments.positional.first { members = given }
      for argument in arguments.named {
        try charge(members.members.count)
        members.set(.string(argument.name), to: argument.value)
      }
      return try made(.dictionary(members))
    case .range: return try range(arguments.positional)
    case .strftimeNow:
      guard case .string(let format)? = arguments.value(at: 0, named: "format"), let date else {
        throw failure("“strftime_now” takes a format, such as \"%d %b %Y\"")
      }
      guard let text = date.formatted(format) else {
        throw failure("“strftime_now” can't write a day as “\(format.prefix(80))”")
      }
      try chargeText(text.utf8.count)
      return .string(text)
    }
  }

  private func range(_ bounds: [TemplateValue]) throws(ChatTemplateError) -> TemplateValue {
    let numbers = bounds.compactMap(\.wholeNumber)
    guard numbers.count == bounds.count, (1...3).contains(numbers.count) else {
      throw failure("“range” takes one to three integers")
    }
    let start = numbers.count > 1 ? numbers[0] : 0
    let end = numbers.count > 1 ? numbers[1] : numbers[0]
    let step = numbers.count > 2 ? numbers[2] : 1
    guard step != 0 else { throw failure("“range” has no step of 0") }
    var values: [TemplateValue] = []
    // Swift's stride ends before a number overflows.
    for value in stride(from: start, to: end, by: step) {
      guard values.count < limits.range else {
        throw .limit(line: line, what: "a range of more than \(limits.range) numbers")
      }
      values.append(.integer(value))
    }
    try charge(values.count)
    return .list(values)
  }
}
