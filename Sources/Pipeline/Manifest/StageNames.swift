import JSON

/// What each stage of a manifest is called: as it says itself, or else its kind, with `-2`, `-3` … where
/// that is taken. Names that stand in the manifest go before names that are made up.
struct StageNames {
  private var names: [JSONPath: String] = [:]

  /// - Parameter document: a manifest that may have any mistakes.
  init(of document: JSONValue) {
    var stages: [(path: JSONPath, stage: JSONValue)] = []
    Self.collect(document, at: .root, into: &stages)
    var taken = Set(stages.compactMap { $0.stage["name"]?.stringValue })
    for (path, stage) in stages {
      if let name = stage["name"]?.stringValue {
        names[path] = name
      } else if let kind = stage["stage"]?.stringValue {
        var name = kind
        var number = 2
        while !taken.insert(name).inserted {
          name = "\(kind)-\(number)"
          number += 1
        }
        names[path] = name
      }
    }
  }

  /// The name of the stage that stands at `path`, if one does and it is known what it is.
  func name(at path: JSONPath) -> String? { names[path] }

  private static func collect(
    _ node: JSONValue, at path: JSONPath, into stages: inout [(path: JSONPath, stage: JSONValue)]
  ) {
    let list = path.key("stages")
    for (index, stage) in (node["stages"]?.arrayValue ?? []).enumerated() {
      stages.append((list.index(index), stage))
      collect(stage, at: list.index(index), into: &stages)
    }
  }
}
