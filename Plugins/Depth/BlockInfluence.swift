import PluginKit

/// How much a layer, or one of its sublayers, changes the residual stream (ShortGPT, Men et al., equation 1; also
/// Minitron's depth criterion):
///
///     BI = 1 − mean over tokens of cos(before, after)
struct BlockInfluence: Criterion {
  struct Options: Decodable {}

  static let about = About(
    id: "adapt-pruner.block-influence",
    summary: "How far a layer or a sublayer turns the residual stream.",
    paper: "Men et al., ShortGPT (2024), arXiv:2403.03853",
    options: [], statistics: [.blockCosine], scoresCompare: true)

  init(options: Options) {}

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    try units.statistic(.blockCosine).map { 1 - $0 }
  }
}

private let library = Library([
  .criterion(BlockInfluence.self), .criterion(FinerCut.self), .allocator(OneByOne.self),
])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
