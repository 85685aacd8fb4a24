import JSON
import PluginABI

/// A place of the residual stream, and what a column costs there.
public struct PlaceRequest: Equatable, Sendable {
  /// "attention", "mlp" or "head".
  public var name: String
  /// Of "head" the number of layers.
  public var layer: Int
  /// Of each column, shortcuts apart, in the budget's measure.
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

/// All places, and what widths come to there: fixed + Σ cost · width + Σ width · width at the next place.
public struct ResidualRequest: Equatable, Sendable {
  /// "parameters" or "macs"
  public var measure: String
  public var hidden: Int
  public var fixed: Int
  /// Of the unpruned model.
  public var original: Int
  /// nil: the transform fixes widths.
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

/// A transform with its options. One thread at a time.
public final class TransformInstance {
  public let plugin: LoadedPlugin
  /// Resolved.
  public var options: JSONValue { instance.options }
  /// What it needs with these options.
  public let statistics: [String]
  /// The options say how wide the stream becomes, and there is no target.
  public let fixesWidths: Bool
  /// The mean of each token's embedding is taken from its elements before all else.
  public let centersEmbeddings: Bool
  /// Energies and Gram matrices are of x / rms(x), so that every token counts alike.
  public let normalisesTokens: Bool

  private let table: ap_transform
  private let instance: PluginInstance

  public init(
    of plugin: LoadedPlugin, options: JSONValue = [:], services: HostServices = HostServices()
  ) throws(PluginError) {
    self.plugin = plugin
    table = try PluginInstance.table(of: plugin, kind: .transform, as: ap_transform.self)
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: table.create, destroy: table.destroy)
    statistics = try instance.statistics(table.statistics)
    fixesWidths = table.fixes_widths(instance.pointer) != 0
    centersEmbeddings = table.centers_embeddings(instance.pointer) != 0
    normalisesTokens = table.normalises_tokens(instance.pointer) != 0
  }

  /// Columns that stay at each place.
  public func widths(model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int] {
    let arena = Arena()
    var places: [UnsafePointer<ap_place>?] = []
    for place in residual.places { places.append(try inMemory(place, residual.hidden, arena)) }
    let request = arena.one(
      ap_residual(
        struct_size: UInt32(MemoryLayout<ap_residual>.size), measure: arena.text(residual.measure),
        hidden_size: Int64(residual.hidden), fixed: Int64(residual.fixed), original: Int64(residual.original),
        goal: Int64(residual.goal ?? -1), place_count: Int64(places.count), places: arena.array(places)))
    // What is not written stays out of range.
    let widths = arena.array([Int64](repeating: .min, count: places.count))
    let model = model.inMemory(of: arena)
    try instance.host.call("widths") { table.widths(instance.pointer, $0, model, request, widths) }
    var answer: [Int] = []
    for (index, place) in residual.places.enumerated() {
      let width = widths[index]
      guard width >= 1, width <= residual.hidden else {
        throw .outOfRange(
          plugin: plugin.id, place: place.words, field: "width", expected: "in 1 ... \(residual.hidden)",
          got: width == .min ? "not written" : "\(width)")
      }
      answer.append(Int(width))
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

  /// Written past the end by a plugin that counts wrong; then its answer is refused instead of a crash later.
  private static let guardCount = 16
  private static let guardValue = Double(bitPattern: 0x7ff8_dead_beef_ad0b)

  /// An orthonormal basis [hidden, hidden], one direction a row, those that stay first.
  ///
  /// - Parameters:
  ///   - width: columns that stay.
  ///   - gram: [hidden, hidden]
  public func orient(
    model: ModelSummary, place: PlaceRequest, hidden: Int, width: Int, tokens: Int, gram: [Double]
  ) throws(PluginError) -> [Double] {
    let arena = Arena()
    let request = arena.one(
      ap_gram(
        struct_size: UInt32(MemoryLayout<ap_gram>.size), place: try inMemory(place, hidden, arena),
        hidden_size: Int64(hidden), width: Int64(width), tokens: Int64(tokens), gram: arena.array(gram)))
    let count = hidden * hidden
    let basis = arena.array(
      [Double](repeating: 0, count: count) + [Double](repeating: Self.guardValue, count: Self.guardCount))
    let model = model.inMemory(of: arena)
    try instance.host.call("orient") { table.orient(instance.pointer, $0, model, request, basis) }
    let all = UnsafeBufferPointer(start: basis, count: count + Self.guardCount)
    guard all[count...].allSatisfy({ $0.bitPattern == Self.guardValue.bitPattern }) else {
      throw .outOfRange(
        plugin: plugin.id, place: place.words, field: "the basis", expected: "\(count) elements", got: "more")
    }
    if let index = all[..<count].firstIndex(where: { !$0.isFinite }) {
      throw .outOfRange(
        plugin: plugin.id, place: place.words, field: "element \(index) of the basis", expected: "finite",
        got: "\(all[index])")
    }
    let answer = Array(all[..<count])
    try checkOrthonormal(answer, n: hidden, place.words)
    return answer
  }

  /// A square B is orthonormal if BᵀBv = v for all v. A few v in no special direction tell, as in Freivalds' check of a
  /// product, at the cost of n² each instead of n³ for the products of all rows.
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

  /// Enough for a basis that was computed in single precision.
  private static let orthonormalTolerance = 1e-4

  private func inMemory(
    _ place: PlaceRequest, _ hidden: Int, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_place> {
    var energies: UnsafePointer<Double>?
    if statistics.contains("residual_energies") {
      guard let values = place.energies, values.count == hidden else {
        throw .outOfRange(
          plugin: plugin.id, place: place.words, field: "statistic \"residual_energies\"",
          expected: "handed in by the host", got: "missing")
      }
      energies = UnsafePointer(arena.array(values))
    }
    return UnsafePointer(
      arena.one(
        ap_place(
          struct_size: UInt32(MemoryLayout<ap_place>.size), name: arena.text(place.name),
          layer: Int64(place.layer), cost: Int64(place.cost), energies: energies)))
  }
}
