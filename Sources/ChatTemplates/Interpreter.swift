/// Runs a template's statements. Expressions are in `Evaluation.swift`.
final class Interpreter {
  let limits: RenderLimits
  /// What `strftime_now` tells.
  let date: TemplateDate?
  private var output = ""
  private(set) var spent = 0
  private var depth = 0
  /// Of the part that is being evaluated, for errors.
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
      // A macro holds the scope that holds it, a namespace may hold itself: taken apart here, they don't leak.
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

  /// For a text of so many bytes.
  func chargeText(_ bytes: Int) throws(ChatTemplateError) {
    guard bytes <= limits.bytes else {
      throw .limit(line: line, what: "a text of more than \(limits.bytes) bytes")
    }
    try charge(bytes)
  }

  /// On the way one level down, with `leave` on the way back.
  func enter() throws(ChatTemplateError) {
    guard depth < limits.depth else {
      throw .limit(line: line, what: "nested deeper than \(limits.depth) levels: does a macro call itself?")
    }
    depth += 1
    try charge(16)
  }

  func leave() { depth -= 1 }

  /// A value made of others. Lists within lists may hold far more than there is in memory, by sharing, and deeper
  /// than the stack is: they are measured when they are made.
  func made(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
    _ = try size(of: value)
    return value
  }

  /// About the bytes of the value written out, charged.
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

  /// A namespace outlives its expression, and they may form a chain.
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
    guard output.utf8.count <= limits.bytes - text.utf8.count else {
      throw .limit(line: line, what: "a text of more than \(limits.bytes) bytes")
    }
    output += text
  }

  /// What the statements write, apart from the output.
  private func captured(_ body: [Statement]) throws(ChatTemplateError) -> (text: String, flow: Flow) {
    let outside = output
    output = ""
    let flow = try run(body)
    let text = output
    output = outside
    return (text, flow)
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
      // What is set within ends with the block.
      let outside = scope
      scope = Scope(parent: outside)
      defer { scope = outside }
      let (text, _) = try captured(body)
      let value = try apply(filters, to: .string(text))
      scope = outside
      try assign(value, to: target)
    case .filtered(let filters, let body):
      let outside = scope
      scope = Scope(parent: outside)
      defer { scope = outside }
      let (content, _) = try captured(body)
      try write(try text(try apply(filters, to: .string(content))))
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

  private func apply(
    _ filters: [Expression.FilterCall], to start: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    var value = start
    for filter in filters { value = try apply(filter, to: value) }
    return value
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
      // A fresh one each time: what one turn sets, the next does not see.
      scope = Scope(parent: outside)
      scope.names["loop"] = .loop(state)
      line = loop.line
      try assign(item, to: loop.target)
      if try run(loop.body) == .breakLoop { break }
    }
  }

  /// The text that a macro writes.
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
    return .string(try captured(macro.body).text)
  }
}

/// The values that a call hands over.
struct Arguments {
  var positional: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []

  func value(at index: Int, named name: String) -> TemplateValue? {
    positional.indices.contains(index) ? positional[index] : named.first { $0.name == name }?.value
  }
}
