/// How the families of a layer, attention and MLP, share what the layer loses.
public enum FamilySharing: String, Decodable, CaseIterable, Sendable {
  /// Together where the criterion says that its scores compare across families, else apart.
  case auto
  /// The units with the smallest score for what they cost go first, of whichever family.
  case together
  /// Each family loses the layer's share of its own units.
  case apart
}

extension Option {
  /// `families`, for allocators that have each layer lose a share.
  public static let familySharing = Option.choice(
    "families", default: FamilySharing.auto,
    "a layer's loss, if exact: in one ranking (together), a share each (apart), or as the scores allow (auto)"
  )
}

extension Allocation {
  /// Shares that meet the iteration's goal, with the families of a layer together or apart. Says in the run's log where a
  /// choice was made that is not the scores'.
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

  /// For rules that rank all units together: says so in the run's log where the criterion's scores do not compare across
  /// families.
  public func warnOfRanking(_ host: Host) {
    guard !scoresCompare, rankedNames.count > 1, budget.iteration == 0 else { return }
    host.log(
      "the criterion does not say that its scores compare across families, and "
        + "\(rankedNames.joined(separator: " and ")) are ranked together: one may lose far more than its part",
      level: .warning)
  }

  /// The names of the families that have units, each once.
  private var rankedNames: [String] {
    families.reduce(into: []) { names, family in
      if family.count > 0, !names.contains(family.name) { names.append(family.name) }
    }
  }
}
