/// The filters of Jinja that chat templates use.
enum Filters {
  static let names: Set<String> = [
    "abs", "attr", "capitalize", "count", "d", "default", "dictsort", "first", "float", "indent", "int",
    "items",
    "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace",
    "reverse",
    "round", "safe", "select", "selectattr", "sort", "string", "sum", "title", "tojson", "trim", "unique",
    "upper",
  ]
}

extension Interpreter {
  func filter(
    _ name: String, _ value: TemplateValue, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "d", "default":
      let fallback = arguments.value(at: 0, named: "default_value") ?? .string("")
      if case .undefined = value { return fallback }
      return arguments.flag(at: 1, named: "boolean") && !value.isTrue ? fallback : value
    case "safe": return value
    case "string": return .string(try text(value))
    case "upper": return .string(try text(value).uppercased())
    case "lower": return .string(try text(value).lowercased())
    case "capitalize": return .string(PythonText.capitalized(try text(value)))
    case "title": return .string(PythonText.titledWords(try text(value)))
    case "trim":
      let characters = arguments.value(at: 0, named: "chars")
      let set: String? = if let characters, characters != .none { try text(characters) } else { nil }
      return .string(PythonText.strip(try text(value), .both, set))
    case "replace":
      guard let old = arguments.value(at: 0, named: "old"), let new = arguments.value(at: 1, named: "new")
      else {
        throw failure("the filter “replace” takes what goes and what comes")
      }
      let limit = arguments.value(at: 2, named: "count")?.wholeNumber ?? -1
      return .string(
        try replace(try text(value), try text(old), by: try text(new), limit: limit < 0 ? .max : limit))
    case "indent": return .string(try indent(try text(value), arguments))
    case "tojson": return .string(try json(value, arguments))
    case "abs", "round", "int", "float": return try number(name, value, arguments)
    case "length", "count": return .integer(try length(value))
    case "first", "last":
      let items = try items(of: value)
      return (name == "first" ? items.first : items.last) ?? .undefined("the \(name) of no items")
    case "list": return .list(try items(of: value))
    case "items":
      switch value {
      case .undefined: return .list([])
      case .dictionary: return try call("items", of: value, Arguments())
      default: throw failure("the filter “items” takes a dictionary, not \(value.kindName)")
      }
    case "reverse":
      if case .string(let text) = value { return .string(PythonText.string(text.unicodeScalars.reversed())) }
      return .list(try items(of: value).reversed())
    case "attr":
      let name = try text(arguments.value(at: 0, named: "name") ?? .none)
      guard Methods.names(of: value).contains(name) else {
        return .undefined("“\(name)”, which is not there,")
      }
      return .function(.method(of: value, name))
    case "join":
      let separator = try text(arguments.value(at: 0, named: "d") ?? .string(""))
      let attribute = arguments.value(at: 1, named: "attribute")
      return .string(
        try join(
          .list(try values(try items(of: value), of: attribute)), separator: separator, isStrict: false))
    case "map": return .list(try map(try items(of: value), arguments))
    case "select", "reject", "selectattr", "rejectattr": return .list(try select(name, value, arguments))
    case "sum":
      var sum = arguments.value(at: 1, named: "start") ?? .integer(0)
      for item in try values(try items(of: value), of: arguments.value(at: 0, named: "attribute")) {
        sum = try compute(.add, sum, item)
      }
      return sum
    default: return try ordered(name, value, arguments)
    }
  }

  private func length(_ value: TemplateValue) throws(ChatTemplateError) -> Int {
    switch value {
    case .undefined: return 0
    case .string(let text):
      try charge(text.utf8.count)
      return PythonText.count(text)
    case .list(let values), .tuple(let values): return values.count
    case .dictionary(let members): return members.members.count
    case .loop(let loop): return loop.items.count
    default: throw failure("\(value.kindName) has no length")
    }
  }

  // MARK: Numbers

  private func number(
    _ name: String, _ value: TemplateValue, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let parsed =
      if case .string(let text) = value { Double(PythonText.strip(text, .both)) } else { value.numeric }
    switch name {
    case "abs":
      guard let number = value.numeric else { throw failure("\(value.kindName) has no amount") }
      guard let whole = value.wholeNumber else { return .number(number.magnitude) }
      return whole < 0 ? try compute(.subtract, .integer(0), value) : .integer(whole)
    case "int":
      let fallback = arguments.value(at: 0, named: "default") ?? .integer(0)
      guard arguments.value(at: 1, named: "base") == nil else {
        throw .unsupported(line: line, what: "the filter “int” with a base")
      }
      if let whole = value.wholeNumber { return .integer(whole) }
      if case .string(let text) = value, let whole = Int(PythonText.strip(text, .both)) {
        return .integer(whole)
      }
      return parsed.flatMap { Int(exactly: $0.rounded(.towardZero)) }.map { .integer($0) } ?? fallback
    case "float":
      return parsed.map { .number($0) } ?? arguments.value(at: 0, named: "default") ?? .number(0)
    default:
      guard let number = value.numeric else { throw failure("\(value.kindName) can't be rounded") }
      let digits = arguments.value(at: 0, named: "precision")?.wholeNumber ?? 0
      let method = try text(arguments.value(at: 1, named: "method") ?? .string("common"))
      guard digits == 0 else { throw .unsupported(line: line, what: "rounding to digits after the point") }
      switch method {
      // Python rounds halves to even.
      case "common":
        return value.wholeNumber.map { .integer($0) } ?? .number(number.rounded(.toNearestOrEven))
      case "ceil": return .number(number.rounded(.up))
      case "floor": return .number(number.rounded(.down))
      default: throw failure("the filter “round” knows common, ceil and floor, not “\(method)”")
      }
    }
  }

  // MARK: Lists

  /// Each item, or an attribute of each: `a.b` and `a.0` go further in.
  private func values(
    _ items: [TemplateValue], of attribute: TemplateValue?, fallback: TemplateValue? = nil
  ) throws(ChatTemplateError) -> [TemplateValue] {
    guard let attribute, attribute != .none else { return items }
    return try items.map { (item) throws(ChatTemplateError) in
      try self.attribute(attribute, of: item, fallback: fallback)
    }
  }

  /// - Parameter fallback: replaces what is missing, on the way too, as in Jinja.
  private func attribute(
    _ path: TemplateValue, of item: TemplateValue, fallback: TemplateValue? = nil
  ) throws(ChatTemplateError) -> TemplateValue {
    var places = [path]
    if case .string(let path) = path {
      places = path.split(separator: ".", omittingEmptySubsequences: false).map { part in
        let isIndex = part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return (isIndex ? Int(part) : nil).map { .integer($0) } ?? .string(String(part))
      }
    }
    var value = item
    for place in places {
      value = try self.item(place, of: value, line: line)
      if case .undefined = value, let fallback { value = fallback }
    }
    return value
  }

  private func map(_ items: [TemplateValue], _ arguments: Arguments) throws(ChatTemplateError)
    -> [TemplateValue]
  {
    if let attribute = arguments.named.first(where: { $0.name == "attribute" })?.value {
      let fallback = arguments.named.first { $0.name == "default" }?.value
      return try values(items, of: attribute, fallback: fallback)
    }
    guard case .string(let name)? = arguments.positional.first, Filters.names.contains(name) else {
      throw failure("the filter “map” takes a filter's name or an attribute")
    }
    let rest = Arguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
    // A map may map with map.
    try enter()
    defer { leave() }
    return try items.map { (item) throws(ChatTemplateError) in try filter(name, item, rest) }
  }

  private func select(
    _ filter: String, _ value: TemplateValue, _ arguments: Arguments
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var rest = arguments.positional[...]
    var attribute: TemplateValue?
    if filter.hasSuffix("attr") {
      guard let first = rest.popFirst() else { throw failure("the filter “\(filter)” takes an attribute") }
      attribute = first
    }
    let test: String?
    switch rest.popFirst() {
    case nil: test = nil
    case .string(let name)? where ValueTests.names.contains(name): test = name
    case .some(let other): throw .unsupported(line: line, what: "the test “\(try text(other))”")
    }
    let keeps = filter.hasPrefix("select")
    var chosen: [TemplateValue] = []
    for item in try items(of: value) {
      let subject = if let attribute { try self.attribute(attribute, of: item) } else { item }
      let holds = if let test { try self.test(test, subject, Array(rest)) } else { subject.isTrue }
      if holds == keeps { chosen.append(item) }
    }
    return chosen
  }

  /// `sort`, `dictsort`, `unique`, `min` and `max`. They ignore case unless asked.
  private func ordered(
    _ name: String, _ value: TemplateValue, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    if name == "dictsort" { return try sortedMembers(value, arguments) }
    let items = try items(of: value)
    let isSort = name == "sort"
    let isCaseSensitive = arguments.flag(at: isSort ? 1 : 0, named: "case_sensitive")
    let attribute = arguments.value(at: isSort ? 2 : 1, named: "attribute")
    let keys = try self.keys(try values(items, of: attribute), isCaseSensitive: isCaseSensitive)
    switch name {
    case "sort":
      let isReversed = arguments.flag(at: 0, named: "reverse")
      return .list(try order(keys, isReversed: isReversed).map { items[$0] })
    case "unique":
      var seen: [TemplateValue] = []
      var chosen: [TemplateValue] = []
      for (item, key) in zip(items, keys) {
        try charge(16 * seen.count)
        if seen.contains(key) { continue }
        seen.append(key)
        chosen.append(item)
      }
      return .list(chosen)
    default:
      guard var best = keys.indices.first else { return .undefined("the \(name) of no items") }
      for index in keys.indices.dropFirst() {
        let (low, high) = name == "min" ? (index, best) : (best, index)
        if try isLess(keys[low], keys[high]) { best = index }
      }
      return items[best]
    }
  }

  private func keys(_ values: [TemplateValue], isCaseSensitive: Bool) throws(ChatTemplateError)
    -> [TemplateValue]
  {
    var keys: [TemplateValue] = []
    for value in values {
      switch value {
      case .string(let text): keys.append(.string(isCaseSensitive ? text : text.lowercased()))
      case .none, .bool, .integer, .number: keys.append(value)
      default: throw failure("\(value.kindName) can't be put in order")
      }
      try charge(try size(of: value))
    }
    return keys
  }

  /// Indices in order. Equal keys keep theirs, reversed or not.
  private func order(_ keys: [TemplateValue], isReversed: Bool) throws(ChatTemplateError) -> [Int] {
    // A sort's comparison can't throw, so neighbours are compared beforehand.
    for (left, right) in zip(keys, keys.dropFirst()) { _ = try isLess(left, right) }
    let areTexts = keys.allSatisfy { if case .string = $0 { true } else { false } }
    guard areTexts || keys.allSatisfy({ $0.numeric != nil }) || keys.count < 2 else {
      throw failure("texts and numbers have no order")
    }
    try charge(keys.count * 16)
    func precedes(_ left: TemplateValue, _ right: TemplateValue) -> Bool {
      if case (.string(let left), .string(let right)) = (left, right) {
        return PythonText.isLess(left, right)
      }
      if let left = left.wholeNumber, let right = right.wholeNumber { return left < right }
      return (left.numeric ?? 0) < (right.numeric ?? 0)
    }
    return keys.indices.sorted { left, right in
      let (first, second) = isReversed ? (right, left) : (left, right)
      if precedes(keys[first], keys[second]) { return true }
      if precedes(keys[second], keys[first]) { return false }
      return left < right
    }
  }

  private func sortedMembers(_ value: TemplateValue, _ arguments: Arguments) throws(ChatTemplateError)
    -> TemplateValue
  {
    guard case .dictionary(let members) = value else {
      throw failure("the filter “dictsort” takes a dictionary, not \(value.kindName)")
    }
    let isCaseSensitive = arguments.flag(at: 0, named: "case_sensitive")
    let by = try text(arguments.value(at: 1, named: "by") ?? .string("key"))
    guard by == "key" || by == "value" else {
      throw failure("the filter “dictsort” sorts by key or value, not “\(by)”")
    }
    let isReversed = arguments.flag(at: 2, named: "reverse")
    let keys = try self.keys(
      members.members.map { by == "key" ? $0.key : $0.value }, isCaseSensitive: isCaseSensitive)
    return .list(
      try order(keys, isReversed: isReversed).map {
        .tuple([members.members[$0].key, members.members[$0].value])
      })
  }

  // MARK: Texts

  /// Puts blanks before every line, except the first and empty ones.
  private func indent(_ text: String, _ arguments: Arguments) throws(ChatTemplateError) -> String {
    let width = arguments.value(at: 0, named: "width") ?? .integer(4)
    let blanks: String
    if case .string(let text) = width {
      blanks = text
    } else {
      guard let count = width.wholeNumber else {
        throw failure("the filter “indent” takes a number or a text")
      }
      try chargeText(count)
      blanks = String(repeating: " ", count: max(0, count))
    }
    // Jinja adds a line break, so that one at the end starts a line.
    let lines = PythonText.lines(of: text + "\n")
    try chargeText(lines.count, times: blanks.utf8.count + 1, plus: text.utf8.count)
    let withFirst = arguments.flag(at: 1, named: "first")
    let withBlank = arguments.flag(at: 2, named: "blank")
    return lines.enumerated().map { index, line in
      (index == 0 ? withFirst : withBlank || !line.isEmpty) ? blanks + line : line
    }.joined(separator: "\n")
  }
}
