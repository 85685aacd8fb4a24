import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// A statistic that this host does not have, as somebody would add it: an entry, what gathers it, and a line that registers each.

extension Statistic {
  static let inputPeak = Statistic(
    "input_peak", for: [.criterion], carrier: .matrix, shape: .columns, values: .nonNegative, pass: .forward,
    "the largest |x| of all tokens")
}

extension Gatherer {
  static let inputPeak = Gatherer(.inputPeak, from: InputStatistics(by: PeakGatherer.self)) {
    inputs, input in
    inputs.gatherer(PeakGatherer.self)?.peaks[input].map { UnsafePointer($0.base) }
  }
}

/// Gathers the largest |x| of each column.
final class PeakGatherer: InputGatherer {
  /// [width] each.
  private(set) var peaks: [ProjectionInput: Buffer] = [:]

  init(roomFor layers: [LayerSizes], workers: Workers) {}
  static func room(for layer: LayerSizes) -> Int { 2 * layer.hidden + layer.queryWidth + layer.intermediate }

  func begin(_ sizes: LayerSizes) { peaks = [:] }

  func add(_ x: Rows, of input: ProjectionInput, sequences: [Range<Int>]) {
    let peak = peaks[input] ?? Buffer(x.stride)
    peaks[input] = peak
    for row in sequences.joined() {
      for column in 0..<x.stride {
        peak.base[column] = max(peak.base[column], abs(x.base[row * x.stride + column]))
      }
    }
  }

  func finish() {}
}
