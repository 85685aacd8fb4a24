import RunRecords
import Wording

/// What one method left of each layer. Each layer is a row; each family of units has a column for each target.
enum KeptMap {
  private struct Column {
    let family: String
    let setting: Comparison.Setting
    /// By layer, the units of all seeds that have them.
    let units: [[IterationRecord.Units]]
  }

  /// Returns nil if the method's kept units are not known.
  /// - Parameter families: those of all methods, in their order.
  static func table(_ method: String, _ families: [String], _ comparison: Comparison) -> Markup? {
    let settings = comparison.pruned.filter { $0.method == method }
    let columns = families.flatMap { family in
      settings.compactMap { setting -> Column? in
        let kept = setting.runs.map(\.files.kept)
        let units = (0..<(kept.map(\.count).max() ?? 0)).map { layer in
          kept.compactMap { $0[safe: layer]?[family] }.filter { $0.original > 0 }
        }
        return units.allSatisfy(\.isEmpty) ? nil : Column(family: family, setting: setting, units: units)
      }
    }
    if columns.isEmpty { return nil }
    let groups = columns.groups(by: \.family).map { family, own in
      let (title, units) = LayersSection.words(for: family)
      // The number of a layer's units before pruning, if it is the same for all.
      let counts = Set(own.flatMap(\.units).joined().map(\.original))
      let note =
        counts.count > 1
        ? units
        : counts.first.map { $0 == 1 ? "1: kept, 0: gone" : "\(units) of \(HumanFormat.grouped($0))" }
      return CellTable.Heading(text: title, note: note, columns: own.count)
    }
    let layers = columns.map(\.units.count).max() ?? 0
    return CellTable(
      title: method, note: "",
      head: [[.init(text: "Layer", rows: 2)] + groups, columns.map { .init(text: label($0.setting)) }],
      rows: (0..<layers).map { layer in ("\(layer)", columns.map { cell($0, layer) }) }
    ).markup
  }

  private static func cell(_ column: Column, _ layer: Int) -> CellTable.Cell {
    let (title, units) = LayersSection.words(for: column.family)
    let place = "layer \(layer), \(title), target \(column.setting.target?.label ?? "none"): "
    let found = column.units[safe: layer] ?? []
    guard let first = found.first else { return .init(text: "", title: place + "not known") }
    let share = found.map { Double($0.kept) / Double($0.original) }.mean
    let (percent, original) = (HumanFormat.percent(share), HumanFormat.grouped(first.original))
    guard Set(found.map(\.kept)).count == 1 else {
      return .init(
        text: HumanFormat.fixed(share * 100, 0) + "%", shade: share,
        title: place + "\(percent) of \(original) \(units), mean of \(found.count) seeds")
    }
    let count = HumanFormat.grouped(first.kept)
    return .init(text: count, shade: share, title: place + "\(count) of \(original) \(units), \(percent)")
  }

  /// A label that fits above a column: `80%`.
  private static func label(_ setting: Comparison.Setting) -> String {
    let label = setting.target?.label ?? ""
    let short = label.count <= 6 ? label : setting.share.map(HumanFormat.percent) ?? ""
    return short.replacing(".0%", with: "%")
  }
}
