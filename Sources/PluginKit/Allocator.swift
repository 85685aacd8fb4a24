import PluginABI

/// How much may each layer lose?
public protocol Allocator {
  associatedtype Options: Decodable

  static var about: About { get }

  init(options: Options) throws

  /// What this instance needs with its options, in the order in which `Layer.statistics` will be.
  var statistics: [Statistic] { get }

  /// It ends each iteration on its goal or less than one unit below it, and is held to that.
  var meetsGoal: Bool { get }

  /// A share for each of `allocation.families`.
  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share]
}

extension Allocator {
  public var statistics: [Statistic] { Self.about.statistics }
}

/// What stays of one family of one layer.
public struct Share: Equatable, Sendable {
  /// The share of the original units meant to be gone, in [0, 1]: comes back as `previousSparsity`.
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
  /// "attention", "mlp", or, with a whole sublayer or layer as the one unit, "attention_block", "mlp_block" or "layer".
  public var name: String
  /// Units now; 0 where the sublayer was removed earlier.
  public var count: Int
  /// Units in the unpruned model.
  public var originalCount: Int
  /// Rows a unit counts in the published code: the head's dimension, or 1.
  public var positions: Int
  /// What one unit costs, in the budget's measure.
  public var cost: Int
  /// Fewer may not stay; 0 where a unit is a whole sublayer or layer.
  public var minimum: Int
  public var previousSparsity: Double
  /// [count], the criterion's.
  public var scores: [Float]

  /// A unit is a whole sublayer, or layer: it stays or leaves.
  public var isWhole: Bool { ["attention_block", "mlp_block", "layer"].contains(name) }
}

/// One decoder layer.
public struct Layer: Sendable {
  public var families: [Family]
  /// In the order asked for.
  public var statistics: [Double]
}

/// The budget, in the measure ("parameters" or "macs") that the user gave the target in.
public struct Budget: Sendable {
  public var measure: String
  /// Before this iteration.
  public var now: Int
  /// Of the unpruned model.
  public var original: Int
  /// Of the whole stage.
  public var goal: Int
  /// Of this iteration.
  public var iterationGoal: Int
  /// From 0.
  public var iteration: Int
  public var iterations: Int
}

public struct Allocation: Sendable {
  public var budget: Budget
  public var layers: [Layer]
  /// The criterion says that its scores compare across families (`Criterion.scoresCompare`); false where the host, of
  /// version 1.0 of the ABI, does not tell.
  public var scoresCompare: Bool
  /// All families of layer 0, of layer 1, …
  public var families: [Family] { layers.flatMap(\.families) }

  /// For rules that have each layer lose a share of its units. A unit that stays or leaves as a whole layer has no
  /// share: the order of such units, not their scores, would decide which leaves.
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
    for index in 0..<Int(allocation.pointee.layer_count) {
      guard let layer = allocation.pointee.layers[index]?.pointee else {
        throw PluginError("layer \(index) is null")
      }
      var families: [Family] = []
      for place in 0..<Int(layer.family_count) {
        guard let family = layer.families[place]?.pointee else {
          throw PluginError("family \(place) of layer \(index) is null")
        }
        families.append(
          Family(
            name: String(cString: family.name), count: Int(family.count),
            originalCount: Int(family.original_count), positions: Int(family.positions),
            cost: Int(family.cost), minimum: Int(family.minimum),
            previousSparsity: family.previous_sparsity,
            scores: Array(UnsafeBufferPointer(start: family.scores, count: Int(family.count)))))
      }
      layers.append(
        Layer(
          families: families,
          statistics: Array(UnsafeBufferPointer(start: layer.statistics, count: statisticCount))))
    }
  }
}

/// An instance as it crosses the border: `void *instance`.
final class AllocatorBox {
  let allocator: any Allocator
  let statisticNames: TextList

  init(_ allocator: any Allocator) {
    self.allocator = allocator
    statisticNames = TextList(allocator.statistics.map(\.rawValue))
  }

  static func table(_ create: @escaping Slots.Create) -> ap_allocator {
    ap_allocator(
      struct_size: size(ap_allocator.self), create: create,
      destroy: { instance in
        if let instance { Unmanaged<AllocatorBox>.fromOpaque(instance).release() }
      },
      statistics: { instance in
        instance.map { Unmanaged<AllocatorBox>.fromOpaque($0).takeUnretainedValue().statisticNames.pointer }
      },
      allocate: { instance, host, model, allocation, shares in
        guard let instance, let host, let model, let allocation, let shares else {
          return ap_status(AP_FAILED)
        }
        let box = Unmanaged<AllocatorBox>.fromOpaque(instance).takeUnretainedValue()
        let services = Host(pointer: host)
        return services.status {
          let allocation = try Allocation(
            allocation, statisticCount: box.allocator.statistics.count)
          let answer = try box.allocator.shares(of: allocation, model: Model(model), host: services)
          guard answer.count == allocation.families.count else {
            throw PluginError("\(answer.count) shares were made for \(allocation.families.count) families")
          }
          for (index, share) in answer.enumerated() {
            shares[index]?.pointee.sparsity = share.sparsity
            shares[index]?.pointee.keep = Int64(share.keep)
          }
        }
      },
      meets_goal: { instance in
        guard let instance else { return 0 }
        return Unmanaged<AllocatorBox>.fromOpaque(instance).takeUnretainedValue().allocator.meetsGoal ? 1 : 0
      })
  }
}
