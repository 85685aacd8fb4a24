import PluginKit

/// Every layer loses the same share, as in LLM-Pruner and in Adapt-Pruner without its adaptive part
/// (`linear_scheduler`): with T steps, after step t
///
///     s = t / T       keep = int(original · (1 − s))
///
/// `budget: exact` goes along the same line to where the iteration's goal is met; `published` takes the step as
/// it is.
struct Uniform: Allocator {
  enum Aim: String, Decodable, CaseIterable { case exact, published }

  struct Options: Decodable {
    var steps: Int
    var budget: Aim
    var protectFirst: Int
    var protectLast: Int
    var protect: [Int]
    var families: FamilySharing
  }

  static let about = About(
    id: "adapt-pruner.uniform", summary: "The same share of every layer that is not protected.",
    paper: "Ma et al., LLM-Pruner (2023), arXiv:2305.11627",
    options: [
      .integer("steps", default: 50, minimum: 1, "steps from the whole model to nothing, if published"),
      .choice("budget", default: Aim.exact, "exact: end on the iteration's goal; published: one step"),
      .integer("protect_first", default: 0, minimum: 0, "layers at the start that lose nothing"),
      .integer("protect_last", default: 0, minimum: 0, "layers at the end that lose nothing"),
      .integers("protect", minimum: 0, "further layers that lose nothing, counted from 0"),
      .familySharing,
    ])

  let options: Options
  var meetsGoal: Bool { options.budget == .exact }

  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share] {
    try allocation.requireShares()
    let layers = allocation.layers.count
    if let layer = options.protect.first(where: { $0 >= layers }) {
      throw PluginError("protect names layer \(layer), the model has \(layers)", kind: .invalidOptions)
    }
    func isProtected(_ layer: Int) -> Bool {
      layer < options.protectFirst || layer >= layers - options.protectLast || options.protect.contains(layer)
    }
    switch options.budget {
    case .exact:
      return try allocation.solve(
        allocation.layers.enumerated().map { index, layer in
          var families = layer.families
          guard isProtected(index) else { return Demand(families, increment: 1) }
          for place in families.indices { families[place].minimum = families[place].count }
          return Demand(families, increment: 0)
        }, options.families, host: host)
    case .published:
      let sparsity = min(0.99, Double(allocation.budget.iteration + 1) / Double(options.steps))
      return allocation.layers.enumerated().flatMap { index, layer in
        layer.families.map { $0.publishedShare(at: isProtected(index) ? 0 : sparsity) }
      }
    }
  }
}

private let library = Library([.allocator(Uniform.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
