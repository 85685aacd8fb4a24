/// One quantity that the host gathers for plugins: its name, who may ask for it, what carries it, how large it is.
///
/// The value itself travels from a plugin's descriptor to what gathers it. Names are read and written at the edges
/// alone: the C ABI, `plugin.json`, the packets of a worker, records and messages.
public struct Statistic: Sendable {
  /// As a plugin asks for it.
  public let name: String
  /// The kinds of plugin that may ask.
  public let kinds: [PluginKind]
  public let carrier: Carrier
  public let shape: Shape
  public let values: Values
  public let pass: Pass
  /// What it is, in one line of Markdown. W [rows, columns] is a weight, x its inputs: y = x Wᵀ.
  public let documentation: String
  private let spelling: String?

  /// What has a value.
  public enum Carrier: Sendable {
    /// Each weight matrix.
    case matrix
    /// o_proj and down_proj alone.
    case outputMatrix
    /// Each unit of a family of whole sublayers or layers.
    case wholeUnit
    case layer
    /// A place of the residual stream.
    case place

    public var isMatrix: Bool { self == .matrix || self == .outputMatrix }
  }

  /// How large the value is, by the sizes of what carries it.
  public enum Shape: String, Sendable {
    case weight = "[rows, columns]"
    case columns = "[1, columns]"
    case rows = "[1, rows]"
    case columnsSquared = "[columns, columns]"
    case rowsSquared = "[rows, rows]"
    /// One number a unit.
    case units = "[count]"
    case number = "a number"
    case hidden = "[hidden]"

    /// - Parameters: rows and columns of the weight matrix that carries the value.
    /// - Returns: those of the value; nil if no matrix carries such a value.
    public func size(rows: Int, columns: Int) -> (rows: Int, columns: Int)? {
      switch self {
      case .weight: (rows, columns)
      case .columns: (1, columns)
      case .rows: (1, rows)
      case .columnsSquared: (columns, columns)
      case .rowsSquared: (rows, rows)
      case .units, .number, .hidden: nil
      }
    }
  }

  /// What numbers there can be: sample data keep to it.
  public enum Values: Sendable { case any, nonNegative, gram }

  /// What gathering costs.
  public enum Pass: String, Sendable {
    case forward = "forward"
    case backward = "forward and backward"
    case withoutEachUnit = "forward, and one for each unit"
    case compensation = "compensation"
    case slicing = "slicing"
  }

  /// - Parameter foreignName: as plain functions name it, where that is not the name with dots.
  public init(
    _ name: String, for kinds: [PluginKind], carrier: Carrier, shape: Shape, values: Values = .any,
    pass: Pass, foreignName: String? = nil, _ documentation: String
  ) {
    self.name = name
    self.kinds = kinds
    self.carrier = carrier
    self.shape = shape
    self.values = values
    self.pass = pass
    self.documentation = documentation
    spelling = foreignName
  }

  /// As plain functions name it; nil where they cannot have it.
  public var foreignName: String? {
    guard kinds.contains(.criterion), carrier.isMatrix else { return nil }
    return spelling ?? String(name.map { $0 == "_" ? "." : $0 })
  }
}

/// A name stands for one statistic.
extension Statistic: Hashable, CustomStringConvertible {
  public static func == (left: Statistic, right: Statistic) -> Bool { left.name == right.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  public var description: String { name }
}
