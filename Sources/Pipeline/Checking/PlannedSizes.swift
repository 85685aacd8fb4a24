import Checkpoints
import Transformer

/// The bounds of the model's size at each stage of a pipeline, before the run begins. The stage itself would refuse
/// everything that is refused here.
struct PlannedSizes {
  private let layers: [LayerSizes]
  private let original: [Target.Measure: Int]
  private var bounds: [Target.Measure: ClosedRange<Int>]
  /// The families of the prune stages so far.
  private var touched: Set<Family> = []

  init(_ model: LoadedModel) {
    layers = model.decoder.allSizes
    original = [.parameters: model.originalParameters, .macs: model.originalMultiplyAccumulates]
    bounds = [
      .parameters: model.decoder.parameters...model.decoder.parameters,
      .macs: model.decoder.multiplyAccumulates...model.decoder.multiplyAccumulates,
    ]
  }

  /// Whether no stage has pruned yet.
  var isUntouched: Bool { touched.isEmpty }

  /// The largest size that may be left.
  func most(_ measure: Target.Measure) -> Int { bounds[measure]?.upperBound ?? 0 }

  /// Applies a prune stage.
  /// - Parameters:
  ///   - meetsGoal: whether the allocator ends on the goal, or less than one unit below it.
  ///   - biases: the parameters that a compensator adds, if none has been added before.
  /// - Throws: `PruningError`.
  mutating func prune(_ stage: PruneStage, label: String, meetsGoal: Bool, biases: Int) throws {
    let measure = stage.target.measure
    guard let now = bounds[measure], let whole = original[measure] else { return }
    let goals = [now.lowerBound, now.upperBound].map { stage.target.goal(original: whole, now: $0) }
    let (lowest, goal) = (goals[0], goals[1])
    guard lowest < now.lowerBound || goal < now.upperBound else {
      throw touched.isEmpty
        ? PruningError.nothingToRemove(stage: label, measure: measure.words, now: now.upperBound, goal: goal)
        : PruningError.nothingLeftToRemove(
          stage: label, measure: measure.words, most: now.upperBound, goal: goal)
    }
    let families = Set(stage.families)
    let all = touched.union(families)
    let added = measure == .parameters && touched.isEmpty ? biases : 0
    let reach = Reach(
      layers: layers, families: families, measure: measure, minimum: stage.widths.minimum)
    let smallest = max(now.lowerBound - reach.removable, floor(all, measure)) + added
    guard smallest <= goal else {
      throw PruningError.outOfReach(
        stage: label, measure: measure.words, goal: goal, smallest: smallest,
        whole: stage.families.contains(where: \.isWhole))
    }
    let least = meetsGoal ? max(smallest, lowest - reach.dearest - biases) : smallest
    let most = min(now.upperBound, goal)
    bounds[measure] = min(least, most)...most
    for (other, range) in bounds where other != measure {
      let most = range.upperBound + (other == .parameters ? biases : 0)
      bounds[other] = min(floor(all, other), most)...most
    }
    touched = all
  }

  private func floor(_ families: Set<Family>, _ measure: Target.Measure) -> Int {
    (original[measure] ?? 0) - Reach(layers: layers, families: families, measure: measure).removable
  }
}
