import JSON
import PluginRuntime
import Transformer

// What a prune stage says of the units that may go.

extension Field {
  static func families(_ place: Place<[Family]>) -> Field {
    Field(
      "families",
      """
      Which units may be removed: KV groups of attention and channels of the MLP; or whole sublayers, a layer's \
      attention or its MLP; or whole layers.
      """,
      schema: [
        "type": "array", "minItems": 1, "uniqueItems": true,
        "anyOf": .array(
          Family.groups.map { group in ["items": ["enum": .array(group.map { .string($0.rawValue) })]] }),
      ],
      read: { owner, reader, stage in
        owner[keyPath: place] = families(reader, default: owner[keyPath: place], stage.reading)
      }, write: { .array($0[keyPath: place].map { .string($0.rawValue) }) })
  }

  private static func families(
    _ reader: ObjectReader, default standard: [Family], _ reading: ManifestReading
  ) -> [Family] {
    guard let value = reader.object["families"] else { return standard }
    let place = reader.path.key("families")
    guard let words = value.arrayValue, !words.isEmpty else {
      let found = value.arrayValue == nil ? value.shown : "the list is empty"
      reading.problem(place, found, expected: familyGroups)
      return standard
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
    // In one order, whatever the manifest's: the result must not depend on it.
    let ordered = Family.allCases.filter(chosen.contains)
    if !ordered.isEmpty, !Family.groups.contains(where: { chosen.isSubset(of: $0) }) {
      reading.problem(
        place,
        ordered.map { "\"\($0.rawValue)\"" }.joined(separator: " and ")
          + " are not pruned in one stage",
        expected: familyGroups, advice: "give the others a stage of their own")
    }
    return ordered
  }

  /// The lists that may be given.
  private static var familyGroups: String {
    "a list of families: "
      + Family.groups.map { group in
        group.map { "\"\($0.rawValue)\"" }.joined(separator: " and/or ")
      }.joined(separator: "; or ")
  }
}

extension PruneStage {
  /// Whether `round_to` and `same_size` mean anything with these families and this allocator.
  func checkWidths(_ reader: ObjectReader, _ stage: StageReading) {
    if widths.isOff { return }
    let key = reader.path.key(widths.roundTo > 1 ? "round_to" : "same_size")
    if families.contains(where: \.isWhole) {
      stage.reading.problem(
        key, "a whole sublayer or layer has no width that could be rounded or made equal",
        advice: "leave it out, or prune attention and mlp")
    } else if widths.roundTo > 1, !families.contains(.mlp) {
      stage.reading.problem(
        key, "it counts channels, and \"families\" has no \"mlp\"",
        advice: "leave it out, or prune mlp")
    } else if stage.ask(allocator, as: .allocator, reader, \.meetsGoal) == false {
      stage.reading.problem(
        key, "\(allocator.id) with these options goes its own way to the target",
        expected: "an allocator that ends on it",
        advice: "leave it out, or give the allocator an exact budget")
    }
  }
}
