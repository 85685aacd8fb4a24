import PluginABI

/// A float32 matrix that the host owns, borrowed for the length of the call.
public struct MatrixView {
  public let rows: Int
  public let columns: Int
  /// In elements.
  public let rowStride: Int
  public let columnStride: Int
  /// Every element that (row, column) can reach: the one bound check is made in `init`.
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

  /// Row after row, in double precision: [rows · columns].
  public var elements: [Double] {
    (0..<rows).flatMap { row in (0..<columns).map { Double(self[row, $0]) } }
  }

  /// Checked in debug builds only.
  @inlinable public subscript(row: Int, column: Int) -> Float {
    memory[row * rowStride + column * columnStride]
  }
}

/// One weight matrix of a family, with the statistics that the criterion asked for.
///
/// Unit u owns the lines (rows or columns, by `axis`) `(u * repeats + r) * positions + p`.
public struct Matrix {
  public enum Axis: Sendable { case rows, columns }

  public let name: String
  public let axis: Axis
  public let repeats: Int
  public let positions: Int
  /// [rows, columns], as stored: y = x Wᵀ.
  public let weight: MatrixView
  /// Those that the criterion asked for and this matrix has.
  private let statistics: [String: MatrixView]

  /// How many rows or columns the units own together.
  public var lineCount: Int { axis == .rows ? weight.rows : weight.columns }

  init(_ matrix: ap_matrix, count: Int, statistics names: [String]) throws(PluginError) {
    let name = String(cString: matrix.name)
    self.name = name
    axis = matrix.axis == ap_axis(AP_ROWS) ? .rows : .columns
    repeats = Int(matrix.repeats)
    positions = Int(matrix.positions)
    weight = try MatrixView(matrix.weight, name: name)
    var views: [String: MatrixView] = [:]
    for (index, statistic) in names.enumerated() where matrix.statistics[index].data != nil {
      views[statistic] = try MatrixView(matrix.statistics[index], name: "\(statistic) of \(name)")
    }
    statistics = views
    guard lineCount == count * repeats * positions else {
      throw PluginError("\(name) has \(lineCount) lines, not \(count) × \(repeats) × \(positions)")
    }
  }

  /// What was asked for of this matrix, of the shape that the ABI's header states.
  public func statistic(_ statistic: Statistic) throws -> MatrixView {
    guard let view = statistics[statistic.rawValue] else {
      throw PluginError("the host has no \(statistic.rawValue) of \(name)", kind: .unsupported)
    }
    return view
  }

  /// For each line Σ term(row, column) over its elements, in double precision: [lineCount].
  ///
  /// Goes through memory row after row, whichever way the lines run.
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

/// How the query heads of one KV group are brought together.
public enum QueryFold: String, Decodable, CaseIterable, Sendable {
  /// Query head h counts towards the group that it leaves with: h div repeats.
  case consistent
  /// Query head h counts towards group h mod groups: what `view(repeats, groups·positions).sum(0)` of
  /// LLM-Pruner and Adapt-Pruner does, although removal goes by h div repeats.
  case published
}

/// One family of one layer, to be scored.
public struct Units {
  /// "attention", "mlp", or, with a whole sublayer or layer as the one unit, "attention_block", "mlp_block" or "layer".
  public let family: String
  public let layer: Int
  public let count: Int
  /// [count]: each unit's index in the unpruned model.
  public let original: [Int]
  /// attention: k, v, q, o; mlp: gate, up, down. Whole sublayers have the same, a layer those that it has, attention's
  /// first.
  public let matrices: [Matrix]
  /// Those that the criterion asked for and units have.
  private let statistics: [String: MatrixView]

  init(_ units: UnsafePointer<ap_units>, statistics: [String]) throws(PluginError) {
    let units = units.pointee
    family = String(cString: units.family)
    layer = Int(units.layer)
    count = Int(units.count)
    original = UnsafeBufferPointer(start: units.original, count: Int(units.count)).map(Int.init)
    var matrices: [Matrix] = []
    for index in 0..<Int(units.matrix_count) {
      guard let matrix = units.matrices[index] else { throw PluginError("matrix \(index) is null") }
      matrices.append(try Matrix(matrix.pointee, count: count, statistics: statistics))
    }
    self.matrices = matrices
    var views: [String: MatrixView] = [:]
    for (index, statistic) in statistics.enumerated() where units.statistics[index].data != nil {
      views[statistic] = try MatrixView(units.statistics[index], name: "\(statistic) of \(family)")
    }
    self.statistics = views
  }

  /// What was asked for of the units themselves: [count].
  public func statistic(_ statistic: Statistic) throws -> [Double] {
    guard let view = statistics[statistic.rawValue], view.columns == count else {
      throw PluginError("the host has no \(statistic.rawValue) of family \(family)", kind: .unsupported)
    }
    return (0..<count).map { Double(view[0, $0]) }
  }

  /// The one matrix whose columns the units own: down_proj of channels, o_proj of KV groups.
  /// - Throws: `PluginError` where the units are whole sublayers or layers, which own rows.
  public var outputProjection: Matrix {
    get throws {
      guard let projection = matrices.first(where: { $0.axis == .columns }) else {
        throw PluginError("family \(family) has no output projection", kind: .unsupported)
      }
      return projection
    }
  }

  /// Rows a unit has in the smallest of its matrices: the head's dimension, or 1.
  public var positions: Int { matrices.first?.positions ?? 1 }

  /// Values by line of `matrix` [lineCount], summed over the lines that share a unit and a position:
  /// [count · positions]. A whole sublayer or layer owns every line, so either fold is the sum of all.
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

  /// Values by unit and position [count · positions], summed over positions: [count].
  public func sumPositions(_ values: [Double]) -> [Double] {
    (0..<count).map { unit in values[(unit * positions)..<((unit + 1) * positions)].reduce(0, +) }
  }
}
