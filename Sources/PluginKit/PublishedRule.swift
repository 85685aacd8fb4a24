/// Turns a sparsity into whole units, as LLM-Pruner and Adapt-Pruner do (`prune_local`, metapruner.py).
extension Family {
  /// Keeps int(original rows · (1 − sparsity)) rows. A unit of several rows leaves when all of them leave:
  ///
  ///     removed = (rows − int(original rows · (1 − sparsity))) div positions
  ///
  /// It computes in double precision and truncates. A cut that would empty the family is skipped
  /// (`check_pruning_group`).
  public func publishedShare(at sparsity: Double) -> Share {
    let rows = Int(Double(originalCount * positions) * (1 - sparsity))
    let removed = max(0, count * positions - rows) / positions
    let keep = removed >= count ? count : min(count, max(minimum, count - removed))
    return Share(sparsity: sparsity, keep: keep)
  }
}
