/// A quantity that the host gathers for plugins. Only the C ABI, `plugin.json`, the protocol of workers, records and
/// messages use its name; all other code uses this value.
public struct Statistic: Sendable {
  /// The name by which a plugin asks for it.
  public let name: String
  /// The kinds of plugin that may ask for it.
  public let kinds: [PluginKind]
  public let carrier: Carrier
  public let shape: Shape
  public let values: Values
  public let pass: Pass
  /// Its definition in one line of Markdown. W [rows, columns] is a weight, x its inputs: y = x Wᵀ.
  public let documentation: String
  private let spelling: String?

  /// The things that have one value each.
  public enum Carrier: Sendable {
    /// Each weight matrix.
    case matrix
    /// o_proj and down_proj only.
    case outputMatrix
    /// Each unit of a family of whole sublayers or layers.
    case wholeUnit
    case layer
    /// A place of the residual stream.
    case place

    public var isMatrix: Bool { self == .matrix || self == .outputMatrix }
  }

  /// The shape of a value. Sizes are those of its carrier.
  public enum Shape: String, Sendable {
    case weight = "[rows, columns]"
    case columns = "[1, columns]"
    case rows = "[1, rows]"
    case columnsSquared = "[columns, columns]"
    case rowsSquared = "[rows, rows]"
    /// One number for each unit.
    case units = "[count]"
    case number = "a number"
    case hidden = "[hidden]"

    /// Returns the rows and columns of the value of a weight matrix; nil if matrices have no such value.
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

  /// The numbers that are possible. Sample data use only these.
  public enum Values: Sendable { case any, nonNegative, gram }

  /// The passes that gathering takes.
  public enum Pass: String, Sendable {
    case forward = "forward"
    case backward = "forward and backward"
    case withoutEachUnit = "forward, and one for each unit"
    case compensation = "compensation"
    case slicing = "slicing"
  }

  /// - Parameter foreignName: the name for plain functions; nil: the name with dots.
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

  /// The name for plain functions; nil if they cannot ask for it.
  public var foreignName: String? {
    guard kinds.contains(.criterion), carrier.isMatrix else { return nil }
    return spelling ?? String(name.map { $0 == "_" ? "." : $0 })
  }
}

/// Statistics with the same name are equal.
extension Statistic: Hashable, CustomStringConvertible {
  public static func == (left: Statistic, right: Statistic) -> Bool { left.name == right.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  public var description: String { name }
}
