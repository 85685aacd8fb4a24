/// Python's methods of texts, lists and dictionaries that change nothing in place.
enum Methods {
  static func names(of value: TemplateValue) -> Set<String> {
    switch value {
    case .string: text
    case .dictionary: ["items", "keys", "values", "get", "copy"]
    case .list, .tuple: ["index", "count", "copy"]
    case .loop: ["cycle", "changed"]
    default: []
    }
  }

  private static let text: Set<String> = [
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "upper", "lower",
    "capitalize", "title", "replace", "find", "rfind", "index", "count", "join", "isdigit", "isalpha",
    "isspace", "isupper", "islower", "removeprefix", "removesuffix", "partition", "rpartition", "zfill",
  ]
}

extension Interpreter {
  func call(
    _ name: String, of receiver: TemplateValue, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    switch receiver {
    case .string(let text): return try call(name, of: text, arguments)
    case .dictionary(let members): return try call(name, of: members, arguments)
    case .list(let values), .tuple(let values):
      try size(of: receiver)
      guard name != "copy" else { return receiver }
      let wanted = try given(arguments, 0, for: name)
      try size(of: wanted)
      if name == "count" { return .integer(values.count { $0 == wanted }) }
      guard let place = values.firstIndex(of: wanted) else { throw failure("the list has no such item") }
      return .integer(place)
    case .loop(let loop):
      if name == "cycle" {
        guard !arguments.positional.isEmpty else { throw failure("“loop.cycle” takes at least one value") }
        return arguments.positional[loop.index % arguments.positional.count]
      }
      let isSame = try loop.seen.map { (seen) throws(ChatTemplateError) in
        try areEqual(.list(seen), .list(arguments.positional))
      }
      loop.seen = arguments.positional
      return .bool(isSame != true)
    default: throw failure("\(receiver.kindName) has no “\(name)”")
    }
  }

  private func given(_ arguments: Arguments, _ index: Int, for name: String) throws(ChatTemplateError)
    -> TemplateValue
  {
    guard arguments.positional.indices.contains(index) else {
      throw failure("“\(name)” takes at least \(index + 1) \(index == 0 ? "argument" : "arguments")")
    }
    return arguments.positional[index]
  }

  private func call(
    _ name: String, of members: TemplateValue.Mapping, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    try charge(members.members.count)
    switch name {
    case "items": return .list(members.members.map { .tuple([$0.key, $0.value]) })
    case "keys": return .list(members.members.map(\.key))
    case "values": return .list(members.members.map(\.value))
    case "get":
      let key = try given(arguments, 0, for: name)
      return members[key] ?? (arguments.positional.count > 1 ? arguments.positional[1] : .none)
    default: return .dictionary(members)
    }
  }

  // MARK: Texts

  private func call(
    _ name: String, of text: String, _ arguments: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    // The result of each is about as long as the text, or charged where it is made.
    try chargeText(text.utf8.count)
    func string(_ index: Int) throws(ChatTemplateError) -> String {
      try onlyText(try given(arguments, index, for: name), for: name)
    }
    /// nil also where `None` is given.
    func optional(_ index: Int, _ key: String) throws(ChatTemplateError) -> String? {
      guard let value = arguments.value(at: index, named: key), value != .none else { return nil }
      return try onlyText(value, for: name)
    }
    func number(_ index: Int, _ key: String, _ fallback: Int) throws(ChatTemplateError) -> Int {
      guard let value = arguments.value(at: index, named: key) else { return fallback }
      guard let number = value.wholeNumber else {
        throw failure("“\(name)” takes a number, not \(value.kindName)")
      }
      return number < 0 ? .max : number
    }
    func cut(_ separator: String, limit: Int, fromRight: Bool) throws(ChatTemplateError) -> [String] {
      guard !separator.isEmpty else { throw failure("“\(name)” takes a separator that is not empty") }
      try chargeSearch(text, separator)
      return PythonText.split(text, by: separator, limit: limit, fromRight: fromRight)
    }
    func all(_ holds: (Unicode.Scalar) -> Bool) -> TemplateValue {
      .bool(!text.isEmpty && text.unicodeScalars.allSatisfy(holds))
    }
    switch name {
    case "strip": return .string(PythonText.strip(text, .both, try optional(0, "chars")))
    case "lstrip": return .string(PythonText.strip(text, .left, try optional(0, "chars")))
    case "rstrip": return .string(PythonText.strip(text, .right, try optional(0, "chars")))
    case "split", "rsplit":
      let limit = try number(1, "maxsplit", .max)
      guard let separator = try optional(0, "sep") else {
        guard name == "split" || limit == .max else {
          throw .unsupported(line: line, what: "“rsplit” at blanks with a limit")
        }
        return strings(PythonText.splitAtBlanks(text, limit: limit))
      }
      return strings(try cut(separator, limit: limit, fromRight: name == "rsplit"))
    case "splitlines": return strings(PythonText.lines(of: text))
    case "startswith", "endswith":
      let given = try given(arguments, 0, for: name)
      let values = if case .tuple(let values) = given { values } else { [given] }
      for value in values {
        let part = try onlyText(value, for: name)
        let fits = name == "startswith" ? PythonText.hasPrefix(text, part) : PythonText.hasSuffix(text, part)
        if fits { return .bool(true) }
      }
      return .bool(false)
    case "upper": return .string(text.uppercased())
    case "lower": return .string(text.lowercased())
    case "capitalize": return .string(PythonText.capitalized(text))
    case "title": return .string(PythonText.titled(text))
    case "replace":
      return .string(try replace(text, try string(0), by: try string(1), limit: try number(2, "count", .max)))
    case "find", "rfind", "index", "count":
      return .integer(try find(name, text, try string(0)))
    case "join": return .string(try join(try given(arguments, 0, for: name), separator: text, isStrict: true))
    case "isdigit":
      return all { $0.properties.numericType == .digit || $0.properties.numericType == .decimal }
    case "isalpha": return all { Self.letters.contains($0.properties.generalCategory) }
    case "isspace": return all(PythonText.isSpace)
    case "isupper": return .bool(PythonText.isUpper(text))
    case "islower": return .bool(PythonText.isLower(text))
    case "removeprefix":
      let part = try string(0)
      guard PythonText.hasPrefix(text, part) else { return .string(text) }
      return .string(String(text.unicodeScalars.dropFirst(PythonText.count(part))))
    case "removesuffix":
      let part = try string(0)
      guard PythonText.hasSuffix(text, part) else { return .string(text) }
      return .string(String(text.unicodeScalars.dropLast(PythonText.count(part))))
    case "partition", "rpartition":
      let separator = try string(0)
      let isFirst = name == "partition"
      let pieces = try cut(separator, limit: 1, fromRight: !isFirst)
      guard pieces.count == 2 else { return tuple(isFirst ? [text, "", ""] : ["", "", text]) }
      return tuple([pieces[0], separator, pieces[1]])
    default: return try zeroFilled(text, try number(0, "width", 0))
    }
  }

  private static let letters: Set<Unicode.GeneralCategory> = [
    .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
  ]

  func strings(_ texts: [String]) -> TemplateValue { .list(texts.map { .string($0) }) }

  private func tuple(_ texts: [String]) -> TemplateValue { .tuple(texts.map { .string($0) }) }

  private func onlyText(_ value: TemplateValue, for name: String) throws(ChatTemplateError) -> String {
    guard case .string(let text) = value else {
      throw failure("“\(name)” takes a text, not \(value.kindName)")
    }
    return text
  }

  func replace(
    _ text: String, _ old: String, by new: String, limit: Int
  ) throws(ChatTemplateError) -> String {
    try chargeSearch(text, old)
    let count = PythonText.places(of: Array(old.utf8), in: Array(text.utf8), limit: limit).count
    try chargeText(count, times: new.utf8.count, plus: text.utf8.count)
    return PythonText.replace(text, old, by: new, limit: limit)
  }

  /// Counts places in code points.
  private func find(_ name: String, _ text: String, _ part: String) throws(ChatTemplateError) -> Int {
    try chargeSearch(text, part)
    let bytes = Array(text.utf8)
    func scalars(before place: Int) -> Int { bytes[..<place].count { $0 & 0xC0 != 0x80 } }
    let wanted = Array(part.utf8)
    if name == "count" { return PythonText.places(of: wanted, in: bytes).count }
    if name == "rfind" {
      guard wanted.count <= bytes.count else { return -1 }
      for place in stride(from: bytes.count - wanted.count, through: 0, by: -1)
      where bytes[place..<place + wanted.count].elementsEqual(wanted) {
        return scalars(before: place)
      }
      return -1
    }
    if let place = PythonText.places(of: wanted, in: bytes, limit: 1).first { return scalars(before: place) }
    if name == "index" { throw failure("“\(part)” does not occur in the text") }
    return -1
  }

  private func zeroFilled(_ text: String, _ width: Int) throws(ChatTemplateError) -> TemplateValue {
    try chargeText(width == .max ? 0 : width)
    let missing = width == .max ? 0 : max(0, width - PythonText.count(text))
    let sign = text.hasPrefix("-") || text.hasPrefix("+") ? String(text.prefix(1)) : ""
    return .string(sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count))
  }

  /// - Parameter isStrict: the method takes texts only, the filter whatever can be shown.
  func join(
    _ value: TemplateValue, separator: String, isStrict: Bool
  ) throws(ChatTemplateError) -> String {
    var joined = ""
    for (index, item) in try items(of: value).enumerated() {
      if isStrict {
        guard case .string = item else {
          throw failure("“join” takes texts, and item \(index) is \(item.kindName)")
        }
      }
      try charge(separator.utf8.count)
      if index > 0 { joined += separator }
      joined += try text(item)
      try checkText(joined.utf8.count)
    }
    return joined
  }
}
