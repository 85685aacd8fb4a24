import PluginABI

/// In which basis shall we cut the residual stream, and how wide does it stay?
public protocol Transform {
  associatedtype Options: Decodable

  static var about: About { get }

  init(options: Options) throws

  /// What this instance needs with its options.
  var statistics: [Statistic] { get }

  /// The options say how wide the stream becomes; else the stage has a target.
  var fixesWidths: Bool { get }

  /// The mean of each token's embedding is taken from its elements before all else.
  var centersEmbeddings: Bool { get }

  /// Energies and Gram matrices are of x / rms(x), so that every token counts alike; else of x.
  var normalisesTokens: Bool { get }

  /// How many columns stay at each place, from 1 to `hidden`; with a goal their `size` is at most that.
  func widths(_ residual: Residual, model: Model, host: Host) throws -> [Int]

  /// An orthonormal basis [hidden, hidden], one direction a row, those that stay first.
  func orient(_ gram: Gram, model: Model, host: Host) throws -> [Double]
}

extension Transform {
  public var statistics: [Statistic] { Self.about.statistics }
}

/// The places of a residual stream, and what widths there cost.
public struct Residual {
  public struct Place {
    /// "attention", "mlp" or "head": what reads the stream here.
    public let name: String
    /// Of "head" the number of layers.
    public let layer: Int
    /// What each column costs here, shortcuts apart.
    public let cost: Int
    /// [hidden], the largest first; empty unless asked for.
    public let energies: [Double]

    public init(name: String, layer: Int, cost: Int, energies: [Double] = []) {
      self.name = name
      self.layer = layer
      self.cost = cost
      self.energies = energies
    }
  }

  /// "parameters" or "macs"
  public let measure: String
  public let hidden: Int
  /// What no width changes.
  public let fixed: Int
  /// Of the unpruned model.
  public let original: Int
  /// At most this is to be left; nil where the instance fixes widths.
  public let goal: Int?
  /// In the order of the forward pass, "head" last.
  public let places: [Place]

  /// What these widths come to, by place.
  public func size(_ widths: [Int]) -> Int {
    let columns = zip(places, widths).reduce(fixed) { $0 + $1.0.cost * $1.1 }
    return zip(widths, widths.dropFirst()).reduce(columns) { $0 + $1.0 * $1.1 }
  }

  init(_ residual: UnsafePointer<ap_residual>) throws(PluginError) {
    let residual = residual.pointee
    let hidden = Int(residual.hidden_size)
    measure = String(cString: residual.measure)
    self.hidden = hidden
    fixed = Int(residual.fixed)
    original = Int(residual.original)
    goal = residual.goal < 0 ? nil : Int(residual.goal)
    var places: [Place] = []
    for index in 0..<Int(residual.place_count) {
      guard let place = residual.places[index] else { throw PluginError("place \(index) is null") }
      places.append(Place(place, hidden: hidden))
    }
    self.places = places
  }
}

extension Residual.Place {
  init(_ place: UnsafePointer<ap_place>, hidden: Int) {
    let place = place.pointee
    self.init(
      name: String(cString: place.name), layer: Int(place.layer), cost: Int(place.cost),
      energies: place.energies.map { Array(UnsafeBufferPointer(start: $0, count: hidden)) } ?? [])
  }
}

/// The residual stream at one place, as sliced so far, in the model's own basis.
public struct Gram {
  public let place: Residual.Place
  public let hidden: Int
  /// Columns that stay.
  public let width: Int
  public let tokens: Int
  /// [hidden, hidden]: mean over all tokens of xᵀx.
  public let mean: [Double]

  init(_ gram: UnsafePointer<ap_gram>) throws(PluginError) {
    let gram = gram.pointee
    guard let place = gram.place, let values = gram.gram else { throw PluginError("the Gram matrix is null") }
    hidden = Int(gram.hidden_size)
    width = Int(gram.width)
    tokens = Int(gram.tokens)
    self.place = Residual.Place(place, hidden: hidden)
    mean = Array(UnsafeBufferPointer(start: values, count: hidden * hidden))
  }
}

/// An instance as it crosses the border: `void *instance`.
final class TransformBox {
  let transform: any Transform
  let statisticNames: TextList

  init(_ transform: any Transform) {
    self.transform = transform
    statisticNames = TextList(transform.statistics.map(\.rawValue))
  }

  private static func of(_ instance: UnsafeMutableRawPointer?) -> TransformBox? {
    instance.map { Unmanaged<TransformBox>.fromOpaque($0).takeUnretainedValue() }
  }

  static func table(_ create: @escaping Slots.Create) -> ap_transform {
    ap_transform(
      struct_size: size(ap_transform.self), create: create,
      destroy: { instance in
        if let instance { Unmanaged<TransformBox>.fromOpaque(instance).release() }
      }, statistics: { TransformBox.of($0)?.statisticNames.pointer },
      fixes_widths: { TransformBox.of($0)?.transform.fixesWidths == true ? 1 : 0 },
      centers_embeddings: { TransformBox.of($0)?.transform.centersEmbeddings == true ? 1 : 0 },
      normalises_tokens: { TransformBox.of($0)?.transform.normalisesTokens == true ? 1 : 0 },
      widths: { instance, host, model, residual, widths in
        guard let box = TransformBox.of(instance), let host, let model, let residual, let widths else {
          return ap_status(AP_FAILED)
        }
        let services = Host(pointer: host)
        return services.status {
          let residual = try Residual(residual)
          let answer = try box.transform.widths(residual, model: Model(model), host: services)
          guard answer.count == residual.places.count else {
            throw PluginError("\(answer.count) widths were made for \(residual.places.count) places")
          }
          for (index, width) in answer.enumerated() { widths[index] = Int64(width) }
        }
      },
      orient: { instance, host, model, gram, basis in
        guard let box = TransformBox.of(instance), let host, let model, let gram, let basis else {
          return ap_status(AP_FAILED)
        }
        let services = Host(pointer: host)
        return services.status {
          let gram = try Gram(gram)
          let answer = try box.transform.orient(gram, model: Model(model), host: services)
          guard answer.count == gram.hidden * gram.hidden else {
            throw PluginError(
              "the basis has \(answer.count) elements in place of \(gram.hidden) × \(gram.hidden)")
          }
          basis.update(from: answer, count: answer.count)
        }
      })
  }
}
