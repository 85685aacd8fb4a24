import JSON
import Tensors
import Transformer
import Wording

/// The estimated time and memory of a run.
public struct WorkEstimate: Sendable, Equatable {
  public struct Stage: Sendable, Equatable {
    public let label: String
    public let seconds: Double
    /// The most memory at one time, with the program's own.
    public let bytes: Int
  }

  public let stages: [Stage]
  public var seconds: Double { stages.reduce(0) { $0 + $1.seconds } }
  public var bytes: Int { stages.map(\.bytes).max() ?? 0 }

  /// `about 3 min, with about 1.2 GB of memory`
  public var summary: String {
    "about \(HumanFormat.duration(seconds: seconds)), with about \(HumanFormat.bytes(bytes)) of memory"
  }

  /// A row for each stage.
  public var table: String {
    var table = TextTable([.init("stage"), .init("takes about", .right), .init("memory, about", .right)])
    for stage in stages {
      table.add([
        stage.label, HumanFormat.duration(seconds: stage.seconds), HumanFormat.bytes(stage.bytes),
      ])
    }
    return table.plain
  }

  public var json: JSONValue {
    [
      "seconds": .number(seconds), "memory_bytes": .integer(bytes),
      "stages": .array(
        stages.map {
          ["stage": .string($0.label), "seconds": .number($0.seconds), "memory_bytes": .integer($0.bytes)]
        }),
    ]
  }
}

/// The rate at which this machine multiplies matrices of a model's shape.
struct MatrixRate {
  /// Floating-point operations a second.
  let operations: Double

  /// The share of the rate of large products that passes reach, because of norms, attention and activations.
  private static let efficiency = 0.7
  /// Bytes a second that are read or written besides products.
  private static let traffic = 5e9

  /// Multiplies for about a tenth of a second.
  init(_ decoder: Decoder, workers: Workers) {
    let sizes = decoder.allSizes.max { $0.intermediate < $1.intermediate }
    let (m, n, k) = (512, min(4096, max(1, sizes?.intermediate ?? 1)), min(2048, decoder.hidden))
    let (a, b, c) = (Buffer(m * k), Buffer(n * k), Buffer(m * n))
    let best = (0..<3).map { _ in
      ContinuousClock().measure {
        workers.multiply(
          Rows(a.base, stride: k), .plain, Rows(b.base, stride: k), .transposed,
          into: Rows(c.base, stride: n), m: m, n: n, k: k)
      } / .seconds(1)
    }.min()
    operations = 2 * Double(m) * Double(n) * Double(k) / max(best ?? 1, 1e-9)
  }

  func seconds(_ needs: StageNeeds) -> Double {
    needs.operations / (operations * Self.efficiency) + needs.traffic / Self.traffic
  }
}
