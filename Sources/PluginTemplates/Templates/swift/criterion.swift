import Foundation
import PluginABI

/// __SUMMARY__
///
///     score(unit) = mean of |w|^power over the unit's weights w in all matrices of its family
final class MeanWeight {
  private struct Options: Decodable { var power: Int }

  private let power: Int

  /// The host has checked the options against the schema below and filled in defaults: {"power":1}
  init(options: String) throws {
    power = try JSONDecoder().decode(Options.self, from: Data(options.utf8)).power
  }

  func scores(of units: ap_units) throws -> [Float] {
    var (sums, weights) = ([Double](repeating: 0, count: Int(units.count)), 0)
    for pointer in UnsafeBufferPointer(start: units.matrices, count: Int(units.matrix_count)) {
      let part = try present(pointer).pointee
      let weight = try Matrix(part.weight)
      let byRow = part.axis == ap_axis(AP_ROWS)
      let across = byRow ? weight.columns : weight.rows
      let lines = Int(part.repeats * part.positions)  // rows or columns of a unit, side by side
      for unit in sums.indices {
        for i in (unit * lines)..<((unit + 1) * lines) {
          for j in 0..<across {
            let value = byRow ? weight[i, j] : weight[j, i]
            sums[unit] += power == 2 ? value * value : abs(value)
          }
        }
      }
      weights += lines * across
    }
    return sums.map { Float($0 / Double(weights)) }
  }
}

private let table = ap_criterion(
  struct_size: size(ap_criterion.self),
  create: { host, options, instance in
    guarded(host) { _ in
      let method = try MeanWeight(options: String(cString: present(options)))
      try present(instance).pointee = Unmanaged.passRetained(method).toOpaque()
    }
  },
  destroy: { instance in
    if let instance { Unmanaged<MeanWeight>.fromOpaque(instance).release() }
  },
  statistics: nil,
  score: { instance, host, model, units, scores in
    guarded(host) { _ in
      let method = Unmanaged<MeanWeight>.fromOpaque(try present(instance)).takeUnretainedValue()
      let answer = try method.scores(of: present(units).pointee)
      try present(scores).update(from: answer, count: answer.count)
    }
  },
  scores_compare: nil)

nonisolated(unsafe) private let plugin = library(
  of: AP_CRITERION, table,
  statistics: [],  // for example "input_norm": see section 4 of the header
  options:
    """
    {"type": "object", "properties": {"power": {"type": "integer", "minimum": 1, "maximum": 2, "default": 1,
      "description": "1: absolute values, 2: squares"}}}
    """)

@c(adapt_pruner_plugin) public func entry() -> UnsafePointer<ap_library> { plugin }
