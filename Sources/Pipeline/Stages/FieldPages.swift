import JSON
import PluginRuntime

/// The tables of keys in `docs/`. A table stands between `<!-- fields: NAME -->` and `<!-- end -->`. Its rows come from
/// the fields of a stage, or of a part of one.
package enum FieldPages {
  private static let opening = "<!-- fields: "
  private static let closing = "<!-- end -->"

  /// The page with its tables filled in. The rest stays as it is.
  package static func filled(_ page: String, _ kinds: StageKinds = .shipped) -> String {
    var lines: [Substring] = []
    var isInTable = false
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == closing { isInTable = false }
      if !isInTable { lines.append(line) }
      guard line.hasPrefix(opening), line.hasSuffix(" -->") else { continue }
      guard let table = table(String(line.dropFirst(opening.count).dropLast(4)), kinds) else { continue }
      lines += ["", table[...], ""]
      isInTable = true
    }
    return lines.joined(separator: "\n")
  }

  private static func table(_ name: String, _ kinds: StageKinds) -> String? {
    switch name {
    case "pipeline": Manifest.fields.table
    case "calibration": CalibrationSample.fields.table
    case "target": Target.table
    case "data": DataSource.fields.table
    case "training data": TrainingInput.fields.table
    case "optimizer": OptimizerSettings.fields.table
    case "schedule": Schedule.fields.table
    case "isolate": Isolation.fields.table
    default: kinds.named(name).map { $0.table }
    }
  }
}

extension StageKind {
  fileprivate static var table: String { fields.table }
}

extension Fields {
  /// A row for each key.
  var table: String {
    let rows = list.map { field in
      let more = field.section.map { section in
        let anchor = section.lowercased().replacing(" ", with: "-")
        return " See [\(section)](#\(anchor))."
      }
      return
        "| `\(field.key)` | \(field.valueWords) | \(field.defaultWords(blank)) | \(field.help)\(more ?? "") |"
    }
    return (["| key | value | default | |", "|---|---|---|---|"] + rows).joined(separator: "\n")
  }
}

extension Field {
  /// The type of the value, in a few words.
  fileprivate var valueWords: String {
    if pluginKind != nil { return schema["type"] == "array" ? "plugins" : "plugin" }
    if let words = schema["enum"]?.arrayValue {
      return words.map { "`\($0.stringValue ?? "")`" }.joined(separator: ", ")
    }
    let type = schema["type"]?.stringValue ?? ""
    let words = ["boolean": "`true`, `false`", "string": "text", "array": "list"]
    if let words = words[type] { return words }
    if let bound = schema["exclusiveMinimum"] { return "\(type) above \(bound.compact)" }
    guard let least = schema["minimum"], let most = schema["maximum"] else { return type }
    return most.integerValue == .max
      ? "\(type) from \(least.compact)" : "\(type), \(least.compact) to \(most.compact)"
  }

  fileprivate func defaultWords(_ blank: Owner) -> String {
    if isRequired { return "required" }
    guard let standard = standard(of: blank) else { return "" }
    if case .object = standard { return "" }
    return "`\(standard.stringValue ?? standard.compact.replacing(",", with: ", "))`"
  }
}
