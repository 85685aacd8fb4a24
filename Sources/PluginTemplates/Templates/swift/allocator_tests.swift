import PluginABI
import Testing

/// 4 of 8 groups cost 20 each, and 10 channels cost 3 each: 110 of the 200 that are spent. The expected numbers are worked
/// out by hand.
@Test(
  arguments: [
    (145, [2, 5], [0.75, 0.5]),  // 55 of 110 have to leave; 2 of the original 8 stay
    (0, [1, 1], [0.875, 0.9]),  // out of reach: the minimum stays
    (200, [4, 10], [0.5, 0]),  // nothing to do
  ] as [(Int64, [Int64], [Double])])
func everyFamilyLosesTheSameShare(goal: Int64, keep: [Int64], sparsity: [Double]) throws {
  let (status, shares) = try allocate(goal: goal, minimum: 1)
  #expect(status == ap_status(AP_OK))
  #expect(shares.map(\.keep) == keep)
  #expect(shares.map(\.sparsity) == sparsity)
}

@Test func wholeLayersAreRefused() throws {
  #expect(try allocate(goal: 145, minimum: 0).status == ap_status(AP_UNSUPPORTED))
}

private func allocate(goal: Int64, minimum: Int64) throws -> (status: ap_status, shares: [ap_share]) {
  let allocator = try #require(table(AP_ALLOCATOR, as: ap_allocator.self))
  var (host, model, instance) = (ap_host(), ap_model(), UnsafeMutableRawPointer?.none)
  try #require(allocator.create(&host, "{}", &instance) == ap_status(AP_OK))
  defer { allocator.destroy(instance) }

  var (attention, mlp) = (ap_family(), ap_family())
  (attention.count, attention.original_count, attention.cost, attention.minimum) = (4, 8, 20, minimum)
  (mlp.count, mlp.original_count, mlp.cost, mlp.minimum) = (10, 10, 3, minimum)
  var layer = ap_layer()
  layer.family_count = 2
  layer.families = UnsafePointer(memory([UnsafePointer(memory([attention])), UnsafePointer(memory([mlp]))]))
  var budget = ap_budget()
  (budget.now, budget.original, budget.iteration_goal) = (200, 280, goal)
  var allocation = ap_allocation()
  allocation.budget = UnsafePointer(memory([budget]))
  allocation.layer_count = 1
  allocation.layers = UnsafePointer(memory([UnsafePointer(memory([layer]))]))

  let shares = [Optional(memory([ap_share()])), memory([ap_share()])]
  let status = allocator.allocate(instance, &host, &model, &allocation, shares)
  return (status, shares.compactMap { $0?.pointee })
}
