import Foundation
import PluginABI

/// A criterion that is a plain function (`ForeignSignature`). It is called once for each unit, matrix or family.
final class ForeignCriterion: CriterionCalls {
  let statistics: [Statistic]
  var traits: Set<Trait> { signature.scoresCompare ? [.scoresCompare] : [] }

  private let plugin: LoadedPlugin
  private let signature: ForeignSignature
  private let call: ForeignCall
  private let memory: CallMemory

  init(
    _ plugin: LoadedPlugin, _ function: ForeignFunction, services: HostServices
  ) throws(PluginError) {
    memory = services.memory
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

  func score(_ model: ModelSummary, _ units: UnitsRequest) throws(PluginError) -> [Float] {
    switch signature.call {
    case .unit: try scoreUnits(units)
    case .matrix: try scoreMatrices(units)
    case .family: try ask(Scene(units: units, matrix: nil))
    }
  }

  /// The values that an argument's name can stand for.
  private struct Scene {
    let units: UnitsRequest
    /// The matrix of this call; nil if the call is for a unit or a family.
    let matrix: MatrixRequest?

    var place: String { units.place }
  }

  /// The matrix of that name, or without a name the matrix of the call.
  private func matrix(
    _ name: ForeignSignature.Matrix?, _ scene: Scene
  ) throws(PluginError) -> MatrixRequest {
    let found = name == nil ? scene.matrix : scene.units.matrices.first { $0.name == name?.projection }
    guard let found else { throw missing("matrix \(name?.rawValue ?? "")", scene) }
    return found
  }

  // MARK: - Calls for a matrix or a family

  private func scoreMatrices(_ units: UnitsRequest) throws(PluginError) -> [Float] {
    let wanted = signature.matrices?.map(\.projection)
    let matrices = units.matrices.filter { wanted?.contains($0.name) ?? true }
    guard !matrices.isEmpty else {
      throw missing("matrix \((wanted ?? []).joined(separator: " or "))", Scene(units: units, matrix: nil))
    }
    var sums = [Double](repeating: 0, count: units.original.count)
    for matrix in matrices {
      let answer = try ask(Scene(units: units, matrix: matrix))
      for unit in sums.indices { sums[unit] += Double(answer[unit]) }
    }
    return sums.map(Float.init)
  }

  /// Makes one call and returns the scores that it wrote.
  private func ask(_ scene: Scene) throws(PluginError) -> [Float] {
    let count = scene.units.original.count
    let arena = Arena(memory)
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
    let matrix = try matrix(name.matrix, scene)
    guard let memory = name.quantity.memory(of: matrix) else {
      throw missing("\(name.quantity.name) of \(matrix.name)", scene)
    }
    guard type == .doublePointer else { return UnsafeRawPointer(memory.base) }
    let values = UnsafeBufferPointer(start: memory.base, count: memory.rows * memory.columns)
    return UnsafeRawPointer(arena.array(values.map(Double.init)))
  }

  private func number(_ name: ForeignSignature.Name, _ scene: Scene) throws(PluginError) -> Int {
    switch name.quantity {
    case .number(.layer): return scene.units.layer
    case .number(.count): return scene.units.original.count
    default: break
    }
    let matrix = try matrix(name.matrix, scene)
    switch name.quantity {
    case .number(.rows): return matrix.weight.rows
    case .number(.columns): return matrix.weight.columns
    case .number(.repeats): return matrix.repeats
    case .number(.positions): return matrix.positions
    default: return matrix.axis == .rows ? 0 : 1
    }
  }

  // MARK: - Calls for a unit

  /// A weight or statistic whose elements are gathered for each unit.
  private struct Gathered {
    let quantity: ForeignSignature.Quantity
    let matrices: [MatrixRequest]
    /// The elements of a unit.
    let length: Int
    let floats: UnsafeMutablePointer<Float>
    /// The same elements, if the function takes doubles.
    let doubles: UnsafeMutablePointer<Double>?
  }

  private func scoreUnits(_ units: UnitsRequest) throws(PluginError) -> [Float] {
    let scene = Scene(units: units, matrix: nil)
    let arena = Arena(memory)
    var gathered: [Gathered] = []
    var answer = Answer(count: 1, arena)
    for (index, argument) in signature.arguments.enumerated() {
      guard case .named(let name) = argument.value else { continue }
      let matrices = try matrices(of: name, scene)
      let length = matrices.reduce(0) { $0 + $1.unitLength }
      switch name.quantity {
      case .scores: call.set(answer.room(isDouble: argument.type == .doublePointer), at: index)
      case .weight, .statistic:
        let floats = arena.array([Float](repeating: 0, count: length))
        let doubles =
          argument.type == .doublePointer ? arena.array([Double](repeating: 0, count: length)) : nil
        call.set(doubles.map { UnsafeRawPointer($0) } ?? UnsafeRawPointer(floats), at: index)
        gathered.append(
          Gathered(
            quantity: name.quantity, matrices: matrices, length: length, floats: floats,
            doubles: doubles))
      case .number(let which):
        let number = which == .layer ? units.layer : length
        guard call.set(number, at: index) else { throw tooLarge(number, index, scene) }
      }
    }
    var scores: [Float] = []
    for unit in units.original.indices {
      for those in gathered { try gather(those, unit: unit, scene) }
      answer.clear()
      let result = call.make()
      switch signature.returns {
      case .float: scores.append(Float(bitPattern: UInt32(truncatingIfNeeded: result)))
      case .double: scores.append(Float(Double(bitPattern: result)))
      case .void, .status:
        try check(result, scene)
        scores += try answer.scores(plugin: plugin.id, place: scene.place + ", unit \(unit)")
      }
    }
    return scores
  }

  private func matrices(of name: ForeignSignature.Name, _ scene: Scene) throws(PluginError) -> [MatrixRequest]
  { name.matrix == nil ? scene.units.matrices : [try matrix(name.matrix, scene)] }

  private func gather(_ gathered: Gathered, unit: Int, _ scene: Scene) throws(PluginError) {
    var next = gathered.floats
    for matrix in gathered.matrices {
      guard let memory = gathered.quantity.memory(of: matrix), memory.rows == matrix.weight.rows,
        memory.columns == matrix.weight.columns
      else { throw missing("\(gathered.quantity.name) of \(matrix.name)", scene) }
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
  /// The elements of one unit.
  fileprivate var unitLength: Int { repeats * positions * (axis == .rows ? weight.columns : weight.rows) }
}

/// The memory where a foreign function writes scores.
private struct Answer {
  private let floats: OutputArray<Float>
  private let doubles: OutputArray<Double>
  private var isDouble = false

  init(count: Int, _ arena: Arena) {
    floats = arena.output(
      [Float](repeating: unwrittenFloat, count: count), spare: unwrittenFloat, named: "scores")
    doubles = arena.output(
      [Double](repeating: unwrittenDouble, count: count), spare: unwrittenDouble, named: "scores")
  }

  mutating func room(isDouble: Bool) -> UnsafeRawPointer {
    self.isDouble = isDouble
    return isDouble ? UnsafeRawPointer(doubles.pointer) : UnsafeRawPointer(floats.pointer)
  }

  func clear() {
    floats.pointer.update(repeating: unwrittenFloat, count: floats.count)
    doubles.pointer.update(repeating: unwrittenDouble, count: doubles.count)
  }

  func scores(plugin: String, place: String) throws(PluginError) -> [Float] {
    if floats.isOverrun || doubles.isOverrun {
      throw .tooManyScores(plugin: plugin, place: place, expected: floats.count)
    }
    let written =
      isDouble
      ? doubles.values.count { $0.bitPattern != unwrittenDouble.bitPattern }
      : floats.values.count { $0.bitPattern != unwrittenFloat.bitPattern }
    if written < floats.count {
      throw .tooFewScores(plugin: plugin, place: place, expected: floats.count, got: written)
    }
    return isDouble ? doubles.values.map(Float.init) : floats.values
  }
}
