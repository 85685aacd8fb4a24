import JSON

/// The name of each stage of a manifest. A stage without a name is called by its kind, with `-2`, `-3` … where that is
/// taken. Names in the manifest have precedence.
struct StageNames {
  private var names: [JSONPath: String] = [:]

  /// - Parameter document: a manifest, which may have mistakes.
  init(of document: JSONValue) {
    let stages = Self.stages(in: document, at: .root)
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

  /// The name of the stage at `path`. Nil if there is none, or if its kind is not known.
  func name(at path: JSONPath) -> String? { names[path] }

  /// All stages, each before those within it.
  private static func stages(in node: JSONValue, at path: JSONPath) -> [(path: JSONPath, stage: JSONValue)] {
    (node["stages"]?.arrayValue ?? []).enumerated().flatMap { index, stage in
      let place = path.key("stages").index(index)
      return [(place, stage)] + stages(in: stage, at: place)
    }
  }
}
