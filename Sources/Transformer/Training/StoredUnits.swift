import Checkpoints
import OrderedCollections

/// The units that a state file's rows and columns belong to, in the file's metadata: a list for each layer and family,
/// `units.model.layers.3.mlp` = `0,1,4`.
///
/// They are original units, since their numbers last. After the file was written, units leave, and stages write the model with
/// new row numbers.
struct StoredUnits {
  /// [layers]
  private let kept: [KeptUnits<Numbering.Original>]

  init(_ kept: [KeptUnits<Numbering.Original>]) { self.kept = kept }

  private static func key(_ layer: Int, _ family: Family) -> String {
    "units.model.layers.\(layer).\(family.rawValue)"
  }

  func add(to metadata: inout OrderedDictionary<String, String>) {
    for (layer, units) in kept.enumerated() {
      for family in Family.widths {
        metadata[Self.key(layer, family)] = units.units(of: family).map { String($0.value) }.joined(
          separator: ",")
      }
    }
  }

  /// - Throws: `CheckpointError.malformed` if a layer's units are missing or not ascending.
  init(of file: SafetensorsFile, layers: Int) throws {
    func read(_ layer: Int, _ family: Family) throws -> [OriginalUnit] {
      let key = Self.key(layer, family)
      func malformed(_ found: String) -> CheckpointError {
        .malformed(
          file: file.path, place: "__metadata__.\(key)",
          expected: "the original model's indices of the units whose rows the file has, ascending",
          found: found)
      }
      guard let text = file.metadata[key] else {
        throw malformed("nothing: another version of this program wrote the file, so start the run anew")
      }
      let words = text.split(separator: ",", omittingEmptySubsequences: true)
      let units = words.compactMap { Int($0).map { OriginalUnit($0) } }
      guard units.count == words.count, units.allSatisfy({ $0.value >= 0 }),
        zip(units, units.dropFirst()).allSatisfy(<)
      else { throw malformed("“\(text.prefix(60))”") }
      return units
    }
    kept = try (0..<layers).map { layer in try KeptUnits { try read(layer, $0) } }
  }

  /// - Throws: `CheckpointError.malformed` if the file's units are not the model's.
  func require(_ now: [KeptUnits<Numbering.Original>], in file: String) throws {
    for (layer, (stored, now)) in zip(kept, now).enumerated() {
      for family in Family.widths where stored.units(of: family) != now.units(of: family) {
        throw CheckpointError.malformed(
          file: file, place: "__metadata__.\(Self.key(layer, family))",
          expected: "the \(now.units(of: family).count) units that the model has", found: "others")
      }
    }
  }

  /// Rows or columns of the file.
  struct Places {
    /// All that the file has.
    let count: Int
    /// Those that the model still has, ascending.
    let kept: [Int]
  }

  /// - Parameter now: the units that the layer has now.
  /// - Returns: nil if the rows or columns belong to no unit, and all stay.
  /// - Throws: `CheckpointError.malformed` if the model has a unit that the file does not have.
  func places(
    of owner: LayerDimension?, in decoder: Decoder, _ layer: Int, now: KeptUnits<Numbering.Original>,
    file: String
  ) throws -> Places? {
    guard let (family, width) = decoder.units(of: owner, layer) else { return nil }
    let stored = kept[layer].units(of: family)
    if let missing = Set(now.units(of: family)).subtracting(stored).min() {
      throw CheckpointError.malformed(
        file: file, place: "__metadata__.\(Self.key(layer, family))",
        expected: "every unit that the model has",
        found: "no unit \(missing.value): the moments belong to another model")
    }
    return Places(
      count: stored.count * width,
      kept: stored.positions(of: now.units(of: family)).lines(width: width))
  }
}
