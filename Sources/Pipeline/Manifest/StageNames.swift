import JSON

/// The name of each stage of a manifest. A stage without a name is called by its kind, with `-2`, `-3` … where that is
/// taken. Names in the manifest have precedence.
enum StageNames {
  /// The names of all stages, by their places. A stage of no known kind has none.
  /// - Parameter document: a manifest, which may have mistakes.
  static func all(in document: JSONValue) -> [JSONPath: String] {
    let stages = stages(in: document, at: .root)
    var names: [JSONPath: String] = [:]
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
    return names
  }

  /// All stages, each before those within it.
  private static func stages(in node: JSONValue, at path: JSONPath) -> [(path: JSONPath, stage: JSONValue)] {
    (node["stages"]?.arrayValue ?? []).enumerated().flatMap { index, stage in
      let place = path.key("stages").index(index)
      return [(place, stage)] + stages(in: stage, at: place)
    }
  }
}
