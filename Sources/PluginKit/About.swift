/// A plugin's description, known before any instance exists. It becomes the `ap_descriptor`.
public struct About: Sendable {
  public var id: String
  public var version: String
  public var summary: String
  public var licence: String
  public var paper: String?
  public var options: [Option]
  public var statistics: [Statistic]
  /// For criteria: `Criterion.scoresCompare` is true with some options at least.
  public var scoresCompare: Bool

  /// - Parameters:
  ///   - id: `publisher.name`, in lower case.
  ///   - summary: one sentence.
  ///   - licence: an SPDX expression.
  ///   - paper: where the method is published.
  ///   - statistics: every statistic that an instance may ask for.
  public init(
    id: String, version: String = "1.0.0", summary: String, licence: String = "Apache-2.0",
    paper: String? = nil, options: [Option] = [], statistics: [Statistic] = [], scoresCompare: Bool = false
  ) {
    self.id = id
    self.version = version
    self.summary = summary
    self.licence = licence
    self.paper = paper
    self.options = options
    self.statistics = statistics
    self.scoresCompare = scoresCompare
  }
}

/// The name of a statistic. `docs/plugins.md` lists those that the host gathers. A string literal names one that has no
/// constant here.
public struct Statistic: RawRepresentable, ExpressibleByStringLiteral, Hashable, Sendable {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral name: String) { rawValue = name }

  public static let gradient: Statistic = "gradient"
  public static let gradientSquare: Statistic = "gradient_square"
  public static let inputMean: Statistic = "input_mean"
  public static let inputVariance: Statistic = "input_variance"
  public static let inputFluctuation: Statistic = "input_fluctuation"
  public static let inputNorm: Statistic = "input_norm"
  public static let inputMagnitude: Statistic = "input_magnitude"
  public static let inputGram: Statistic = "input_gram"
  public static let outputGradientGram: Statistic = "output_gradient_gram"
  public static let outputFisher: Statistic = "output_fisher"
  public static let blockCosine: Statistic = "block_cosine"
  public static let removalAngle: Statistic = "removal_angle"
  public static let removalNorm: Statistic = "removal_norm"
  public static let targetMean: Statistic = "target_mean"
  public static let targetProduct: Statistic = "target_product"
  public static let layerCosine: Statistic = "layer_cosine"
  public static let layerEuclidean: Statistic = "layer_euclidean"
  public static let layerManhattan: Statistic = "layer_manhattan"
  public static let residualEnergies: Statistic = "residual_energies"
}

/// One option of a plugin. It is a property of the JSON Schema by which the host checks the user's options.
public struct Option: Sendable {
  let name: String
  let schema: String
  let isRequired: Bool

  /// An option that takes one of an enum's raw values.
  public static func choice<Choice>(_ name: String, default choice: Choice, _ description: String) -> Option
  where Choice: CaseIterable & RawRepresentable, Choice.RawValue == String {
    let values = Choice.allCases.map { quoted($0.rawValue) }.joined(separator: ", ")
    return Option(
      name, "\"type\": \"string\", \"enum\": [\(values)], \"default\": \(quoted(choice.rawValue))",
      description)
  }

  public static func integer(
    _ name: String, default value: Int, minimum: Int? = nil, maximum: Int? = nil, _ description: String
  ) -> Option {
    Option(name, "\"type\": \"integer\", \"default\": \(value)" + bounds(minimum, maximum), description)
  }

  /// An integer that may be null or left out.
  public static func optionalInteger(_ name: String, minimum: Int? = nil, _ description: String) -> Option {
    Option(name, "\"type\": [\"integer\", \"null\"], \"default\": null" + bounds(minimum, nil), description)
  }

  public static func number(
    _ name: String, default value: Double, minimum: Double? = nil, maximum: Double? = nil,
    _ description: String
  ) -> Option {
    Option(name, "\"type\": \"number\", \"default\": \(value)" + bounds(minimum, maximum), description)
  }

  /// A number that may be null or left out.
  public static func optionalNumber(
    _ name: String, minimum: Double? = nil, maximum: Double? = nil, _ description: String
  ) -> Option {
    Option(
      name, "\"type\": [\"number\", \"null\"], \"default\": null" + bounds(minimum, maximum), description)
  }

  public static func flag(_ name: String, default value: Bool, _ description: String) -> Option {
    Option(name, "\"type\": \"boolean\", \"default\": \(value)", description)
  }

  public static func integers(_ name: String, minimum: Int? = nil, _ description: String) -> Option {
    Option(
      name, "\"type\": \"array\", \"default\": [], \"items\": {\"type\": \"integer\"\(bounds(minimum, nil))}",
      description)
  }

  /// Data that the plugin opens with `host.openData(name)`. The host checks its form. Required.
  public static func data(_ name: String, _ description: String) -> Option {
    Option(name, "\"format\": \"adapt-pruner-data\"", description, isRequired: true)
  }

  private init(_ name: String, _ schema: String, _ description: String, isRequired: Bool = false) {
    self.name = name
    self.schema = "{\(schema), \"description\": \(Self.quoted(description))}"
    self.isRequired = isRequired
  }

  private static func bounds<Number>(_ minimum: Number?, _ maximum: Number?) -> String {
    (minimum.map { ", \"minimum\": \($0)" } ?? "") + (maximum.map { ", \"maximum\": \($0)" } ?? "")
  }

  /// A JSON string. Descriptions are one line of text, so only quotes and backslashes need escapes.
  fileprivate static func quoted(_ text: String) -> String {
    "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
  }
}

extension About {
  /// The options as the JSON Schema of an object.
  var schema: String {
    let properties = options.map { "\(Option.quoted($0.name)): \($0.schema)" }.joined(separator: ", ")
    let required = options.filter(\.isRequired).map { Option.quoted($0.name) }.joined(separator: ", ")
    return "{\"type\": \"object\", \"properties\": {\(properties)}, \"required\": [\(required)]}"
  }
}
