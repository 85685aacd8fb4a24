import Foundation
import PluginABI

/// A criterion that is a plain function (`ForeignSignature`): called once for each unit, matrix or family.
final class ForeignCriterion: CriterionCalls {
  let statistics: [String]

  private let plugin: LoadedPlugin
  private let signature: ForeignSignature
  private let call: ForeignCall

  init(_ plugin: LoadedPlugin, _ function: ForeignFunction) throws(PluginError) {
    self.plugin = plugin
    signature = function.signature
    statistics = function.signature.statistics
    guard let call = ForeignCall(function) else {
      throw .badDescriptor(
        library: plugin.library, plugin: plugin.id, field: "function", expected: "one that libffi can call",
        got: "one that it cannot")
    }
    self.call = call
  }

  func score(
    model: ModelSummary, units: UnitsRequest, into scores: UnsafeMutablePointer<Float>
  ) throws(PluginError) {
    switch signature.call {
    case .unit: try scoreUnits(units, scores)
    case .matrix: try scoreMatrices(units, scores)
    case .family:
      let answer = try ask(Scene(units: units, matrix: nil))
      for (unit, score) in answer.enumerated() { scores[unit] = score }
    }
  }

  /// What an argument's name is looked up in.
  private struct Scene {
    let units: UnitsRequest
    /// The one at hand.
    let matrix: MatrixRequest?

    var place: String { "layer \(units.layer), \(units.family)" }
    func matrix(_ name: ForeignSignature.Matrix?) -> MatrixRequest? {
      guard let name else { return matrix }
      return units.matrices.first { $0.name == name.projection }
    }
  }

  // MARK: - Calls for a matrix or a family

  private func scoreMatrices(_ units: UnitsRequest, _ scores: UnsafeMutablePointer<Float>) throws(PluginError)
  {
    let wanted = signature.matrices?.map(\.projection)
    let matrices = units.matrices.filter { wanted?.contains($0.name) ?? true }
    let count = units.original.count
    guard !matrices.isEmpty else {
      throw missing("matrix \((wanted ?? []).joined(separator: " or "))", Scene(units: units, matrix: nil))
    }
    var sums = [Double](repeating: 0, count: count)
    for matrix in matrices {
      let answer = try ask(Scene(units: units, matrix: matrix))
      for unit in sums.indices { sums[unit] += Double(answer[unit]) }
    }
    for (unit, sum) in sums.enumerated() { scores[unit] = Float(sum) }
  }

  /// Makes one call, and answers the scores that it wrote.
  private func ask(_ scene: Scene) throws(PluginError) -> [Float] {
    let count = scene.units.original.count
    let arena = Arena()
    var answer = Answer(count: count, arena)
    for (index, argument) in signature.arguments.enumerated() {
      guard case .named(let name) = argument.value else { continue }
      if name.quantity == .scores {
        call.set(answer.room(isDouble: argument.type == .doublePointer), at: index)
      } else if name.quantity.isArray {
        call.set(try array(name, argument.type, scene, arena), at: index)
      } else {
        let number = try number(name, scene)
        guard call.set(number, at: index) else { throw tooLarge(number, index, scene) }
      }
    }
    try check(call.make(), scene)
    return try answer.scores(plugin: plugin.id, place: scene.place)
  }

  private func array(
    _ name: ForeignSignature.Name, _ type: ForeignSignature.ArgumentType, _ scene: Scene, _ arena: Arena
  ) throws(PluginError) -> UnsafeRawPointer {
    guard let matrix = scene.matrix(name.matrix) else {
      throw missing("matrix \(name.matrix?.rawValue ?? "")", scene)
    }
    let memory =
      name.quantity == .weight ? matrix.weight : name.quantity.statistic.flatMap { matrix.statistics[$0] }
    guard let memory else { throw missing("\(name.quantity.rawValue) of \(matrix.name)", scene) }
    guard type == .doublePointer else { return UnsafeRawPointer(memory.base) }
    let values = UnsafeBufferPointer(start: memory.base, count: memory.rows * memory.columns)
    return UnsafeRawPointer(arena.array(values.map(Double.init)))
  }

  private func number(_ name: ForeignSignature.Name, _ scene: Scene) throws(PluginError) -> Int {
    switch name.quantity {
    case .layer: return scene.units.layer
    case .count: return scene.units.original.count
    default: break
    }
    guard let matrix = scene.matrix(name.matrix) else {
      throw missing("matrix \(name.matrix?.rawValue ?? "")", scene)
    }
    switch name.quantity {
    case .rows: return matrix.weight.rows
    case .columns: return matrix.weight.columns
    case .repeats: return matrix.repeats
    case .positions: return matrix.positions
    default: return matrix.axis == .rows ? 0 : 1
    }
  }

  // MARK: - Calls for a unit

  /// A matrix or statistic of which each unit's elements are gathered, and where they are handed in.
  private struct Gathered {
    let argument: Int
    let quantity: ForeignSignature.Quantity
    let matrices: [MatrixRequest]
    /// Elements of a unit.
    let length: Int
    let floats: UnsafeMutablePointer<Float>
    /// The same, where the function takes doubles.
    let doubles: UnsafeMutablePointer<Double>?
  }

  private func scoreUnits(_ units: UnitsRequest, _ scores: UnsafeMutablePointer<Float>) throws(PluginError) {
    let scene = Scene(units: units, matrix: nil)
    let arena = Arena()
    var gathered: [Gathered] = []
    var answer = Answer(count: 1, arena)
    for (index, argument) in signature.arguments.enumerated() {
      guard case .named(let name) = argument.value else { continue }
      let matrices = try matrices(of: name, scene)
      let length = matrices.reduce(0) { $0 + $1.unitLength }
      switch name.quantity {
      case .scores: call.set(answer.room(isDouble: argument.type == .doublePointer), at: index)
      case .weight, .gradient, .gradientSquare:
        let floats = arena.array([Float](repeating: 0, count: length))
        let doubles =
          argument.type == .doublePointer ? arena.array([Double](repeating: 0, count: length)) : nil
        call.set(doubles.map { UnsafeRawPointer($0) } ?? UnsafeRawPointer(floats), at: index)
        gathered.append(
          Gathered(
            argument: index, quantity: name.quantity, matrices: matrices, length: length, floats: floats,
            doubles: doubles))
      default:
        let number = name.quantity == .layer ? units.layer : length
        guard call.set(number, at: index) else { throw tooLarge(number, index, scene) }
      }
    }
    for unit in units.original.indices {
      for those in gathered { try gather(those, unit: unit, scene) }
      answer.clear()
      let result = call.make()
      switch signature.returns {
      case .float: scores[unit] = Float(bitPattern: UInt32(truncatingIfNeeded: result))
      case .double: scores[unit] = Float(Double(bitPattern: result))
      case .void, .status:
        try check(result, scene)
        scores[unit] = try answer.scores(plugin: plugin.id, place: scene.place + ", unit \(unit)")[0]
      }
    }
  }

  private func matrices(of name: ForeignSignature.Name, _ scene: Scene) throws(PluginError) -> [MatrixRequest]
  {
    guard let one = name.matrix else { return scene.units.matrices }
    guard let matrix = scene.matrix(one) else { throw missing("matrix \(one.rawValue)", scene) }
    return [matrix]
  }

  private func gather(_ gathered: Gathered, unit: Int, _ scene: Scene) throws(PluginError) {
    var next = gathered.floats
    for matrix in gathered.matrices {
      let memory =
        gathered.quantity == .weight
        ? matrix.weight : gathered.quantity.statistic.flatMap { matrix.statistics[$0] }
      guard let memory, memory.rows == matrix.weight.rows, memory.columns == matrix.weight.columns else {
        throw missing("\(gathered.quantity.rawValue) of \(matrix.name)", scene)
      }
      let (lines, columns) = (matrix.repeats * matrix.positions, memory.columns)
      switch matrix.axis {
      case .rows:
        next.update(from: memory.base + unit * lines * columns, count: lines * columns)
        next += lines * columns
      case .columns:
        for row in 0..<memory.rows {
          next.update(from: memory.base + row * columns + unit * lines, count: lines)
          next += lines
        }
      }
    }
    guard let doubles = gathered.doubles else { return }
    for index in 0..<gathered.length { doubles[index] = Double(gathered.floats[index]) }
  }

  // MARK: - What can be wrong

  private func check(_ result: UInt64, _ scene: Scene) throws(PluginError) {
    let status = Int32(truncatingIfNeeded: result)
    guard signature.returns == .status, status != 0 else { return }
    throw .refused(
      plugin: plugin.id, function: signature.symbol, status: .failed,
      sentence: "it answered status \(status) for \(scene.place)")
  }

  private func missing(_ what: String, _ scene: Scene) -> PluginError {
    .outOfRange(
      plugin: plugin.id, place: scene.place, field: what, expected: "one that the family has",
      got: "not there")
  }

  private func tooLarge(_ number: Int, _ index: Int, _ scene: Scene) -> PluginError {
    .outOfRange(
      plugin: plugin.id, place: scene.place, field: "argument \(index)", expected: "an integer of 32 bits",
      got: "\(number)")
  }
}

extension MatrixRequest {
  /// Elements of one unit.
  fileprivate var unitLength: Int {
    repeats * positions * (axis == .rows ? weight.columns : weight.rows)
  }
}

/// Where a foreign function writes scores, with room behind that tells when it writes too many.
private struct Answer {
  private let count: Int
  private let floats: UnsafeMutablePointer<Float>
  private let doubles: UnsafeMutablePointer<Double>
  private var isDouble = false

  private static let guardCount = 16
  /// NaNs that no arithmetic makes: what has not been written still reads so.
  private static let unwrittenFloat = Float(bitPattern: 0x7fed_ad0b)
  private static let unwrittenDouble = Double(bitPattern: 0x7ff8_dead_beef_ad0b)

  init(count: Int, _ arena: Arena) {
    self.count = count
    floats = arena.array([Float](repeating: Self.unwrittenFloat, count: count + Self.guardCount))
    doubles = arena.array([Double](repeating: Self.unwrittenDouble, count: count + Self.guardCount))
  }

  mutating func room(isDouble: Bool) -> UnsafeRawPointer {
    self.isDouble = isDouble
    return isDouble ? UnsafeRawPointer(doubles) : UnsafeRawPointer(floats)
  }

  func clear() {
    for index in 0..<count {
      floats[index] = Self.unwrittenFloat
      doubles[index] = Self.unwrittenDouble
    }
  }

  private func isWritten(_ index: Int) -> Bool {
    isDouble
      ? doubles[index].bitPattern != Self.unwrittenDouble.bitPattern
      : floats[index].bitPattern != Self.unwrittenFloat.bitPattern
  }

  func scores(plugin: String, place: String) throws(PluginError) -> [Float] {
    let written = (0..<count).count { isWritten($0) }
    if written < count { throw .tooFewScores(plugin: plugin, place: place, expected: count, got: written) }
    if (count..<count + Self.guardCount).contains(where: isWritten) {
      throw .tooManyScores(plugin: plugin, place: place, expected: count)
    }
    return (0..<count).map { isDouble ? Float(doubles[$0]) : floats[$0] }
  }
}
