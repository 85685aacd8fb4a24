/// Finds the known name that a mistyped name may mean.
public enum NearestName {
  /// Returns the known name with the fewest single-character edits; nil if none is near.
  public static func of(_ name: String, among known: [String]) -> String? {
    // The work grows with the length.
    if name.utf8.count > longest { return nil }
    let typed = name.lowercased()
    let ranked = known.map { (name: $0, edits: distance(typed, $0.lowercased())) }
    guard let best = ranked.min(by: { $0.edits < $1.edits }) else { return nil }
    if best.edits <= max(1, min(name.count, best.name.count) / 3) { return best.name }
    // Take the beginning of exactly one name, or the name without its publisher: "perplexity".
    let partial = known.filter { candidate in
      typed.count >= 3 && candidate.lowercased().split(separator: ".").contains { $0.hasPrefix(typed) }
    }
    return partial.count == 1 ? partial.first : nil
  }

  /// The most bytes of a mistyped name.
  private static let longest = 200

  /// A sentence with the nearest name, to follow an error; empty if none is near.
  static func hint(for name: String, among known: [String]) -> String {
    of(name, among: known).map { " Did you mean \"\($0)\"?" } ?? ""
  }

  /// The advice after "unknown …": the nearest name, or all names if none is near.
  public static func advice(for name: String, among known: [String], called plural: String) -> String {
    if let nearest = of(name, among: known) { return "did you mean \"\(nearest)\"?" }
    guard !known.isEmpty else { return "there are no \(plural) here" }
    return "the \(plural) here are \(known.joined(separator: ", "))"
  }

  /// The number of insertions, deletions, substitutions and swaps of neighbours between two words.
  private static func distance(_ left: String, _ right: String) -> Int {
    let a = Array(left)
    let b = Array(right)
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        let substituted = last[j] + (a[i] == b[j] ? 0 : 1)
        var best = min(substituted, last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
        row.append(best)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
