import JSON
import RunRecords

/// The runs that a comparison of pipelines makes.
package struct ComparePlan {
  package struct Run: Equatable {
    package let name: String
    package let manifest: Manifest
    /// The run's folder within the comparison's.
    var folder: String { ComparisonLayout.runs + name }
  }

  /// The unpruned model, measured once for each distinct set of evaluators.
  package let dense: [Run]
  /// Pipeline by pipeline, then target by target, then seed by seed.
  package let runs: [Run]

  var all: [Run] { dense + runs }

  /// - Parameters:
  ///   - pipelines: resolved manifests, and their files for messages.
  ///   - targets: shares of the original model; empty for the pipelines' own targets.
  ///   - seeds: how many successive seeds, beginning with the pipeline's own.
  /// - Throws: `CompareError`.
  package init(
    _ pipelines: [(file: String, manifest: Manifest)], targets: [Double], seeds: Int
  ) throws(CompareError) {
    var runs: [Run] = []
    var files: [String: String] = [:]
    for (file, manifest) in pipelines {
      let method = Self.folderName(manifest.name)
      if method == Self.denseName || method.hasPrefix(Self.denseName + "-") {
        throw .reservedName(name: manifest.name, pipeline: file)
      }
      if let other = files[method] {
        throw .sameName(name: manifest.name, first: other, second: file)
      }
      files[method] = file
      let (lastSeed, overflow) = manifest.seed.addingReportingOverflow(max(1, seeds) - 1)
      guard !overflow else { throw .tooManySeeds(first: manifest.seed, count: seeds) }
      for target in targets.isEmpty ? [nil] : targets.map(Optional.some) {
        var aimed = manifest
        if let target {
          guard let changed = manifest.aiming(at: target) else { throw .noShareOfOriginal(pipeline: file) }
          aimed = changed
        }
        for seed in manifest.seed...lastSeed {
          let parts = [method, target.map { "\($0)" }, seeds > 1 ? "seed\(seed)" : nil]
          runs.append(
            Run(name: parts.compactMap(\.self).joined(separator: "-"), manifest: aimed.seeded(seed)))
        }
      }
    }
    self.runs = runs
    dense = Self.dense(pipelines.map(\.manifest))
  }

  static let denseName = "dense"

  /// Returns one run for each distinct set of evaluators, with the seed of the first pipeline that has it. The name
  /// contains a hash of the set, so that more pipelines in a later comparison don't change it.
  private static func dense(_ manifests: [Manifest]) -> [Run] {
    var runs: [Run] = []
    var sets: Set<String> = []
    for manifest in manifests {
      var uses: [String: PluginUse] = [:]
      for stage in manifest.executions.compactMap({ $0.work as? EvaluateStage }) {
        for use in stage.evaluators { uses[use.json.compact] = use }
      }
      let keys = uses.keys.sorted()
      guard !keys.isEmpty, sets.insert(keys.joined(separator: "\n")).inserted else { continue }
      let mark = FileHash.sha256(of: (keys + ["\(manifest.seed)"]).joined(separator: "\n")).prefix(8)
      let stage = Stage(
        name: "evaluate", path: JSONPath.root.key("stages").index(0),
        work: EvaluateStage(evaluators: keys.compactMap { uses[$0] }))
      runs.append(
        Run(
          name: "\(denseName)-\(mark)",
          manifest: Manifest(
            name: denseName, description: "The model as it came.", seed: manifest.seed, stages: [stage])))
    }
    return runs
  }

  /// Returns a name that any file system accepts.
  static func folderName(_ name: String) -> String {
    let kept = name.map { character -> Character in
      character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
        ? character : "-"
    }
    let trimmed = String(kept.drop { $0 == "." })
    return trimmed.isEmpty ? "pipeline" : trimmed
  }
}

extension Manifest {
  func seeded(_ seed: Int) -> Manifest {
    Manifest(name: name, description: description, seed: seed, stages: stages)
  }

  /// Sets the share in every prune and transform stage whose target is a share of the original model. Returns nil if there
  /// is no such stage.
  func aiming(at share: Double) -> Manifest? {
    let aimed = stages.map { $0.aiming(at: share) }
    guard aimed.contains(where: { $0 != nil }) else { return nil }
    return Manifest(
      name: name, description: description, seed: seed, stages: zip(aimed, stages).map { $0 ?? $1 })
  }
}
