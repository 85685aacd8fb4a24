import JSON
import PluginRuntime
import Transformer

// How a prune stage names the families of units that it may remove.

extension Field {
  static func families(_ place: Place<[Family]>) -> Field {
    value(
      "families", place,
      """
      The units that may be removed: KV groups of attention and channels of the MLP; or whole sublayers, a layer's \
      attention or its MLP; or whole layers.
      """,
      schema: [
        "type": "array", "minItems": 1, "uniqueItems": true,
        "anyOf": .array(Family.groups.map { group in ["items": ["enum": .words(group)]] }),
      ], read: families, write: { .words($0) })
  }

  private static func families(_ reader: ObjectReader) -> [Family]? {
    guard let value = reader.object["families"] else { return nil }
    let (place, reading) = (reader.path.key("families"), reader.reading)
    guard let words = value.arrayValue, !words.isEmpty else {
      let found = value.arrayValue == nil ? value.shown : "the list is empty"
      reading.problem(place, found, expected: familyGroups)
      return nil
    }
    var chosen: Set<Family> = []
    for (index, word) in words.enumerated() {
      if let family = word.stringValue.flatMap(Family.init(rawValue:)) {
        if !chosen.insert(family).inserted {
          reading.problem(place.index(index), "\"\(family.rawValue)\" is given twice")
        }
      } else {
        reading.unknownChoice(word, at: place.index(index), of: Family.allCases.map(\.rawValue))
      }
    }
    // The result must not depend on the manifest's order.
    let ordered = Family.allCases.filter(chosen.contains)
    if !ordered.isEmpty, !Family.groups.contains(where: { chosen.isSubset(of: $0) }) {
      reading.problem(
        place, quoted(ordered).joined(separator: " and ") + " are not pruned in one stage",
        expected: familyGroups, advice: "give the others a stage of their own")
    }
    return ordered
  }

  /// The lists that may be given, in words.
  private static var familyGroups: String {
    "a list of families: "
      + Family.groups.map { quoted($0).joined(separator: " and/or ") }.joined(separator: "; or ")
  }

  private static func quoted(_ families: [Family]) -> [String] { families.map { "\"\($0.rawValue)\"" } }
}

extension PruneStage {
  /// Notes `round_to` or `same_size` where the families or the allocator leave it without a meaning.
  func checkWidths(_ reader: ObjectReader) {
    if widths.isOff { return }
    let key = widths.roundTo > 1 ? "round_to" : "same_size"
    if families.contains(where: \.isWhole) {
      reader.problem(
        key, "a whole sublayer or layer has no width that could be rounded or made equal",
        advice: "leave it out, or prune attention and mlp")
    } else if widths.roundTo > 1, !families.contains(.mlp) {
      reader.problem(
        key, "it counts channels, and \"families\" has no \"mlp\"",
        advice: "leave it out, or prune mlp")
    } else if !allocator.answers.meetsGoal {
      reader.problem(
        key, "\(allocator.id) with these options goes its own way to the target",
        expected: "an allocator that ends on it",
        advice: "leave it out, or give the allocator an exact budget")
    }
  }
}
