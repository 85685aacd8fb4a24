import PluginABI

/// Answers: in which basis is the residual stream cut, and how wide does it stay?
public protocol Transform: PluginMethod {
  /// Whether the options say how wide the stream becomes. Otherwise the stage has a target.
  var fixesWidths: Bool { get }

  /// Whether the mean of each token's embedding is subtracted from its elements first.
  var centersEmbeddings: Bool { get }

  /// Whether energies and Gram matrices are of x / rms(x), so that every token counts alike. Otherwise they are of x.
  var normalisesTokens: Bool { get }

  /// The number of columns that stay at each place, from 1 to `hidden`. With a goal, their `size` is at most the goal.
  func widths(_ residual: Residual, model: Model, host: Host) throws -> [Int]

  /// An orthonormal basis [hidden, hidden], one direction per row. The rows that stay come first.
  func orient(_ gram: Gram, model: Model, host: Host) throws -> [Double]
}

/// The places of a residual stream, and the cost of widths there.
public struct Residual {
  public struct Place {
    /// The reader of the stream at this place: "attention", "mlp" or "head".
    public let name: String
    /// The layer's index. For "head" it is the number of layers.
    public let layer: Int
    /// The cost of each column here, without shortcuts.
    public let cost: Int
    /// [hidden], largest first. Empty unless the instance asks for them.
    public let energies: [Double]

    init(_ place: ap_place, hidden: Int) {
      name = String(cString: place.name)
      layer = Int(place.layer)
      cost = Int(place.cost)
      energies = place.energies.map { Array(UnsafeBufferPointer(start: $0, count: hidden)) } ?? []
    }
  }

  /// "parameters" or "macs".
  public let measure: String
  public let hidden: Int
  /// The part of the size that no width changes.
  public let fixed: Int
  /// The size of the unpruned model.
  public let original: Int
  /// The largest size that may be left. nil if the instance fixes widths.
  public let goal: Int?
  /// In the order of the forward pass. "head" is last.
  public let places: [Place]

  /// The size with these widths, one for each place.
  public func size(_ widths: [Int]) -> Int {
    let columns = zip(places, widths).reduce(fixed) { $0 + $1.0.cost * $1.1 }
    return zip(widths, widths.dropFirst()).reduce(columns) { $0 + $1.0 * $1.1 }
  }

  init(_ residual: UnsafePointer<ap_residual>) throws(PluginError) {
    let residual = residual.pointee
    let hidden = Int(residual.hidden_size)
    self.hidden = hidden
    measure = String(cString: residual.measure)
    fixed = Int(residual.fixed)
    original = Int(residual.original)
    goal = residual.goal < 0 ? nil : Int(residual.goal)
    places = try structs(residual.places, count: residual.place_count) { "place \($0)" }
      .map { Place($0.pointee, hidden: hidden) }
  }
}

/// The residual stream at one place, as sliced so far. It is in the model's own basis.
public struct Gram {
  public let place: Residual.Place
  public let hidden: Int
  /// Columns that stay.
  public let width: Int
  public let tokens: Int
  /// The mean of xᵀx over all tokens: [hidden, hidden].
  public let mean: [Double]

  init(_ gram: UnsafePointer<ap_gram>) throws(PluginError) {
    let gram = gram.pointee
    guard let place = gram.place, let values = gram.gram else { throw PluginError("the Gram matrix is null") }
    hidden = Int(gram.hidden_size)
    width = Int(gram.width)
    tokens = Int(gram.tokens)
    self.place = Residual.Place(place.pointee, hidden: hidden)
    mean = Array(UnsafeBufferPointer(start: values, count: hidden * hidden))
  }
}

private typealias Instance = Box<any Transform>

extension ap_transform {
  init(_ create: @escaping Slots.Create) {
    self.init(
      struct_size: size(ap_transform.self), create: create, destroy: destroyInstance,
      statistics: { Instance.of($0)?.statisticNames.pointer },
      fixes_widths: { Instance.flag($0) { $0.fixesWidths } },
      centers_embeddings: { Instance.flag($0) { $0.centersEmbeddings } },
      normalises_tokens: { Instance.flag($0) { $0.normalisesTokens } },
      widths: { instance, host, model, residual, widths in
        Instance.call(instance, host, model) { box, model, host in
          let residual = try Residual(present(residual))
          let answer = try box.method.widths(residual, model: model, host: host)
          guard answer.count == residual.places.count else {
            throw PluginError("\(answer.count) widths were made for \(residual.places.count) places")
          }
          try present(widths).update(from: answer.map(Int64.init), count: answer.count)
        }
      },
      orient: { instance, host, model, gram, basis in
        Instance.call(instance, host, model) { box, model, host in
          let gram = try Gram(present(gram))
          let answer = try box.method.orient(gram, model: model, host: host)
          guard answer.count == gram.hidden * gram.hidden else {
            throw PluginError(
              "the basis has \(answer.count) elements in place of \(gram.hidden) × \(gram.hidden)")
          }
          try present(basis).update(from: answer, count: answer.count)
        }
      })
  }
}
