import PluginKit

/// Weight magnitude, as LLM-Pruner and Adapt-Pruner compute it (`MagnitudeImportance`, hf_pruner.py):
///
///     I(unit) = Σ_p  1/M · Σ_m  Σ_j |W_m[p, j]|ⁿ       n = 1 (l1), 2 (l2: no root is taken)
///
/// over the M matrices of the family (3 in mlp, 4 in attention) and the unit's row positions p. What
/// several query heads share one KV group for is summed per position first.
struct Magnitude: Criterion {
  enum Norm: String, Decodable, CaseIterable { case l1, l2 }

  struct Options: Decodable {
    var norm: Norm
    var gqaFold: QueryFold
  }

  static let about = About(
    id: "adapt-pruner.magnitude",
    summary: "Mean over a unit's matrices of the sum of its weights' absolute values, or squares.",
    paper: "Ma et al., LLM-Pruner (2023), arXiv:2305.11627",
    options: [
      .choice("norm", default: Norm.l2, "l1: sum of |w|; l2: sum of w², without a root"),
      .choice(
        "gqa_fold", default: QueryFold.consistent,
        "which query heads count towards a KV group: those that leave with it (consistent), or h mod groups (published)"
      ),
    ])

  let options: Options

  func scores(of units: Units, model: Model, host: Host) -> [Double] {
    units.scores(of: units.matrices, .mean, options.gqaFold) { matrix in
      let weight = matrix.weight
      return switch options.norm {
      case .l1: matrix.lineSums { Double(abs(weight[$0, $1])) }
      case .l2: matrix.lineSums { Double(weight[$0, $1]) * Double(weight[$0, $1]) }
      }
    }
  }
}

private let library = Library([.criterion(Magnitude.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
