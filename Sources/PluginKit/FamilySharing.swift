/// How attention and MLP share the loss of their layer.
public enum FamilySharing: String, Decodable, CaseIterable, Sendable {
  /// `together` if the criterion's scores compare across families, otherwise `apart`.
  case auto
  /// The units with the smallest score per cost leave first, from either family.
  case together
  /// Each family loses the layer's share of its own units.
  case apart
}

extension Option {
  /// The option `families` of allocators that take a share of each layer.
  public static let familySharing = Option.choice(
    "families", default: FamilySharing.auto,
    "a layer's loss, if exact: in one ranking (together), a share each (apart), or as the scores allow (auto)"
  )
}

extension Allocation {
  /// Returns shares that meet the iteration's goal, with the families of a layer together or apart. It logs a choice that
  /// the scores do not justify.
  public func solve(_ demands: [Demand], _ sharing: FamilySharing, host: Host) throws(PluginError) -> [Share]
  {
    let mixes = !scoresCompare && rankedNames.count > 1
    let isApart = sharing == .apart || (sharing == .auto && mixes)
    if mixes, budget.iteration == 0 {
      if isApart {
        host.log(
          "the criterion does not say that its scores compare across families: "
            + "\(rankedNames.joined(separator: " and ")) lose their shares apart")
      } else {
        warnOfRanking(host)
      }
    }
    return isApart ? try budget.solveApart(demands) : try budget.solve(demands)
  }

  /// Warns in the run's log if the criterion's scores do not compare across families. Rules that rank all units
  /// together call this.
  public func warnOfRanking(_ host: Host) {
    guard !scoresCompare, rankedNames.count > 1, budget.iteration == 0 else { return }
    host.log(
      "the criterion does not say that its scores compare across families, and "
        + "\(rankedNames.joined(separator: " and ")) are ranked together: one may lose far more than its part",
      level: .warning)
  }

  /// The names of the families that have units, without repeats.
  private var rankedNames: [String] {
    families.reduce(into: []) { names, family in
      if family.count > 0, !names.contains(family.name) { names.append(family.name) }
    }
  }
}
