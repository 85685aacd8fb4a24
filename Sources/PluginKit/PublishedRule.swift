/// From a sparsity to whole units, as LLM-Pruner and Adapt-Pruner do it (`prune_local`, metapruner.py).
extension Family {
  /// Keeps int(original rows · (1 − sparsity)) rows; a unit of several rows leaves when all of them are to go:
  ///
  ///     removed = (rows − int(original rows · (1 − sparsity))) div positions
  ///
  /// in double precision, truncated. A cut that would empty the family is not made at all (`check_pruning_group`).
  public func publishedKeep(at sparsity: Double) -> Int {
    let removed = publishedRemoval(at: sparsity)
    return removed >= count ? count : min(count, max(minimum, count - removed))
  }

  public func publishedShare(at sparsity: Double) -> Share {
    Share(sparsity: sparsity, keep: publishedKeep(at: sparsity))
  }

  /// The same where a family that would be emptied stays at its minimum: never grows as `sparsity` does.
  func keep(at sparsity: Double) -> Int {
    min(count, max(minimum, count - publishedRemoval(at: sparsity)))
  }

  private func publishedRemoval(at sparsity: Double) -> Int {
    let rows = Int(Double(originalCount * positions) * (1 - sparsity))
    return max(0, count * positions - rows) / positions
  }
}
