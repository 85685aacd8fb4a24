import Kernels
import Tensors

/// The inputs of all layers, kept from the forward to the backward pass; of a forward pass alone the last two.
final class ResidualStream {
  private var buffers: [Buffer]
  /// What enters all layers, if it is too large for memory; what leaves the last layer is in `buffers` also then.
  private let scratch: ScratchMemory?

  init(layers: Int, count: Int) {
    buffers = (0..<layers).map { _ in Buffer(count) }
    scratch = nil
  }

  /// - Parameters:
  ///   - layers: the model's and one.
  ///   - limit: bytes beyond which what enters the layers goes to a file.
  ///   - folder: where that file is; nil: it all stays in memory.
  convenience init(layers: Int, count: Int, limit: Int, folder: String?) throws(ScratchMemory.Failure) {
    if let folder, layers > 2, layers * count > limit / MemoryLayout<Float>.stride {
      self.init(
        last: Buffer(count), scratch: try ScratchMemory(pieces: layers - 1, of: count, in: folder))
    } else {
      self.init(layers: layers, count: count)
    }
  }

  private init(last: Buffer, scratch: ScratchMemory) {
    buffers = [last]
    self.scratch = scratch
  }

  /// What enters `layer`, [rows, hidden].
  func entering(_ layer: Int) -> UnsafeMutablePointer<Float> {
    if let scratch, layer < scratch.pieces { return scratch.at(layer) }
    return buffers[layer % buffers.count].base
  }

  /// The forward pass is past the layer.
  func putAside(_ layer: Int) { scratch?.putAside(layer) }

  /// The backward pass comes to the layer: the one before it is next.
  func fetch(before layer: Int) {
    if layer > 0 { scratch?.fetch(layer - 1) }
  }

  /// Gives the memory back once the backward pass is past the layer.
  func release(_ layer: Int) {
    if let scratch { scratch.release(layer) } else { buffers[layer] = Buffer(1) }
  }
}

/// How far each layer moves the residual stream: sums over mini-batches of means over tokens, [layers] each.
public struct LayerDistances: Equatable, Sendable {
  public var cosine: [Double]
  public var euclidean: [Double]
  public var manhattan: [Double]

  /// [layers] each.
  public init(cosine: [Double], euclidean: [Double], manhattan: [Double]) {
    self.cosine = cosine
    self.euclidean = euclidean
    self.manhattan = manhattan
  }
}

/// Means over all calibration tokens of cos(before, after), where the residual stream goes through a layer
/// or one of its sublayers.
public struct BlockCosines: Equatable, Sendable {
  public let attention: Double
  public let mlp: Double
  public let layer: Double
}

/// Row by row how far y is from x, [rows] each.
struct RowDistances {
  private(set) var cosine: [Double]
  private(set) var euclidean: [Double]
  private(set) var manhattan: [Double]

  /// - Parameters:
  ///   - x, y: [rows, hidden]
  init(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, rows: Int, hidden: Int, _ workers: Workers
  ) {
    cosine = [Double](repeating: 0, count: rows)
    euclidean = cosine
    manhattan = cosine
    cosine.withUnsafeMutableBufferPointer { c in
      euclidean.withUnsafeMutableBufferPointer { e in
        manhattan.withUnsafeMutableBufferPointer { m in
          guard let c = c.baseAddress, let e = e.baseAddress, let m = m.baseAddress else { return }
          workers.ranges(rows, grain: 64) { range, _ in
            let first = range.lowerBound
            ap_row_distances(
              x + first * hidden, y + first * hidden, Int64(range.count), Int64(hidden), c + first, e + first,
              m + first)
          }
        }
      }
    }
  }
}

/// Sums of cosines over tokens, from which `BlockCosines` come.
struct CosineSums {
  private var sums = [0.0, 0.0, 0.0]
  private var tokens = 0

  /// A block of rows before the layer, between attention and MLP, and after it: [rows, hidden] each.
  mutating func add(
    _ x: UnsafePointer<Float>, _ middle: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ rows: Int,
    _ hidden: Int, _ workers: Workers
  ) {
    for (index, pair) in [(x, middle), (middle, y), (x, y)].enumerated() {
      sums[index] += RowDistances(pair.0, pair.1, rows: rows, hidden: hidden, workers).cosine.reduce(0, +)
    }
    tokens += rows
  }

  var means: BlockCosines {
    let count = Double(max(1, tokens))
    return BlockCosines(attention: sums[0] / count, mlp: sums[1] / count, layer: sums[2] / count)
  }
}
