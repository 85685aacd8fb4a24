/// The statistics that a host offers to plugins, each once by its name.
public struct StatisticRegistry: Equatable, Sendable {
  public private(set) var entries: [Statistic]

  public init(_ entries: [Statistic]) { self.entries = entries }

  public mutating func register(_ entry: Statistic) {
    entries.removeAll { $0 == entry }
    entries.append(entry)
  }

  /// The statistics that plugins of a kind may ask for.
  public func entries(for kind: PluginKind) -> [Statistic] { entries.filter { $0.kinds.contains(kind) } }

  public subscript(name: String) -> Statistic? { entries.first { $0.name == name } }
}
