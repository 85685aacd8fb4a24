/// Sums and products of sizes from users and files. What is too large for an `Int` is the largest `Int`.
public enum Saturating {
  public static func product(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
      let (result, overflow) = product.multipliedReportingOverflow(by: max(0, factor))
      return overflow ? .max : result
    }
  }

  public static func sum(_ terms: Int...) -> Int {
    terms.reduce(0) { sum, term in
      let (result, overflow) = sum.addingReportingOverflow(max(0, term))
      return overflow ? .max : result
    }
  }
}
