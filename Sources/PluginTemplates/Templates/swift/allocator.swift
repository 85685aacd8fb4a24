import PluginABI

/// __SUMMARY__
///
///     share = (now - goal of the iteration) / (what all units cost)
///     keep  = floor((1 - share) * units), but no fewer than the family's minimum
///
/// `keep` is rounded down, so that the goal is reached if the minimum allows it.
enum EqualShare {
  /// One answer for each family, layer by layer. The host wants its answers in this order.
  /// - Parameter allocation: a pointer, because an older host's struct is shorter.
  static func shares(of allocation: UnsafePointer<ap_allocation>) throws -> [ap_share] {
    let families = try families(of: allocation)
    // The one unit of a whole sublayer or layer stays or leaves.
    if families.contains(where: { $0.minimum < 1 }) {
      throw Failure(
        status: AP_UNSUPPORTED,
        sentence: "there is no share of a whole layer or sublayer; prune attention and mlp")
    }
    let budget = try present(allocation.pointee.budget).pointee
    let cost = families.reduce(0.0) { $0 + Double($1.count) * Double($1.cost) }
    let excess = Double(budget.now - budget.iteration_goal)
    let share = excess > 0 && cost > 0 ? min(1, excess / cost) : 0
    return families.map { family in
      let left = Int64(((1 - share) * Double(family.count)).rounded(.down))
      let keep = max(left, min(family.minimum, family.count))
      let isThere = family.original_count > 0
      let sparsity = isThere ? 1 - Double(keep) / Double(family.original_count) : 0
      return ap_share(struct_size: size(ap_share.self), sparsity: sparsity, keep: keep)
    }
  }

  private static func families(of allocation: UnsafePointer<ap_allocation>) throws -> [ap_family] {
    let layers = UnsafeBufferPointer(
      start: allocation.pointee.layers, count: Int(allocation.pointee.layer_count))
    return try layers.flatMap { layer in
      let layer = try present(layer).pointee
      return try UnsafeBufferPointer(start: layer.families, count: Int(layer.family_count)).map {
        try present($0).pointee
      }
    }
  }
}

private let table = ap_allocator(
  struct_size: size(ap_allocator.self),
  create: createNothing,
  destroy: destroyNothing,
  statistics: nil,
  allocate: { _, host, model, allocation, shares in
    guarded(host) { _ in
      let (answers, shares) = (
        try EqualShare.shares(of: present(allocation)), try present(shares)
      )
      for (index, answer) in answers.enumerated() {
        let share = try present(shares[index])
        (share.pointee.sparsity, share.pointee.keep) = (answer.sparsity, answer.keep)
      }
    }
  },
  // Zero: the host does not check each iteration's goal. It goes on until the stage's goal is passed.
  meets_goal: { _ in 0 })

nonisolated(unsafe) private let plugin = library(
  of: AP_ALLOCATOR, table,
  statistics: [],  // for example "layer_cosine": see section 6 of the header
  options: #"{"type": "object", "properties": {}}"#)

@c(adapt_pruner_plugin) public func entry() -> UnsafePointer<ap_library> { plugin }
