import PluginABI

/// Answers: how much may each layer lose?
public protocol Allocator: PluginMethod {
  /// Whether each iteration ends on its goal or less than one unit below it. The host checks the answers.
  var meetsGoal: Bool { get }

  /// A share for each of `allocation.families`.
  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share]
}

/// What stays of one family of one layer.
public struct Share: Equatable, Sendable {
  /// The share of the original units meant to be gone, in [0, 1]. It comes back as `previousSparsity`.
  public var sparsity: Double
  /// Units that stay, `minimum ... count`. The lowest scores leave.
  public var keep: Int

  public init(sparsity: Double, keep: Int) {
    self.sparsity = sparsity
    self.keep = keep
  }
}

/// One family of one layer, before this iteration's cut.
public struct Family: Sendable {
  /// "attention" or "mlp"; "attention_block", "mlp_block" or "layer" where the one unit is the whole of it.
  public var name: String
  /// Units now. 0 if an earlier cut removed the sublayer.
  public var count: Int
  /// Units in the unpruned model.
  public var originalCount: Int
  /// Rows that a unit counts in the published code: the head's dimension, or 1.
  public var positions: Int
  /// The cost of one unit, in the budget's measure.
  public var cost: Int
  /// The smallest number of units that may stay. 0 if a unit is a whole sublayer or layer.
  public var minimum: Int
  public var previousSparsity: Double
  /// The criterion's scores: [count].
  public var scores: [Float]

  /// Whether the one unit is a whole sublayer or layer. It stays or leaves.
  public var isWhole: Bool { ["attention_block", "mlp_block", "layer"].contains(name) }

  init(_ family: ap_family) {
    name = String(cString: family.name)
    count = Int(family.count)
    originalCount = Int(family.original_count)
    positions = Int(family.positions)
    cost = Int(family.cost)
    minimum = Int(family.minimum)
    previousSparsity = family.previous_sparsity
    scores = Array(UnsafeBufferPointer(start: family.scores, count: count))
  }
}

/// One decoder layer.
public struct Layer: Sendable {
  public var families: [Family]
  /// One number for each statistic, in the order of `statistics`.
  public var statistics: [Double]
}

/// The budget, in the measure of the user's target.
public struct Budget: Sendable {
  /// "parameters" or "macs".
  public var measure: String
  /// The size before this iteration.
  public var now: Int
  /// The size of the unpruned model.
  public var original: Int
  /// The goal of the whole stage.
  public var goal: Int
  /// The goal of this iteration.
  public var iterationGoal: Int
  /// Counts from 0.
  public var iteration: Int
  public var iterations: Int
}

/// The layers and the budget that an allocator sees.
public struct Allocation: Sendable {
  public var budget: Budget
  public var layers: [Layer]
  /// The criterion's scores compare across families (`Criterion.scoresCompare`). A host of version 1.0 of the ABI
  /// does not tell, so it is false there.
  public var scoresCompare: Bool
  /// All families of layer 0, then of layer 1, and so on.
  public var families: [Family] { layers.flatMap(\.families) }

  /// Refuses units that are whole sublayers or layers. Rules that take a share of each layer's units call this.
  ///
  /// A unit that stays or leaves as a whole has no share. The order of such units would decide which leaves, not
  /// their scores.
  public func requireShares() throws(PluginError) {
    guard let family = families.first(where: \.isWhole) else { return }
    throw PluginError(
      "the units of family \"\(family.name)\" are whole sublayers or layers, and this allocator has each layer lose a "
        + "share of its units; give it \"attention\" and \"mlp\", or take another allocator",
      kind: .unsupported)
  }

  init(_ allocation: UnsafePointer<ap_allocation>, statisticCount: Int) throws(PluginError) {
    let budget = allocation.pointee.budget.pointee
    self.budget = Budget(
      measure: String(cString: budget.measure), now: Int(budget.now), original: Int(budget.original),
      goal: Int(budget.goal), iterationGoal: Int(budget.iteration_goal), iteration: Int(budget.iteration),
      iterations: Int(budget.iterations))
    // Since 1.1.
    let end = MemoryLayout<ap_allocation>.offset(of: \.scores_compare).map { $0 + MemoryLayout<Int32>.size }
    scoresCompare =
      Int(allocation.pointee.struct_size) >= end ?? .max && allocation.pointee.scores_compare != 0
    layers = []
    let list = try structs(allocation.pointee.layers, count: allocation.pointee.layer_count) { "layer \($0)" }
    for (index, layer) in list.enumerated() {
      let families = try structs(layer.pointee.families, count: layer.pointee.family_count) {
        "family \($0) of layer \(index)"
      }
      layers.append(
        Layer(
          families: families.map { Family($0.pointee) },
          statistics: Array(UnsafeBufferPointer(start: layer.pointee.statistics, count: statisticCount))))
    }
  }
}

private typealias Instance = Box<any Allocator>

extension ap_allocator {
  init(_ create: @escaping Slots.Create) {
    self.init(
      struct_size: size(ap_allocator.self), create: create, destroy: destroyInstance,
      statistics: { Instance.of($0)?.statisticNames.pointer },
      allocate: { instance, host, model, allocation, shares in
        Instance.call(instance, host, model) { box, model, host in
          let allocation = try Allocation(present(allocation), statisticCount: box.statistics.count)
          let answer = try box.method.shares(of: allocation, model: model, host: host)
          guard answer.count == allocation.families.count else {
            throw PluginError("\(answer.count) shares were made for \(allocation.families.count) families")
          }
          let shares = try present(shares)
          for (index, share) in answer.enumerated() {
            shares[index]?.pointee.sparsity = share.sparsity
            shares[index]?.pointee.keep = Int64(share.keep)
          }
        }
      },
      meets_goal: { Instance.flag($0) { $0.meetsGoal } })
  }
}
