/// A place of the residual stream, and the cost of a column there.
public struct PlaceRequest: Equatable, Sendable {
  /// "attention", "mlp" or "head".
  public var name: String
  /// The number of layers if `name` is "head".
  public var layer: Int
  /// The cost of each column without shortcuts, in the budget's measure.
  public var cost: Int
  /// [hidden], if the transform asks for them.
  public var energies: [Double]?

  public init(name: String, layer: Int, cost: Int, energies: [Double]? = nil) {
    self.name = name
    self.layer = layer
    self.cost = cost
    self.energies = energies
  }

  /// `layer 3, mlp`
  var words: String { name == "head" ? "the head" : "layer \(layer), \(name)" }
}

/// All places, and the size of the model for given widths: fixed + Σ cost · width + Σ width · width at the next place.
public struct ResidualRequest: Equatable, Sendable {
  /// "parameters" or "macs"
  public var measure: String
  public var hidden: Int
  public var fixed: Int
  /// The size of the unpruned model.
  public var original: Int
  /// The largest size allowed; nil if the transform fixes widths.
  public var goal: Int?
  public var places: [PlaceRequest]

  public init(
    measure: String, hidden: Int, fixed: Int, original: Int, goal: Int?, places: [PlaceRequest]
  ) {
    self.measure = measure
    self.hidden = hidden
    self.fixed = fixed
    self.original = original
    self.goal = goal
    self.places = places
  }

  public func size(_ widths: [Int]) -> Int {
    let columns = zip(places, widths).reduce(fixed) { $0 + $1.0.cost * $1.1 }
    return zip(widths, widths.dropFirst()).reduce(columns) { $0 + $1.0 * $1.1 }
  }
}

/// A place of the residual stream that needs a basis.
public struct OrientRequest: Equatable, Sendable {
  public var place: PlaceRequest
  public var hidden: Int
  /// The columns that stay.
  public var width: Int
  public var tokens: Int
  /// [hidden, hidden]
  public var gram: [Double]

  public init(place: PlaceRequest, hidden: Int, width: Int, tokens: Int, gram: [Double]) {
    self.place = place
    self.hidden = hidden
    self.width = width
    self.tokens = tokens
    self.gram = gram
  }
}

/// A transform with its options.
public final class TransformInstance: PluginInstance<any TransformCalls> {
  /// Whether the options set the widths of the stream. There is no target then.
  public var fixesWidths: Bool { traits.contains(.fixesWidths) }
  /// Whether the mean of each token's embedding is subtracted from it first.
  public var centersEmbeddings: Bool { traits.contains(.centersEmbeddings) }
  /// Whether energies and Gram matrices are of x / rms(x), so that each token has the same weight.
  public var normalisesTokens: Bool { traits.contains(.normalisesTokens) }

  /// Returns the columns that stay at each place.
  public func widths(model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int] {
    let answer = Array(try calls.widths(model, residual).prefix(residual.places.count))
    for (index, place) in residual.places.enumerated() {
      let width = index < answer.count ? answer[index] : Int.min
      guard width >= 1, width <= residual.hidden else {
        throw .outOfRange(
          plugin: plugin.id, place: place.words, field: "width", expected: "in 1 ... \(residual.hidden)",
          got: width == Int.min ? "not written" : "\(width)")
      }
    }
    if let goal = residual.goal {
      let size = residual.size(answer)
      guard size <= goal else {
        throw .outOfRange(
          plugin: plugin.id, place: "the residual stream", field: "widths",
          expected: "such that at most \(goal) \(residual.measure) are left", got: "such that \(size) are")
      }
    }
    return answer
  }

  /// Returns an orthonormal basis [hidden, hidden]: one direction per row, those that stay first.
  public func orient(model: ModelSummary, _ request: OrientRequest) throws(PluginError) -> [Double] {
    let answer = try calls.orient(model, request)
    let place = request.place.words
    if let index = answer.firstIndex(where: { !$0.isFinite }) {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "element \(index) of the basis", expected: "finite",
        got: "\(answer[index])")
    }
    try checkOrthonormal(answer, n: request.hidden, place)
    return answer
  }

  /// Checks BᵀBv = v for three random vectors v, as Freivalds' check of a product does. It takes n² steps, not n³.
  private func checkOrthonormal(_ basis: [Double], n: Int, _ place: String) throws(PluginError) {
    for probe in 0..<3 as Range<UInt64> {
      let random = RandomStream(seed: 0, plugin: "", stream: probe)
      let v = (0..<n).map { Double(random.uniform($0)) - 0.5 }
      var back = [Double](repeating: 0, count: n)
      basis.withUnsafeBufferPointer { basis in
        for row in 0..<n {
          let line = basis[(row * n)..<((row + 1) * n)]
          let product = zip(line, v).reduce(0) { $0 + $1.0 * $1.1 }
          for (column, value) in line.enumerated() { back[column] += product * value }
        }
      }
      let error = zip(back, v).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
      let length = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard error <= Self.orthonormalTolerance * length else {
        throw .outOfRange(
          plugin: plugin.id, place: place, field: "the basis",
          expected: "orthonormal (BᵀB = 1)",
          got: "not: BᵀBv is \(error / length) of its length away from a vector v")
      }
    }
  }

  /// A basis in single precision fits this.
  private static let orthonormalTolerance = 1e-4
}
