import Kernels
import Tensors

/// The inputs of all layers, kept from the forward to the backward pass. A pass that only goes forward keeps two.
final class ResidualStream {
  private var buffers: [Buffer]
  /// The inputs of all layers, if they are too large for memory. The last layer's output is always in `buffers`.
  private let scratch: ScratchMemory?

  /// - Parameters:
  ///   - layers: the model's layers plus one.
  ///   - limit: bytes above which the layers' inputs go to a file.
  ///   - folder: the folder of that file; nil keeps everything in memory.
  init(layers: Int, count: Int, limit: Int = .max, folder: String? = nil) throws(ScratchMemory.Failure) {
    if let folder, layers > 2, layers * count > limit / MemoryLayout<Float>.stride {
      buffers = [Buffer(count)]
      scratch = try ScratchMemory(pieces: layers - 1, of: count, in: folder)
    } else {
      buffers = (0..<layers).map { _ in Buffer(count) }
      scratch = nil
    }
  }

  /// The input of a layer, [rows, hidden].
  func entering(_ layer: Int) -> UnsafeMutablePointer<Float> {
    if let scratch, layer < scratch.pieces { return scratch.at(layer) }
    return buffers[layer % buffers.count].base
  }

  /// Call when the forward pass leaves the layer.
  func putAside(_ layer: Int) { scratch?.putAside(layer) }

  /// Call when the backward pass comes to the layer. The one before it is next.
  func fetch(before layer: Int) {
    if layer > 0 { scratch?.fetch(layer - 1) }
  }

  /// Call when the backward pass leaves the layer.
  func release(_ layer: Int) {
    if let scratch { scratch.release(layer) } else { buffers[layer] = Buffer(1) }
  }
}

/// Distances of each layer's output from its input: sums over mini-batches of means over tokens, [layers] each.
public struct LayerDistances: Equatable, Sendable {
  public var cosine: [Double]
  public var euclidean: [Double]
  public var manhattan: [Double]

  public init(cosine: [Double], euclidean: [Double], manhattan: [Double]) {
    self.cosine = cosine
    self.euclidean = euclidean
    self.manhattan = manhattan
  }
}

/// Means over all calibration tokens of the cosine of the residual stream before and behind a layer or sublayer.
public struct BlockCosines: Equatable, Sendable {
  public let attention: Double
  public let mlp: Double
  public let layer: Double
}

/// The distances of y from x row by row, [rows] each.
struct RowDistances {
  let cosine: ArraySlice<Double>
  let euclidean: ArraySlice<Double>
  let manhattan: ArraySlice<Double>

  /// - Parameters:
  ///   - x, y: [rows, hidden]
  init(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, rows: Int, hidden: Int, _ workers: Workers
  ) {
    var all = [Double](repeating: 0, count: 3 * rows)
    all.withUnsafeMutableBufferPointer { all in
      guard let cosine = all.baseAddress else { return }
      workers.ranges(rows, grain: 64) { range, _ in
        let (row, first) = (range.lowerBound * hidden, cosine + range.lowerBound)
        ap_row_distances(
          x + row, y + row, Int64(range.count), Int64(hidden), first, first + rows, first + 2 * rows)
      }
    }
    (cosine, euclidean, manhattan) = (all[..<rows], all[rows..<2 * rows], all[(2 * rows)...])
  }
}

/// Sums of cosines over tokens, from which `BlockCosines` come.
struct CosineSums {
  private var sums = [0.0, 0.0, 0.0]
  private var tokens = 0

  /// Adds a block of rows before the layer, between attention and MLP, and behind it: [rows, hidden] each.
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
