/// The sums of LLM-Pruner (Ma et al., equations 3 to 5; `TaylorImportance` of its code) and of methods that build on it.
///
/// A sum is over one line of one matrix: a row or a column. g is the gradient. h is the mean of the squared gradients of
/// single sequences.
///
///     param_first   Σ |w·g|                 vectorize   |Σ w·g|
///     param_second  Σ |w·h·w|               param_mix   Σ |w·g − ½·w·h·w|
public enum TaylorVariant: String, Decodable, CaseIterable, Sendable {
  case paramFirst = "param_first"
  case vectorize
  case paramSecond = "param_second"
  case paramMix = "param_mix"

  public var statistics: [Statistic] {
    switch self {
    case .paramFirst, .vectorize: [.gradient]
    case .paramSecond: [.gradientSquare]
    case .paramMix: [.gradient, .gradientSquare]
    }
  }
}

/// How the matrices of a family are combined, position by position.
public enum GroupReduction: String, Decodable, CaseIterable, Sendable {
  case sum, mean, max, prod, first

  /// - Parameter values: one per matrix, in the family's order.
  public func reduced(_ values: [Double]) -> Double {
    switch self {
    case .sum: values.reduce(0, +)
    case .mean: values.reduce(0, +) / Double(values.count)
    case .max: values.max() ?? 0
    case .prod: values.reduce(1, *)
    case .first: values.first ?? 0
    }
  }
}

extension Matrix {
  /// The variant's sum over each line: [lineCount].
  public func taylorSums(_ variant: TaylorVariant) throws -> [Double] {
    switch variant {
    case .paramFirst:
      let g = try statistic(.gradient)
      return lineSums { abs(Double(weight[$0, $1]) * Double(g[$0, $1])) }
    case .vectorize:
      let g = try statistic(.gradient)
      return lineSums { Double(weight[$0, $1]) * Double(g[$0, $1]) }.map(abs)
    case .paramSecond:
      let h = try statistic(.gradientSquare)
      return lineSums { abs(Double(weight[$0, $1]) * Double(h[$0, $1]) * Double(weight[$0, $1])) }
    case .paramMix:
      let (g, h) = (try statistic(.gradient), try statistic(.gradientSquare))
      return lineSums { row, column in
        let w = Double(weight[row, column])
        return abs(w * Double(g[row, column]) - 0.5 * w * Double(h[row, column]) * w)
      }
    }
  }
}

extension Units {
  /// Turns values by line of each matrix into one score per unit: [count]. The lines of the query heads that share a KV
  /// group are summed by position. Then the matrices are reduced by position, and the positions are summed.
  ///
  /// - Parameter matrices: all of the family's, or some.
  public func scores(
    of matrices: [Matrix], _ reduction: GroupReduction, _ queryFold: QueryFold,
    byLine: (Matrix) throws -> [Double]
  ) rethrows -> [Double] {
    let folded = try matrices.map { fold(try byLine($0), of: $0, queryFold) }
    return sumPositions(
      (0..<(count * positions)).map { place in reduction.reduced(folded.map { $0[place] }) })
  }
}
