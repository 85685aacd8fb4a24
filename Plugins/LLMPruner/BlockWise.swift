import PluginKit

/// Attention and MLP blocks within a range of layers lose the same share each, those outside nothing: the first and the
/// last layers matter most (LLM-Pruner, section 4.1, block-wise; `--block_wise` of hf_prune.py, `prune_local` in
/// LLMPruner/torch_pruning/pruner/algorithms/metapruner.py). At step i of T, with the ratio r:
///
///     s = r · i / T          keep = int(original · (1 − s))
///
/// `budget: published` does that; `exact` solves for the one s at which the iteration's goal is met.
struct BlockWise: Allocator {
  enum Aim: String, Decodable, CaseIterable { case exact, published }

  struct Options: Decodable {
    var budget: Aim
    var pruningRatio: Double
    var iterativeSteps: Int
    var blockAttentionLayerStart: Int
    var blockAttentionLayerEnd: Int
    var blockMlpLayerStart: Int
    var blockMlpLayerEnd: Int
  }

  static let about = About(
    id: "adapt-pruner.block-wise",
    summary: "The same share of every attention and MLP block within a range of layers.",
    paper: "Ma et al., LLM-Pruner (2023), arXiv:2305.11627",
    options: [
      .choice(
        "budget", default: Aim.exact,
        "exact: the share that ends on the goal; published: pruning_ratio in iterative_steps"),
      .number(
        "pruning_ratio", default: 0.25, minimum: 0, maximum: 1, "share that each block loses, if published"),
      .integer(
        "iterative_steps", default: 1, minimum: 1, "equal steps from nothing to the ratio, if published"),
      .integer("block_attention_layer_start", default: 4, minimum: 0, "the first layer that loses KV groups"),
      .integer(
        "block_attention_layer_end", default: -2,
        "the first layer behind them; 0 and less count from the model's end"),
      .integer("block_mlp_layer_start", default: 4, minimum: 0, "the first layer that loses channels"),
      .integer(
        "block_mlp_layer_end", default: -2,
        "the first layer behind them; 0 and less count from the model's end"),
    ])

  let options: Options
  var meetsGoal: Bool { options.budget == .exact }

  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share] {
    try allocation.requireShares()
    let count = allocation.layers.count
    let attention = try range(
      "attention", options.blockAttentionLayerStart, options.blockAttentionLayerEnd, of: count)
    let mlp = try range("mlp", options.blockMlpLayerStart, options.blockMlpLayerEnd, of: count)
    let blocks = allocation.layers.enumerated().flatMap { index, layer in
      layer.families.map {
        (family: $0, isPruned: ($0.name == "attention" ? attention : mlp).contains(index))
      }
    }
    switch options.budget {
    case .exact:
      // Each block by itself: the two of a layer do not make up for one another.
      return try allocation.budget.solve(
        blocks.map { block in
          var family = block.family
          if !block.isPruned { family.minimum = family.count }
          return Demand([family], increment: block.isPruned ? 1 : 0)
        })
    case .published:
      let step = allocation.budget.iteration + 1
      guard step <= options.iterativeSteps else {
        throw PluginError(
          "all iterative_steps (\(options.iterativeSteps)) are taken, and \(allocation.budget.now) "
            + "\(allocation.budget.measure) of a goal of \(allocation.budget.goal) are left; raise pruning_ratio, "
            + "prune more layers, or raise the target", kind: .invalidOptions)
      }
      let sparsity = Double(step) / Double(options.iterativeSteps) * options.pruningRatio
      return blocks.map {
        $0.isPruned
          ? $0.family.publishedShare(at: sparsity)
          : Share(sparsity: $0.family.previousSparsity, keep: $0.family.count)
      }
    }
  }

  /// Layers `start ..< end`; as the published code's, but for ends that count from the model's.
  private func range(_ block: String, _ start: Int, _ end: Int, of count: Int) throws -> Range<Int> {
    let bound = end > 0 ? end : count + end
    guard bound <= count, start <= bound else {
      throw PluginError(
        "block_\(block)_layer_start is \(start) and block_\(block)_layer_end \(end): the model has \(count) layers, "
          + "0 to \(count - 1), and the range ends before it starts, or behind them", kind: .invalidOptions)
    }
    return start..<bound
  }
}

private let library = Library([.criterion(GroupImportance.self), .allocator(BlockWise.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
