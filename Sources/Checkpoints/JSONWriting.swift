extension JSONValue {
  /// The document, indented by two spaces, keys in their order, lists of plain values on one line.
  /// Infinite numbers and NaN are written as Python's json module does.
  public var text: String {
    var result = ""
    write(to: &result, indentation: "")
    return result
  }

  /// The document without white space.
  var compactText: String {
    var result = ""
    write(to: &result, indentation: nil)
    return result
  }

  private func write(to result: inout String, indentation: String?) {
    switch self {
    case .null: result += "null"
    case .bool(let value): result += value ? "true" : "false"
    case .integer(let value): result += "\(value)"
    case .real(let value):
      result += value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : "\(value)"
    case .string(let value): Self.quote(value, to: &result)
    case .array(let values):
      let inner = values.contains(where: \.isContainer) ? indentation.map { $0 + "  " } : nil
      list(values, brackets: ("[", "]"), inner: inner, outer: indentation, to: &result) { value, result in
        value.write(to: &result, indentation: inner)
      }
    case .object(let members):
      let inner = members.isEmpty ? nil : indentation.map { $0 + "  " }
      list(members, brackets: ("{", "}"), inner: inner, outer: indentation, to: &result) { member, result in
        Self.quote(member.key, to: &result)
        result += indentation == nil ? ":" : ": "
        member.value.write(to: &result, indentation: inner)
      }
    }
  }

  private var isContainer: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }

  private func list<Elements: Sequence>(
    _ elements: Elements, brackets: (String, String), inner: String?, outer: String?, to result: inout String,
    _ write: (Elements.Element, inout String) -> Void
  ) {
    result += brackets.0
    var isFirst = true
    for element in elements {
      if !isFirst { result += inner == nil && outer != nil ? ", " : "," }
      isFirst = false
      if let inner { result += "\n" + inner }
      write(element, &result)
    }
    if let outer, inner != nil { result += "\n" + outer }
    result += brackets.1
  }

  private static func quote(_ text: String, to result: inout String) {
    result += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    result += "\""
  }
}
