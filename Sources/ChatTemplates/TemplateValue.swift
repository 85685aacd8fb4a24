import JSON

/// A value in a running template, by Python's rules.
///
/// transformers renders in a sandbox where lists and dictionaries can't be changed. So they are plain values here, and
/// only a namespace has an identity.
enum TemplateValue {
  /// A missing value. The text names it in error sentences.
  case undefined(String)
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case list([TemplateValue])
  case tuple([TemplateValue])
  case dictionary(Mapping)
  case namespace(Namespace)
  case loop(LoopState)
  case function(Function)

  /// Members in the order in which they came; keys are compared as Python does.
  struct Mapping {
    var members: [(key: TemplateValue, value: TemplateValue)] = []

    subscript(key: TemplateValue) -> TemplateValue? { members.first { $0.key == key }?.value }
    subscript(key: String) -> TemplateValue? { self[.string(key)] }

    mutating func set(_ key: TemplateValue, to value: TemplateValue) {
      if let place = members.firstIndex(where: { $0.key == key }) {
        members[place].value = value
      } else {
        members.append((key, value))
      }
    }
  }

  final class Namespace {
    var members: [String: TemplateValue] = [:]
  }

  /// `loop` within a `for`.
  final class LoopState {
    let items: [TemplateValue]
    var index = 0
    /// What `loop.changed` saw last.
    var seen: [TemplateValue]?

    init(items: [TemplateValue]) { self.items = items }
  }

  indirect enum Function {
    case macro(Statement.Macro, Scope)
    case method(of: TemplateValue, String)
    case builtin(Builtin)
  }

  enum Builtin: String, CaseIterable {
    case range, namespace, dict
    case raiseException = "raise_exception"
    case strftimeNow = "strftime_now"
  }

  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .string(let value): self = .string(value)
    case .array(let values): self = .list(values.map(TemplateValue.init))
    case .object(let object):
      self = .dictionary(
        Mapping(members: object.members.map { (.string($0.key), TemplateValue($0.value)) }))
    }
  }
}

/// The variables that a place in the template sees. What a loop or a macro sets ends with it.
final class Scope {
  var names: [String: TemplateValue] = [:]
  let parent: Scope?

  init(parent: Scope?) { self.parent = parent }

  func find(_ name: String) -> TemplateValue? {
    var scope: Scope? = self
    while let here = scope {
      if let value = here.names[name] { return value }
      scope = here.parent
    }
    return nil
  }
}

extension TemplateValue: Equatable {
  /// As Python's `==`: 1, 1.0 and True are equal, texts are equal code point by code point.
  static func == (left: TemplateValue, right: TemplateValue) -> Bool {
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let left), .string(let right)): return PythonText.areEqual(left, right)
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)): return left == right
    case (.dictionary(let left), .dictionary(let right)):
      return left.members.count == right.members.count
        && left.members.allSatisfy { member in right[member.key] == member.value }
    case (.namespace(let left), .namespace(let right)): return left === right
    case (.loop(let left), .loop(let right)): return left === right
    default:
      if let left = left.wholeNumber, let right = right.wholeNumber { return left == right }
      if let left = left.numeric, let right = right.numeric { return left == right }
      return false
    }
  }
}

extension TemplateValue {
  /// An integer or a boolean, which is one in Python.
  var wholeNumber: Int? {
    switch self {
    case .integer(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var numeric: Double? {
    if case .number(let value) = self { return value }
    return wholeNumber.map(Double.init)
  }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .number(let value): value != 0
    case .string(let value): !value.isEmpty
    case .list(let values), .tuple(let values): !values.isEmpty
    case .dictionary(let members): !members.members.isEmpty
    case .namespace, .loop, .function: true
    }
  }

  /// "a text", "a list": for error sentences.
  var kindName: String {
    switch self {
    case .undefined(let what): what
    case .none: "none"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a text"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .namespace: "a namespace"
    case .loop: "a loop"
    case .function: "a function"
    }
  }
}

// MARK: - As text

extension TemplateValue {
  /// Python's `str`, with nothing for an undefined value.
  var shown: String {
    switch self {
    case .undefined: return ""
    case .string(let value): return value
    default:
      var text = ""
      write(to: &text)
      return text
    }
  }

  /// Python's `repr`.
  private func write(to text: inout String) {
    switch self {
    case .undefined: text += "Undefined"
    case .none: text += "None"
    case .bool(let value): text += value ? "True" : "False"
    case .integer(let value): text += String(value)
    // Both languages write the shortest digits that read back the same, and change to exponents alike.
    case .number(let value): text += value.description
    case .string(let value): PythonText.quote(value, into: &text)
    case .list(let values): Self.write(values, "[", "]", to: &text) { $0.write(to: &$1) }
    case .tuple(let values):
      Self.write(values, "(", values.count == 1 ? ",)" : ")", to: &text) { $0.write(to: &$1) }
    case .dictionary(let members):
      Self.write(members.members, "{", "}", to: &text) { member, text in
        member.key.write(to: &text)
        text += ": "
        member.value.write(to: &text)
      }
    case .namespace: text += "<Namespace>"
    case .loop(let loop): text += "<LoopContext \(loop.index + 1)/\(loop.items.count)>"
    case .function: text += "<function>"
    }
  }

  private static func write<Item>(
    _ items: [Item], _ opening: String, _ closing: String, to text: inout String,
    _ write: (Item, inout String) -> Void
  ) {
    text += opening
    for (index, item) in items.enumerated() {
      if index > 0 { text += ", " }
      write(item, &text)
    }
    text += closing
  }
}
