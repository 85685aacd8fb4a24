import Foundation
import PluginRuntime
import Testing

@Suite("Plain functions as criteria")
struct ForeignFunctionTests {
  /// One unit of attention is two rows of k, four of q and four columns of o; of the MLP a row of gate and a column of down.
  static let attention = SmallUnits(
    family: "attention", count: 2,
    matrices: [
      .init("k_proj", .rows, rows: 4, columns: 3, positions: 2),
      .init("q_proj", .rows, rows: 8, columns: 3, repeats: 2, positions: 2),
      .init("o_proj", .columns, rows: 3, columns: 8, repeats: 2, positions: 2),
    ])
  static let mlp = SmallUnits(
    family: "mlp", count: 5,
    matrices: [
      .init("gate_proj", .rows, rows: 5, columns: 3), .init("down_proj", .columns, rows: 3, columns: 5),
    ])

  static let formulas: [String: @Sendable ([Double]) -> Double] = [
    "example.blas-l1": { $0.reduce(0) { $0 + abs($1) } },
    "example.blas-l2": { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() },
    "example.lapack-largest": { $0.map(abs).max() ?? 0 },
  ]

  @Test("Functions of OpenBLAS and of LAPACK, which is Fortran", arguments: formulas.keys.sorted())
  func openBLAS(id: String) throws {
    let formula = try #require(Self.formulas[id])
    let registry = PluginRegistry(searching: [packageRoot + "/Examples/foreign-blas"])
    let criterion = try CriterionInstance(of: LoadedPlugin(loading: registry.find(id)))
    for units in [Self.attention, Self.mlp] {
      let scores = try units.score(by: criterion)
      let expected = units.elements.map(formula)
      #expect(scores.count == expected.count)
      for (score, right) in zip(scores, expected) { #expect(abs(Double(score) - right) <= 1e-6 * right) }
    }
  }

  @Test func theFileThatTheSymbolCameFromIsNamed() throws {
    let registry = PluginRegistry(searching: [packageRoot + "/Examples/foreign-blas"])
    let plugin = try LoadedPlugin(loading: registry.find("example.blas-l1"))
    #expect(plugin.library.hasPrefix("/") && plugin.library.contains("openblas"))
    #expect(FileManager.default.fileExists(atPath: plugin.library))
  }

  @Test func oneCallForAMatrixWithItsInputs() throws {
    let criterion = try Self.criterion(
      """
      "symbol": "column_norms", "call": "matrix", "matrices": ["down"], "returns": "void", "arguments": [
        {"type": "double*", "value": "weight.down"}, {"type": "double*", "value": "input.norm2"},
        {"type": "int64", "value": "rows"}, {"type": "int64", "value": "columns"},
        {"type": "double*", "value": "scores"}]
      """)
    #expect(criterion.statistics == ["input_norm"])
    let down = Self.mlp.matrices[1]
    let expected = (0..<5).map { column in
      (0..<3).reduce(0.0) { $0 + abs(down.value($1, column)) } * down.norm(column)
    }
    let scores = try Self.mlp.score(by: criterion)
    #expect(scores.count == expected.count)
    for (score, right) in zip(scores, expected) { #expect(abs(Double(score) - right) <= 1e-6 * right) }
    #expect(
      sentence { _ = try Self.attention.score(by: criterion) }
        == "fixture.function: matrix down_proj of layer 1, attention must be one that the family has, but is not there."
    )
  }

  @Test func oneCallForAFamilyWithReferencesAndConstants() throws {
    let criterion = try Self.criterion(
      """
      "symbol": "row_sums", "call": "family", "returns": "status", "arguments": [
        {"type": "float*", "value": "weight.gate"}, {"type": "float*", "value": "weight.down"},
        {"type": "int32*", "value": "rows.gate"}, {"type": "int64*", "value": "columns.gate"},
        {"type": "float", "value": 0.5}, {"type": "float*", "value": "scores"}]
      """)
    let (gate, down) = (Self.mlp.matrices[0], Self.mlp.matrices[1])
    let expected = (0..<5).map { unit in
      (0..<3).reduce(0.0) { $0 + 0.5 * (gate.value(unit, $1) + down.value($1, unit)) }
    }
    let scores = try Self.mlp.score(by: criterion)
    #expect(scores.count == expected.count)
    for (score, right) in zip(scores, expected) { #expect(abs(Double(score) - right) < 1e-5) }
  }

  /// |Σ w · g| without the bars: the first-order change of the loss.
  @Test func weightsAndGradientsOfAUnitStandInOneOrder() throws {
    let criterion = try Self.criterion(
      """
      "symbol": "dot", "call": "unit", "returns": "void", "arguments": [
        {"type": "int64", "value": "length"}, {"type": "double*", "value": "weight"},
        {"type": "double*", "value": "gradient"}, {"type": "double*", "value": "scores"}]
      """)
    #expect(criterion.statistics == ["gradient"])
    for units in [Self.attention, Self.mlp] {
      let expected = zip(units.elements, units.gradients).map { zip($0, $1).reduce(0) { $0 + $1.0 * $1.1 } }
      let scores = try units.score(by: criterion)
      #expect(scores.count == expected.count)
      for (score, right) in zip(scores, expected) {
        #expect(abs(Double(score) - right) <= 1e-6 * max(1, abs(right)))
      }
    }
  }

  @Test(.enabled(if: Isolated.isBuilt, Isolated.missing)) func inAProcessOfItsOwnToo() throws {
    let registry = PluginRegistry(searching: [packageRoot + "/Examples/foreign-blas"])
    let description = try registry.find("example.blas-l2")
    let here = try Self.mlp.score(by: CriterionInstance(of: LoadedPlugin(loading: description)))
    let there = try Self.mlp.score(
      by: CriterionInstance(of: LoadedPlugin(loading: description, isolated: Isolated.limits())))
    #expect(here == there)
  }

  @Test(
    "What goes wrong in a call has a sentence",
    arguments: [
      ("refuse", "status", "", "fixture.function: refuse failed: it answered status 17 for layer 1, mlp"),
      (
        "forget", "void", #"{"type": "int32", "value": "count"},"#,
        "fixture.function: too few scores for layer 1, mlp: 4 were written, 5 are needed."
      ),
      (
        "overrun", "void", #"{"type": "int32", "value": "count"},"#,
        "fixture.function: too many scores for layer 1, mlp: 5 are needed, and more were written."
      ),
      ("missing", "void", "", "libfixture.so has no function missing, which fixture.function is to call."),
    ])
  func wrongCall(symbol: String, returns: String, first: String, expected: String) {
    let words = sentence {
      let criterion = try Self.criterion(
        """
        "symbol": "\(symbol)", "call": "family", "returns": "\(returns)", "arguments": [
          \(first) {"type": "float*", "value": "scores"}]
        """)
      _ = try Self.mlp.score(by: criterion)
    }
    #expect(words.contains(expected), "\(words)")
  }

  @Test func aNumberThatDoesNotFitItsTypeIsNotCutOff() throws {
    let criterion = try Self.criterion(
      """
      "symbol": "forget", "call": "family", "returns": "void", "arguments": [
        {"type": "int32", "value": "layer"}, {"type": "float*", "value": "scores"}]
      """)
    var units = Self.mlp
    units.layer = 3_000_000_000
    #expect(
      sentence { _ = try units.score(by: criterion) }
        == "fixture.function: argument 0 of layer 3000000000, mlp must be an integer of 32 bits, but is 3000000000."
    )
  }

  @Test(
    "A signature that cannot be is refused, with its place",
    arguments: [
      (#""call": "unit""#, "function.symbol is missing"),
      (#""symbol": "f""#, "function.call is missing; it is one of unit, matrix, family"),
      (
        #""symbol": "f", "call": "layer""#,
        "function.call should be one of unit, matrix, family, but is \"layer\""
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "void", "argumets": []"#,
        "function.argumets is an unknown key. Did you mean \"arguments\"?"
      ),
      (
        #""symbol": "f", "call": "family", "returns": "float", "arguments": []"#,
        "function.returns is a number, the score of one unit"
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "void", "arguments": []"#,
        "function.arguments should give scores in one way"
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "float", "arguments": [{"type": "int", "value": 1}]"#,
        "function.arguments[0].type should be one of int32, int64"
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "float", "arguments": [{"type": "int32", "value": "weight"}]"#,
        "function.arguments[0].value should be of type float* or double*, as weight is"
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "float", "arguments": [{"type": "int32", "value": 3000000000}]"#,
        "function.arguments[0].value should be an integer of 32 bits, but is 3000000000"
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "float", "arguments": [{"type": "float*", "value": "input.norm2"}]"#,
        "function.arguments[0].value should be a value that there is in a call for one unit"
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "float", "arguments": [{"type": "float*", "value": "weigth"}]"#,
        "(weight, gradient, gradient.square, scores, length, layer;"
      ),
      (
        #""symbol": "f", "call": "unit", "returns": "float", "arguments": [{"type": "int64", "value": null}]"#,
        "function.arguments[0].value should be an int64, but is null"
      ),
    ])
  func wrongSignature(text: String, expected: String) {
    let words = sentence { _ = try Self.criterion(text) }
    #expect(words.contains("plugin.json: plugins[0].function"), "\(words)")
    #expect(words.contains(expected), "\(words)")
  }

  @Test func onlyCriteriaCanBePlainFunctions() throws {
    let words = sentence { _ = try Self.criterion(#""symbol": "f""#, kind: "evaluator") }
    #expect(words.contains("plugins[0].kind should be criterion, since a plain function can be no other"))
  }

  /// A criterion whose plugin.json says so much of a function of functions.c.
  static func criterion(_ function: String, kind: String = "criterion") throws -> CriterionInstance {
    let folder = try CompiledPlugin.compile(CompiledPlugin.fixtures + "/functions.c", as: "libfixture.so")
    try """
    { "library": "libfixture.so", "plugins": [ { "id": "fixture.function", "kind": "\(kind)", "version": "1.0.0",
      "summary": "A function.", "function": {\(function)} } ] }
    """.write(toFile: folder + "/plugin.json", atomically: true, encoding: .utf8)
    let registry = PluginRegistry(searching: [folder])
    if let problem = registry.problems.first { throw problem }
    return try CriterionInstance(of: LoadedPlugin(loading: registry.find("fixture.function")))
  }
}

/// Units with numbers that follow from their places.
struct SmallUnits: Sendable {
  struct Matrix: Sendable {
    let name: String
    let axis: MatrixRequest.Axis
    let rows: Int
    let columns: Int
    let repeats: Int
    let positions: Int

    init(
      _ name: String, _ axis: MatrixRequest.Axis, rows: Int, columns: Int, repeats: Int = 1,
      positions: Int = 1
    ) {
      (self.name, self.axis, self.rows, self.columns) = (name, axis, rows, columns)
      (self.repeats, self.positions) = (repeats, positions)
    }

    func value(_ row: Int, _ column: Int) -> Double {
      Double((row * 7 + column * 3 + name.utf8.count) % 11) / 4 - 1.25
    }
    func gradient(_ row: Int, _ column: Int) -> Double { Double((row * 5 + column * 2) % 7) / 8 - 0.375 }
    func norm(_ column: Int) -> Double { 1 + Double(column) / 2 }

    func filled(_ body: (Int, Int) -> Double) -> [Float] {
      (0..<rows).flatMap { row in (0..<columns).map { Float(body(row, $0)) } }
    }

    /// A unit's elements, row by row of the matrix.
    func elements(_ unit: Int, _ body: (Int, Int) -> Double) -> [Double] {
      let lines = unit * repeats * positions..<(unit + 1) * repeats * positions
      return axis == .rows
        ? lines.flatMap { row in (0..<columns).map { body(row, $0) } }
        : (0..<rows).flatMap { row in lines.map { body(row, $0) } }
    }
  }

  let family: String
  var layer = 1
  let count: Int
  let matrices: [Matrix]

  init(family: String, count: Int, matrices: [Matrix]) {
    (self.family, self.count, self.matrices) = (family, count, matrices)
  }

  /// By unit, over all matrices.
  var elements: [[Double]] {
    (0..<count).map { unit in matrices.flatMap { $0.elements(unit, $0.value) } }
  }
  var gradients: [[Double]] {
    (0..<count).map { unit in matrices.flatMap { $0.elements(unit, $0.gradient) } }
  }

  func score(by criterion: CriterionInstance) throws -> [Float] {
    var memory: [UnsafeMutableBufferPointer<Float>] = []
    defer { for buffer in memory { buffer.deallocate() } }
    func keep(_ values: [Float]) -> UnsafePointer<Float> {
      let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
      _ = buffer.initialize(from: values)
      memory.append(buffer)
      return UnsafePointer(buffer.baseAddress!)
    }
    let requests = matrices.map { matrix in
      MatrixRequest(
        name: matrix.name, axis: matrix.axis, repeats: matrix.repeats, positions: matrix.positions,
        weight: MatrixMemory(keep(matrix.filled(matrix.value)), rows: matrix.rows, columns: matrix.columns),
        statistics: [
          "gradient": MatrixMemory(
            keep(matrix.filled(matrix.gradient)), rows: matrix.rows, columns: matrix.columns),
          "input_norm": MatrixMemory(
            keep((0..<matrix.columns).map { Float(matrix.norm($0)) }), rows: 1, columns: matrix.columns),
        ])
    }
    return try criterion.score(
      model: toyModel,
      units: UnitsRequest(family: family, layer: layer, original: Array(0..<count), matrices: requests))
  }
}
