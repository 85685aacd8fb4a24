import PluginABI

/// A float32 matrix that the host owns. It is valid during the call.
public struct MatrixView {
  public let rows: Int
  public let columns: Int
  /// In elements.
  public let rowStride: Int
  public let columnStride: Int
  /// Every element that (row, column) can reach. `init` checks the bounds.
  @usableFromInline let memory: UnsafeBufferPointer<Float>

  init(_ tensor: ap_tensor, name: String) throws(PluginError) {
    guard tensor.device.type == 1, tensor.dtype.code == 2, tensor.dtype.bits == 32, tensor.dtype.lanes == 1
    else { throw PluginError("\(name) is not float32 in main memory", kind: .unsupported) }
    guard tensor.ndim == 2, let shape = tensor.shape, let strides = tensor.strides, let data = tensor.data
    else { throw PluginError("\(name) is not a matrix", kind: .unsupported) }
    rows = Int(shape[0])
    columns = Int(shape[1])
    rowStride = Int(strides[0])
    columnStride = Int(strides[1])
    guard rows >= 1, columns >= 1, rowStride >= 0, columnStride >= 0 else {
      throw PluginError("\(name) has no elements, or runs backwards", kind: .unsupported)
    }
    memory = UnsafeBufferPointer(
      start: UnsafePointer((data + Int(tensor.byte_offset)).assumingMemoryBound(to: Float.self)),
      count: (rows - 1) * rowStride + (columns - 1) * columnStride + 1)
  }

  /// The elements row after row, in double precision: [rows · columns].
  public var elements: [Double] {
    (0..<rows).flatMap { row in (0..<columns).map { Double(self[row, $0]) } }
  }

  /// The index is checked in debug builds only.
  @inlinable public subscript(row: Int, column: Int) -> Float {
    memory[row * rowStride + column * columnStride]
  }
}

/// One weight matrix of a family, with the statistics that the criterion asked for.
///
/// Unit u owns the lines `(u * repeats + r) * positions + p`. Lines are rows or columns, as `axis` says.
public struct Matrix {
  public enum Axis: Sendable { case rows, columns }

  public let name: String
  public let axis: Axis
  public let repeats: Int
  public let positions: Int
  /// [rows, columns], as stored: y = x Wᵀ.
  public let weight: MatrixView
  private let statistics: StatisticViews

  /// The number of rows or columns that all units own.
  public var lineCount: Int { axis == .rows ? weight.rows : weight.columns }

  init(_ matrix: ap_matrix, count: Int, statistics names: [String]) throws(PluginError) {
    let name = String(cString: matrix.name)
    self.name = name
    axis = matrix.axis == ap_axis(AP_ROWS) ? .rows : .columns
    repeats = Int(matrix.repeats)
    positions = Int(matrix.positions)
    weight = try MatrixView(matrix.weight, name: name)
    statistics = try StatisticViews(matrix.statistics, names: names, of: name)
    guard lineCount == count * repeats * positions else {
      throw PluginError("\(name) has \(lineCount) lines, not \(count) × \(repeats) × \(positions)")
    }
  }

  /// A statistic that the criterion asked for. The ABI's header states its shape.
  public func statistic(_ statistic: Statistic) throws -> MatrixView { try statistics.view(statistic) }

  /// Sums term(row, column) over the elements of each line, in double precision: [lineCount].
  ///
  /// The memory is read row after row, whichever way the lines run.
  @inlinable public func lineSums(_ term: (_ row: Int, _ column: Int) -> Double) -> [Double] {
    var sums = [Double](repeating: 0, count: lineCount)
    sums.withUnsafeMutableBufferPointer { sums in
      for row in 0..<weight.rows {
        switch axis {
        case .rows:
          var sum = 0.0
          for column in 0..<weight.columns { sum += term(row, column) }
          sums[row] = sum
        case .columns:
          for column in 0..<weight.columns { sums[column] += term(row, column) }
        }
      }
    }
    return sums
  }
}

/// How the query heads of one KV group are combined.
public enum QueryFold: String, Decodable, CaseIterable, Sendable {
  /// Query head h counts for group h div repeats: the group that it leaves with.
  case consistent
  /// Query head h counts for group h mod groups, although it leaves with group h div repeats.
  /// `view(repeats, groups·positions).sum(0)` of LLM-Pruner and Adapt-Pruner does this.
  case published
}

/// The units of one family of one layer, to be scored.
public struct Units {
  /// "attention" or "mlp"; "attention_block", "mlp_block" or "layer" where the one unit is the whole of it.
  public let family: String
  public let layer: Int
  public let count: Int
  /// Each unit's index in the unpruned model: [count].
  public let original: [Int]
  /// k, v, q, o of attention; gate, up, down of an MLP. Whole sublayers have the same. A layer has those of both,
  /// attention's first, as far as they are there.
  public let matrices: [Matrix]
  private let statistics: StatisticViews

  init(_ units: UnsafePointer<ap_units>, statistics: [String]) throws(PluginError) {
    let units = units.pointee
    family = String(cString: units.family)
    layer = Int(units.layer)
    count = Int(units.count)
    original = UnsafeBufferPointer(start: units.original, count: Int(units.count)).map(Int.init)
    var matrices: [Matrix] = []
    for matrix in try structs(units.matrices, count: units.matrix_count, { "matrix \($0)" }) {
      matrices.append(try Matrix(matrix.pointee, count: count, statistics: statistics))
    }
    self.matrices = matrices
    self.statistics = try StatisticViews(units.statistics, names: statistics, of: "family \(family)")
  }

  /// A statistic of the units themselves that the criterion asked for: [count].
  public func statistic(_ statistic: Statistic) throws -> [Double] {
    let view = try statistics.view(statistic)
    guard view.columns == count else { throw statistics.missing(statistic) }
    return (0..<count).map { Double(view[0, $0]) }
  }

  /// The matrix whose columns the units own: down_proj of channels, o_proj of KV groups.
  /// - Throws: `PluginError` if the units are whole sublayers or layers. Those own rows.
  public var outputProjection: Matrix {
    get throws {
      guard let projection = matrices.first(where: { $0.axis == .columns }) else {
        throw PluginError("family \(family) has no output projection", kind: .unsupported)
      }
      return projection
    }
  }

  /// The number of rows of a unit in its smallest matrix: the head's dimension, or 1.
  public var positions: Int { matrices.first?.positions ?? 1 }

  /// Sums values by line of `matrix` [lineCount] over the lines that share a unit and a position:
  /// [count · positions]. A whole sublayer or layer owns every line, so both folds sum all of them.
  public func fold(_ lines: [Double], of matrix: Matrix, _ fold: QueryFold) -> [Double] {
    if matrix.repeats == 1 { return lines }
    let width = count * matrix.positions
    var folded = [Double](repeating: 0, count: width)
    for (line, value) in lines.enumerated() {
      switch fold {
      case .consistent:
        let unit = line / (matrix.positions * matrix.repeats)
        folded[unit * matrix.positions + line % matrix.positions] += value
      case .published: folded[line % width] += value
      }
    }
    return folded
  }

  /// Sums values by unit and position [count · positions] over positions: [count].
  public func sumPositions(_ values: [Double]) -> [Double] {
    (0..<count).map { unit in values[(unit * positions)..<((unit + 1) * positions)].reduce(0, +) }
  }
}
