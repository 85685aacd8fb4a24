/// Runs a template's statements. `Evaluation.swift` has the expressions.
final class Interpreter {
  let limits: RenderLimits
  /// The day of `strftime_now`.
  let date: TemplateDate?
  private var output = ""
  private(set) var spent = 0
  private var depth = 0
  /// The line of the part that is being evaluated, for errors.
  var line = 1
  var scope: Scope
  private var scopesOfMacros: [Scope] = []
  private var namespaces: [TemplateValue.Namespace] = []

  enum Flow { case onward, breakLoop, continueLoop }

  init(variables: [(String, TemplateValue)], date: TemplateDate? = nil, limits: RenderLimits) {
    self.limits = limits
    self.date = date
    let globals = Scope(parent: nil)
    for builtin in TemplateValue.Builtin.allCases where builtin != .strftimeNow || date != nil {
      globals.names[builtin.rawValue] = .function(.builtin(builtin))
    }
    for (name, value) in variables { globals.names[name] = value }
    scope = Scope(parent: globals)
  }

  func render(_ statements: [Statement]) throws(ChatTemplateError) -> String {
    defer {
      // A macro holds the scope that holds it, and a namespace may hold itself. Empty, they don't leak.
      for scope in scopesOfMacros { scope.names = [:] }
      for namespace in namespaces { namespace.members = [:] }
    }
    _ = try run(statements)
    return output
  }

  // MARK: Limits

  func charge(_ units: Int) throws(ChatTemplateError) {
    spent += max(0, units)
    guard spent <= limits.work else {
      throw .limit(
        line: line, what: "rendering takes more work than any conversation needs: is there an endless loop?")
    }
  }

  /// Charges a text of `count · size + more` bytes.
  func chargeText(_ count: Int, times size: Int = 1, plus more: Int = 0) throws(ChatTemplateError) {
    let (product, overflow) = count.multipliedReportingOverflow(by: size)
    let (bytes, isTooMany) = product.addingReportingOverflow(more)
    try checkText(overflow || isTooMany ? .max : bytes)
    try charge(bytes)
  }

  func checkText(_ bytes: Int) throws(ChatTemplateError) {
    guard bytes <= limits.bytes else {
      throw .limit(line: line, what: "a text of more than \(limits.bytes) bytes")
    }
  }

  /// Goes one level down. The caller calls `leave` on the way back.
  func enter() throws(ChatTemplateError) {
    guard depth < limits.depth else {
      throw .limit(line: line, what: "nested deeper than \(limits.depth) levels: does a macro call itself?")
    }
    depth += 1
    try charge(16)
  }

  func leave() { depth -= 1 }

  /// Measures a value made of others. Lists that share others may hold more than memory has, and nest deeper than the
  /// stack.
  func made(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
    try size(of: value)
    return value
  }

  /// Charges and returns roughly how many bytes the value takes when written out.
  @discardableResult func size(of value: TemplateValue, level: Int = 0) throws(ChatTemplateError) -> Int {
    try charge(1)
    guard level < limits.nesting else {
      throw .limit(line: line, what: "a list within more than \(limits.nesting) others")
    }
    var sum = 4
    switch value {
    case .string(let text): sum += text.utf8.count
    case .list(let values), .tuple(let values):
      for value in values { sum += try size(of: value, level: level + 1) }
    case .dictionary(let members):
      for member in members.members {
        sum += try size(of: member.key, level: level + 1) + size(of: member.value, level: level + 1)
      }
    case .function(.method(let receiver, _)): sum += try size(of: receiver, level: level + 1)
    default: sum += 16
    }
    guard sum <= limits.bytes else {
      throw .limit(line: line, what: "a value of more than \(limits.bytes) bytes")
    }
    return sum
  }

  /// Makes a namespace. It outlives its expression, and namespaces may form a chain.
  func newNamespace(_ members: [(name: String, value: TemplateValue)]) throws(ChatTemplateError)
    -> TemplateValue
  {
    guard namespaces.count < limits.namespaces else {
      throw .limit(line: line, what: "more than \(limits.namespaces) namespaces")
    }
    let namespace = TemplateValue.Namespace()
    for member in members { namespace.members[member.name] = member.value }
    namespaces.append(namespace)
    return .namespace(namespace)
  }

  func failure(_ problem: String) -> ChatTemplateError { .evaluation(line: line, problem: problem) }

  // MARK: Statements

  private func write(_ text: String) throws(ChatTemplateError) {
    try chargeText(text.utf8.count)
    try checkText(output.utf8.count + text.utf8.count)
    output += text
  }

  /// Returns what the statements write, and keeps it out of the output.
  private func captured(_ body: [Statement]) throws(ChatTemplateError) -> TemplateValue {
    let outside = output
    output = ""
    _ = try run(body)
    defer { output = outside }
    return .string(output)
  }

  /// Returns what the filters make of a block's text. What the block sets ends with it.
  private func captured(
    _ body: [Statement], through filters: [Expression.FilterCall]
  ) throws(ChatTemplateError) -> TemplateValue {
    let outside = scope
    scope = Scope(parent: outside)
    defer { scope = outside }
    var value = try captured(body)
    for filter in filters { value = try apply(filter, to: value) }
    return value
  }

  private func run(_ statements: [Statement]) throws(ChatTemplateError) -> Flow {
    try enter()
    defer { leave() }
    for statement in statements {
      let flow = try run(statement)
      if flow != .onward { return flow }
    }
    return .onward
  }

  private func run(_ statement: Statement) throws(ChatTemplateError) -> Flow {
    try charge(16)
    switch statement {
    case .text(let text): try write(text)
    case .output(let expression): try write(try text(try evaluate(expression)))
    case .set(let target, let value): try assign(try evaluate(value), to: target)
    case .capture(let target, let filters, let body):
      try assign(try captured(body, through: filters), to: target)
    case .filtered(let filters, let body): try write(try text(try captured(body, through: filters)))
    case .conditional(let branches, let otherwise):
      for branch in branches where try evaluate(branch.test).isTrue { return try run(branch.body) }
      return try run(otherwise)
    case .loop(let loop): try run(loop)
    case .macro(let macro):
      if scopesOfMacros.last !== scope { scopesOfMacros.append(scope) }
      scope.names[macro.name] = .function(.macro(macro, scope))
    case .group(let body): return try run(body)
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .onward
  }

  private func assign(_ value: TemplateValue, to target: Statement.Target) throws(ChatTemplateError) {
    switch target {
    case .name(let name): scope.names[name] = value
    case .attribute(let name, let member):
      guard case .namespace(let namespace)? = scope.find(name) else {
        throw failure("“\(name).\(member)” can't be set: “\(name)” is no namespace")
      }
      namespace.members[member] = value
    case .tuple(let targets):
      let values = try items(of: value)
      guard values.count == targets.count else {
        throw failure("\(values.count) values can't be taken apart into \(targets.count)")
      }
      for (target, value) in zip(targets, values) { try assign(value, to: target) }
    }
  }

  private func run(_ loop: Statement.Loop) throws(ChatTemplateError) {
    let outside = scope
    defer { scope = outside }
    var items = try items(of: try evaluate(loop.items))
    if let filter = loop.filter {
      var chosen: [TemplateValue] = []
      for item in items {
        scope = Scope(parent: outside)
        try assign(item, to: loop.target)
        if try evaluate(filter).isTrue { chosen.append(item) }
      }
      scope = outside
      items = chosen
    }
    guard !items.isEmpty else {
      scope = Scope(parent: outside)
      _ = try run(loop.otherwise)
      return
    }
    let state = TemplateValue.LoopState(items: items)
    for (index, item) in items.enumerated() {
      state.index = index
      // A turn does not see what the turn before it set.
      scope = Scope(parent: outside)
      scope.names["loop"] = .loop(state)
      line = loop.line
      try assign(item, to: loop.target)
      if try run(loop.body) == .breakLoop { break }
    }
  }

  /// Returns the text that a macro writes.
  func call(
    _ macro: Statement.Macro, in definition: Scope, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    try enter()
    defer { leave() }
    let names = macro.parameters.map(\.name)
    guard arguments.positional.count <= names.count else {
      throw failure(
        "the macro “\(macro.name)” takes \(names.count) arguments, not \(arguments.positional.count)")
    }
    if let stranger = arguments.named.first(where: { !names.contains($0.name) }) {
      throw failure("the macro “\(macro.name)” has no parameter “\(stranger.name)”")
    }
    let outside = scope
    defer { scope = outside }
    scope = Scope(parent: definition)
    for (index, parameter) in macro.parameters.enumerated() {
      if let value = arguments.value(at: index, named: parameter.name) {
        scope.names[parameter.name] = value
      } else if let fallback = parameter.fallback {
        scope.names[parameter.name] = try evaluate(fallback)
      } else {
        scope.names[parameter.name] = .undefined("“\(parameter.name)”, which the macro was not given,")
      }
    }
    return try captured(macro.body)
  }
}

/// The arguments of a call.
struct Arguments {
  var positional: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []

  func value(at index: Int, named name: String) -> TemplateValue? {
    positional.indices.contains(index) ? positional[index] : named.first { $0.name == name }?.value
  }

  func flag(at index: Int, named name: String) -> Bool { value(at: index, named: name)?.isTrue ?? false }
}
