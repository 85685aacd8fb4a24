/// Turns a sparsity into whole units, as LLM-Pruner and Adapt-Pruner do (`prune_local`, metapruner.py).
extension Family {
  /// Keeps int(original rows · (1 − sparsity)) rows. A unit of several rows leaves when all of them leave:
  ///
  ///     removed = (rows − int(original rows · (1 − sparsity))) div positions
  ///
  /// It computes in double precision and truncates. A cut that would empty the family is skipped
  /// (`check_pruning_group`).
  public func publishedKeep(at sparsity: Double) -> Int {
    let removed = publishedRemoval(at: sparsity)
    return removed >= count ? count : min(count, max(minimum, count - removed))
  }

  public func publishedShare(at sparsity: Double) -> Share {
    Share(sparsity: sparsity, keep: publishedKeep(at: sparsity))
  }

  /// The same, but a family that would be emptied keeps its minimum. So the result never grows with `sparsity`.
  func keep(at sparsity: Double) -> Int {
    min(count, max(minimum, count - publishedRemoval(at: sparsity)))
  }

  private func publishedRemoval(at sparsity: Double) -> Int {
    let rows = Int(Double(originalCount * positions) * (1 - sparsity))
    return max(0, count * positions - rows) / positions
  }
}
