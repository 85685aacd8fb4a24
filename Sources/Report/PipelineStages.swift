import JSON

/// Names and kinds of a manifest's stages.
enum PipelineStages {
  struct Stage: Equatable {
    let name: String
    /// `evaluate`, `prune`, `transform`, `train`, `save`, `repeat`.
    let kind: String
    let json: JSONValue
    let inner: [Stage]

    var all: [Stage] { [self] + inner.flatMap(\.all) }
  }

  static func of(_ manifest: JSONValue) -> [Stage] {
    (manifest["stages"]?.arrayValue ?? []).map { stage in
      let kind = stage["stage"]?.stringValue ?? ""
      return Stage(name: stage["name"]?.stringValue ?? kind, kind: kind, json: stage, inner: of(stage))
    }
  }
}
