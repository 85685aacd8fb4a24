import PluginKit

private let library = Library([
  .criterion(TaylorCriterion.self), .allocator(LayerDistanceAllocator.self),
])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
