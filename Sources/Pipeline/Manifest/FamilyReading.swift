import JSON
import PluginRuntime
import Transformer

// What a prune stage says of the units that may go.

extension StageReading {
  func families(_ reader: ObjectReader) -> [Family] {
    guard let value = reader.object["families"] else { return Family.widths }
    let place = reader.path.key("families")
    guard let words = value.arrayValue, !words.isEmpty else {
      let found = value.arrayValue == nil ? value.shown : "the list is empty"
      reading.problem(place, found, expected: Self.familyGroups)
      return Family.widths
    }
    var chosen: Set<Family> = []
    for (index, word) in words.enumerated() {
      if let family = word.stringValue.flatMap(Family.init(rawValue:)) {
        if !chosen.insert(family).inserted {
          reading.problem(place.index(index), "\"\(family.rawValue)\" is given twice")
        }
      } else {
        reading.unknownChoice(word, at: place.index(index), of: Family.self)
      }
    }
    // In one order, whatever the manifest's: the result must not depend on it.
    let ordered = Family.allCases.filter(chosen.contains)
    if !ordered.isEmpty, !Family.groups.contains(where: { chosen.isSubset(of: $0) }) {
      reading.problem(
        place,
        ordered.map { "\"\($0.rawValue)\"" }.joined(separator: " and ")
          + " are not pruned in one stage",
        expected: Self.familyGroups, advice: "give the others a stage of their own")
    }
    return ordered
  }

  /// Whether `round_to` and `same_size` mean anything with these families and this allocator.
  func checkWidths(
    _ reader: ObjectReader, _ widths: EqualWidths, _ families: [Family], _ allocator: PluginUse?
  ) {
    if widths.isOff { return }
    let key = reader.path.key(widths.roundTo > 1 ? "round_to" : "same_size")
    if families.contains(where: \.isWhole) {
      reading.problem(
        key, "a whole sublayer or layer has no width that could be rounded or made equal",
        advice: "leave it out, or prune attention and mlp")
    } else if widths.roundTo > 1, !families.contains(.mlp) {
      reading.problem(
        key, "it counts channels, and \"families\" has no \"mlp\"",
        advice: "leave it out, or prune mlp")
    } else if let allocator, !catalog.meetsGoal(allocator) {
      reading.problem(
        key, "\(allocator.id) with these options goes its own way to the target",
        expected: "an allocator that ends on it",
        advice: "leave it out, or give the allocator an exact budget")
    }
  }

  /// The lists that may be given.
  private static let familyGroups =
    "a list of families: "
    + Family.groups.map { group in
      group.map { "\"\($0.rawValue)\"" }.joined(separator: " and/or ")
    }.joined(separator: "; or ")
}
