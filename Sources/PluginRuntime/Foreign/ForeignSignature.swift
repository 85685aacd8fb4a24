import JSON

/// How to call a plain function as a criterion: `"function"` of a `plugin.json`.
public struct ForeignSignature: Equatable, Sendable {
  public var symbol: String
  public var call: Call
  /// The matrices for which calls "matrix" are made; nil: all of a family.
  public var matrices: [Matrix]?
  public var arguments: [Argument]
  public var returns: Result
  /// The library's licence, an SPDX expression.
  public var licence: String
  public var paper: String?
  /// Whether scores compare across families.
  public var scoresCompare = false

  /// What one call scores.
  public enum Call: String, CaseIterable, Sendable {
    /// One unit, by its elements of all matrices of the family, one after another.
    case unit
    /// One weight matrix of a family of a layer. The score of a unit is the sum over the matrices.
    case matrix
    /// One family of a layer.
    case family
  }

  public enum Result: String, CaseIterable, Sendable {
    case void
    /// An int32: 0 means success.
    case status
    /// The score of the unit, for calls "unit".
    case float, double
  }

  public enum ArgumentType: String, CaseIterable, Sendable {
    case int32, int64, float, double
    case floatPointer = "float*"
    case doublePointer = "double*"
    /// A number by reference, as in Fortran.
    case int32Pointer = "int32*"
    case int64Pointer = "int64*"
    case characters = "char*"

    var isPointer: Bool { rawValue.hasSuffix("*") }
    var withArticle: String { (rawValue.hasPrefix("i") ? "an " : "a ") + rawValue }
  }

  public struct Argument: Equatable, Sendable {
    public var type: ArgumentType
    public var value: Value
  }

  public enum Value: Equatable, Sendable {
    case integer(Int)
    case number(Double)
    case text(String)
    /// A pointer that the function does not follow.
    case null
    case named(Name)
  }

  /// A value of the host: its quantity, and its matrix if that is named.
  public struct Name: Equatable, Sendable {
    public var quantity: Quantity
    public var matrix: Matrix?
  }

  public enum Matrix: String, CaseIterable, Sendable {
    case gate, up, down, q, k, v, o

    /// `ap_matrix.name`.
    var projection: String { rawValue + "_proj" }
  }

  public enum Quantity: Equatable, Sendable {
    case weight
    case statistic(Statistic)
    /// The array that the function writes: [count], for calls "unit" [1].
    case scores
    case number(Number)

    public enum Number: String, CaseIterable, Sendable {
      case rows, columns, count, length, layer, repeats, positions
      /// 0: units own rows, 1: columns.
      case axis
    }

    static func all(_ offered: StatisticRegistry) -> [Quantity] {
      let statistics = offered.entries.filter { $0.foreignName != nil }.map(Quantity.statistic)
      return [.weight] + statistics + [.scores] + Number.allCases.map(Quantity.number)
    }

    /// The name in a `plugin.json`.
    var name: String {
      switch self {
      case .weight: "weight"
      case .statistic(let statistic): statistic.foreignName ?? statistic.name
      case .scores: "scores"
      case .number(let number): number.rawValue
      }
    }

    var isArray: Bool { if case .number = self { false } else { true } }

    /// The weight or the statistic of a matrix; nil for other quantities.
    func memory(of matrix: MatrixRequest) -> MatrixMemory? {
      switch self {
      case .weight: matrix.weight
      case .statistic(let statistic): matrix.statistics[statistic]
      case .scores, .number: nil
      }
    }

    /// Whether it can be an argument of these calls, for the named matrix, or for none if `matrix` is nil.
    func isThere(in call: Call, of matrix: Matrix?) -> Bool {
      switch (self, call) {
      case (.scores, _), (.number(.layer), _): matrix == nil
      case (.number(.count), _): matrix == nil && call != .unit
      case (.weight, .unit), (.number(.length), .unit): true
      case (.statistic(let statistic), .unit): statistic.shape == .weight
      case (_, .unit), (.number(.length), _): false
      case (_, .matrix): true
      case (_, .family): matrix != nil
      }
    }
  }

  /// The statistics that the arguments name, without repetition.
  var statistics: [Statistic] {
    var statistics: [Statistic] = []
    for case .named(let name) in arguments.map(\.value) {
      if case .statistic(let statistic) = name.quantity, !statistics.contains(statistic) {
        statistics.append(statistic)
      }
    }
    return statistics
  }
}

extension ForeignSignature {
  /// A mistake in a signature, and its place.
  struct Mistake: Error {
    let place: String
    let reason: String
  }

  private static let keys = [
    "symbol", "call", "matrices", "arguments", "returns", "licence", "paper", "scores_compare",
  ]

  init(reading json: JSONValue, _ offered: StatisticRegistry) throws(Mistake) {
    guard let object = json.objectValue else {
      throw Mistake(place: "", reason: "should be an object, but is \(json.kindName)")
    }
    if let unknown = object.keys.first(where: { !Self.keys.contains($0) }) {
      throw Mistake(
        place: unknown,
        reason: "is an unknown key.\(NearestName.hint(for: unknown, among: Self.keys)) Known: "
          + Self.keys.joined(separator: ", "))
    }
    func text(_ key: String) throws(Mistake) -> String? {
      guard let value = object[key] else { return nil }
      guard let text = value.stringValue, !text.isEmpty, !text.utf8.contains(0) else {
        throw Mistake(
          place: key, reason: "should be a string that is not empty, without a NUL, but is \(value.compact)")
      }
      return text
    }
    guard let symbol = try text("symbol") else { throw Mistake(place: "symbol", reason: "is missing") }
    self.symbol = symbol
    call = try Self.choice(object["call"], "call")
    returns = try Self.choice(object["returns"], "returns")
    licence = try text("licence") ?? "NOASSERTION"
    paper = try text("paper")
    if let value = object["scores_compare"] {
      guard let answer = value.boolValue else {
        throw Mistake(place: "scores_compare", reason: "should be true or false, but is \(value.compact)")
      }
      scoresCompare = answer
    }
    if let value = object["matrices"] {
      guard let list = value.arrayValue, !list.isEmpty, call == .matrix else {
        throw Mistake(
          place: "matrices", reason: "should be a list of matrices, of a function with \"call\": \"matrix\"")
      }
      matrices = []
      for (index, element) in list.enumerated() {
        matrices?.append(try Self.choice(element, "matrices[\(index)]"))
      }
    }
    guard let list = object["arguments"]?.arrayValue else {
      throw Mistake(place: "arguments", reason: "should be a list of objects with \"type\" and \"value\"")
    }
    arguments = []
    for (index, element) in list.enumerated() {
      arguments.append(try Self.argument(element, at: "arguments[\(index)]", of: call, offered))
    }
    try requireScores()
  }

  /// Checks that exactly one argument or result gives the scores.
  private func requireScores() throws(Mistake) {
    let written = arguments.count { $0.value == .named(Name(quantity: .scores)) }
    let isReturned = returns == .float || returns == .double
    if isReturned, call != .unit {
      throw Mistake(
        place: "returns",
        reason: "is a number, the score of one unit: set \"call\" to \"unit\", or write \"scores\"")
    }
    if written + (isReturned ? 1 : 0) != 1 {
      throw Mistake(
        place: "arguments",
        reason: "should give scores in one way: one argument \"scores\""
          + (call == .unit ? ", or a float or double that is returned" : ""))
    }
  }

  private static func argument(
    _ json: JSONValue, at place: String, of call: Call, _ offered: StatisticRegistry
  ) throws(Mistake) -> Argument {
    guard let object = json.objectValue, let value = object["value"],
      let unknown = [object.keys.first { !["type", "value"].contains($0) }].first, unknown == nil
    else {
      throw Mistake(
        place: place, reason: "should be an object with \"type\" and \"value\", but is \(json.compact)")
    }
    let type: ArgumentType = try choice(object["type"], place + ".type")
    func wrong(_ expected: String) -> Mistake {
      Mistake(place: place + ".value", reason: "should be \(expected), but is \(value.compact)")
    }
    if value == .null {
      guard type.isPointer else { throw wrong(type.withArticle) }
      return Argument(type: type, value: .null)
    }
    switch (type, value.integerValue, value.numberValue, value.stringValue) {
    case (.characters, _, _, let text?):
      guard !text.utf8.contains(0) else { throw wrong("a text without a NUL, with which C's texts end") }
      return Argument(type: type, value: .text(text))
    case (.characters, _, _, nil): throw wrong("a text")
    case (.int32, let number?, _, _), (.int32Pointer, let number?, _, _):
      guard Int32(exactly: number) != nil else { throw wrong("an integer of 32 bits") }
      return Argument(type: type, value: .integer(number))
    case (.int64, let number?, _, _), (.int64Pointer, let number?, _, _):
      return Argument(type: type, value: .integer(number))
    case (.float, _, let number?, _), (.double, _, let number?, _), (.floatPointer, _, let number?, _),
      (.doublePointer, _, let number?, _):
      let isSingle = type == .float || type == .floatPointer
      guard !isSingle || abs(number) <= Double(Float.greatestFiniteMagnitude) else {
        throw wrong("a number that a float can hold")
      }
      return Argument(type: type, value: .number(number))
    case (_, _, _, let text?):
      return Argument(
        type: type, value: .named(try name(text, for: type, of: call, Quantity.all(offered), wrong)))
    default: throw wrong("\(type.withArticle), or the name of a value")
    }
  }

  private static func name(
    _ text: String, for type: ArgumentType, of call: Call, _ known: [Quantity],
    _ wrong: (String) -> Mistake
  ) throws(Mistake) -> Name {
    func quantity(_ name: Substring) -> Quantity? { known.first { $0.name == name } }
    var name = quantity(text[...]).map { Name(quantity: $0) }
    if name == nil, let dot = text.lastIndex(of: "."), let quantity = quantity(text[..<dot]),
      let matrix = Matrix(rawValue: String(text[text.index(after: dot)...]))
    {
      name = Name(quantity: quantity, matrix: matrix)
    }
    guard let name, name.quantity.isThere(in: call, of: name.matrix) else {
      let known = known.filter { $0.isThere(in: call, of: call == .family ? .down : nil) }.map(\.name)
      throw wrong(
        "a value that there is in a call for one \(call.rawValue) (\(known.joined(separator: ", ")); "
          + "of a certain matrix with its name behind: weight.down)")
    }
    let fits: [ArgumentType] =
      name.quantity.isArray
      ? [.floatPointer, .doublePointer] : [.int32, .int64, .int32Pointer, .int64Pointer]
    guard fits.contains(type) else {
      throw wrong("of type \(fits.map(\.rawValue).joined(separator: " or ")), as \(text) is")
    }
    return name
  }

  private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ value: JSONValue?, _ place: String
  ) throws(Mistake) -> Choice {
    let words = Choice.allCases.map(\.rawValue)
    guard let value else {
      throw Mistake(place: place, reason: "is missing; it is one of \(words.joined(separator: ", "))")
    }
    guard let choice = value.stringValue.flatMap(Choice.init(rawValue:)) else {
      throw Mistake(
        place: place, reason: "should be one of \(words.joined(separator: ", ")), but is \(value.compact)")
    }
    return choice
  }
}
