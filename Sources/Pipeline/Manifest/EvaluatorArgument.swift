import JSON
import PluginRuntime

/// `ID[:key=value,…]`: an evaluator on the command line, as in
/// `adapt-pruner.perplexity:data=evaluation.txt,window=512`. A value with a comma stands in double quotes.
public struct EvaluatorArgument: Sendable, Equatable {
  /// The argument as the user gave it.
  public let text: String
  public let id: String
  public let options: [Setting]

  public struct Setting: Sendable, Equatable {
    public let key: String
    public let value: String
  }

  /// Why an argument can't be read.
  public struct SyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    public let reason: String
    public var description: String {
      "\(reason); expected ID or ID:key=value,key=value, a value with a comma in double quotes"
    }
  }

  public init(parsing argument: String) throws(SyntaxError) {
    text = argument
    id = String(argument.prefix { $0 != ":" })
    if id.isEmpty { throw SyntaxError(reason: "there is no id") }
    var options: [Setting] = []
    var rest = argument.dropFirst(id.count)
    while !rest.isEmpty {
      rest = rest.dropFirst()
      guard let equals = rest.firstIndex(of: "="), equals > rest.startIndex else {
        throw SyntaxError(reason: "\"\(rest)\" is no key=value")
      }
      let key = String(rest[..<equals])
      if key.contains(",") { throw SyntaxError(reason: "\"\(key.prefix { $0 != "," })\" is no key=value") }
      if options.contains(where: { $0.key == key }) {
        throw SyntaxError(reason: "\"\(key)\" is given twice")
      }
      rest = rest[rest.index(after: equals)...]
      guard let value = Self.takeValue(&rest) else {
        throw SyntaxError(reason: "the quotes of \"\(key)\" don't end, or something follows them")
      }
      options.append(Setting(key: key, value: value))
    }
    self.options = options
  }

  /// Takes the text up to the next comma, or in quotes, where \" is a quote and \\ a backslash. Nil if the quotes don't
  /// end before a comma or the end.
  private static func takeValue(_ rest: inout Substring) -> String? {
    guard rest.first == "\"" else {
      let value = rest.prefix { $0 != "," }
      rest = rest.dropFirst(value.count)
      return String(value)
    }
    rest = rest.dropFirst()
    var value = ""
    while let character = rest.popFirst() {
      switch character {
      case "\"": return rest.isEmpty || rest.first == "," ? value : nil
      case "\\":
        guard let escaped = rest.popFirst() else { return nil }
        value.append(escaped)
      default: value.append(character)
      }
    }
    return nil
  }
}

extension EvaluatorArgument {
  /// Checks evaluators against their plugins, like the evaluators of a pipeline.
  /// - Throws: all problems, each with its argument.
  public static func resolve(
    _ arguments: [EvaluatorArgument], with resolver: ManifestResolver
  ) throws(ManifestError) -> EvaluateStage {
    let elements = arguments.map { argument -> JSONValue in
      // The resolver tells about an evaluator that can't be opened.
      let schema = try? resolver.catalog.entry(argument.id)?.open(resolver.isolation).schema
      let options = argument.options.map { setting in
        let property = schema?.properties.first { $0.name == setting.key }
        return (setting.key, typed(setting.value, as: property))
      }
      return ["id": .string(argument.id), "options": .object(JSONObject(options))]
    }
    let document: JSONValue = ["stages": [["stage": "evaluate", "evaluators": .array(elements)]]]
    do {
      let manifest = try resolver.resolve(document, file: "--evaluator", folder: resolver.currentFolder)
      return EvaluateStage(
        evaluators: manifest.executions.flatMap { ($0.work as? EvaluateStage)?.evaluators ?? [] })
    } catch {
      throw ManifestError(problems: error.problems.map { told($0, of: arguments) })
    }
  }

  /// The value of a word for an option: JSON, or the word itself if the option is a string.
  private static func typed(_ word: String, as property: OptionsSchema.Property?) -> JSONValue {
    let text = JSONValue.string(word)
    guard let property, let value = try? JSONValue(parsing: word) else { return text }
    if property.isData { return value.objectValue == nil ? text : value }
    // With several types the word is a string only if nothing else fits.
    if property.types == [.string] { return text }
    if property.types.isEmpty, let allowed = property.allowed, allowed.contains(text) { return text }
    return value
  }

  /// The same problem in terms of the command line.
  private static func told(_ problem: ManifestProblem, of arguments: [EvaluatorArgument]) -> ManifestProblem {
    for (index, argument) in arguments.enumerated() {
      let place = "stages[0].evaluators[\(index)]"
      guard problem.path.hasPrefix(place) else { continue }
      var path = String(problem.path.dropFirst(place.count + 1))
      if path.hasPrefix("options.") { path = String(path.dropFirst("options.".count)) }
      return ManifestProblem(
        source: "--evaluator \(argument.text)", path: path == "id" ? "" : path, found: problem.found,
        expected: problem.expected, advice: problem.advice)
    }
    return problem
  }
}
