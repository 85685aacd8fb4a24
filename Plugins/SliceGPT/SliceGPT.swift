import PluginKit

/// SliceGPT (Ashkboos et al., arXiv 2401.15024, section 3.3): at each place of the residual stream, with X its rows over all
/// calibration tokens, as sliced so far,
///
///     C = Xᵀ X = Σ λᵢ qᵢ qᵢᵀ,  λ₁ ≥ λ₂ ≥ …      B = [q₁ … q_d]ᵀ
///
/// and the first w of the coordinates B x stay. How many is one number for all places, or, by each place's own spectrum,
/// the fewest that keep a share of Σ λᵢ. (`rotate_and_slice_sequential` in rotate.py adds 0.01 · mean diag C to the
/// diagonal, which moves every λ alike and no q.)
struct SliceGPT: Transform {
  enum Spread: String, Decodable, CaseIterable { case constant, energy }
  enum Orientation: String, Decodable, CaseIterable { case pca, random }

  struct Options: Decodable {
    var spread: Spread
    var sparsity: Double?
    var energy: Double?
    var roundTo: Int
    var sliceHead: Bool
    var centerEmbeddings: Bool
    var normaliseTokens: Bool
    var orientation: Orientation
  }

  static let about = About(
    id: "adapt-pruner.slicegpt",
    summary: "Turns the residual stream to its principal components and keeps the first of them.",
    paper: "Ashkboos et al., SliceGPT (2024), arXiv:2401.15024",
    options: [
      .choice(
        "spread", default: Spread.constant,
        "constant: one width for all places; energy: at each place the fewest columns with the same share of its energy"
      ),
      .optionalNumber(
        "sparsity", minimum: 0, maximum: 1,
        "share of the columns that leaves every place, with spread constant; left out, the stage's target decides"
      ),
      .optionalNumber(
        "energy", minimum: 0, maximum: 1,
        "share of the energy that stays at every place, with spread energy; left out, the stage's target decides"
      ),
      .integer(
        "round_to", default: 1, minimum: 1,
        "widths are multiples of this, or all columns; the published code has 8, for the sake of GPUs"),
      .flag("slice_head", default: false, "whether the stream is sliced before the head as well"),
      .flag(
        "center_embeddings", default: false,
        "take the mean from each embedding, as the published code does for models that need no centring too"),
      .flag(
        "normalise_tokens", default: false,
        "take components and energies of x / rms(x), so that every token counts alike; the published code takes x"
      ),
      .choice(
        "orientation", default: Orientation.pca,
        "random: what stays is turned at random within itself, so that no column outweighs others; the model is the same"
      ),
    ],
    statistics: [.residualEnergies])

  let options: Options

  init(options: Options) throws {
    self.options = options
    switch options.spread {
    case .constant where options.energy != nil:
      throw PluginError("energy goes with \"spread\": \"energy\"", kind: .invalidOptions)
    case .energy where options.sparsity != nil:
      throw PluginError("sparsity goes with \"spread\": \"constant\"", kind: .invalidOptions)
    default: break
    }
    if options.sparsity == 1 { throw PluginError("sparsity 1 leaves no column", kind: .invalidOptions) }
  }

  var statistics: [Statistic] { options.spread == .energy ? [.residualEnergies] : [] }
  var fixesWidths: Bool { options.sparsity != nil || options.energy != nil }
  var normalisesTokens: Bool { options.normaliseTokens }
  var centersEmbeddings: Bool { options.centerEmbeddings }

  func widths(_ residual: Residual, model: Model, host: Host) throws -> [Int] {
    let widths = Widths(residual, roundTo: options.roundTo, slicesHead: options.sliceHead)
    if let sparsity = options.sparsity { return widths.constant(sparsity: sparsity) }
    if let energy = options.energy { return try widths.byEnergy(losing: 1 - energy) }
    guard let goal = residual.goal else {
      throw PluginError(
        "there is neither a target nor a sparsity or an energy to keep", kind: .invalidOptions)
    }
    return options.spread == .constant
      ? try widths.constant(within: goal) : try widths.byEnergy(within: goal)
  }

  func orient(_ gram: Gram, model: Model, host: Host) throws -> [Double] {
    let basis = try host.eigen(gram.mean, n: gram.hidden).vectors
    return options.orientation == .pca ? basis : try turned(basis, gram, host)
  }

  /// R B for the rows that stay, with R [width, width] a random rotation (random_orthogonal_upper_left in rotate.py). The
  /// eigenvectors of a symmetric matrix of independent Gaussian elements are one, in no direction likelier than another
  /// if those on the diagonal have twice the variance.
  private func turned(_ basis: [Double], _ gram: Gram, _ host: Host) throws -> [Double] {
    let (width, hidden) = (gram.width, gram.hidden)
    let place = UInt64(gram.layer) << 1 | (gram.place.name == "mlp" ? 1 : 0)
    var noise: [Double] = []
    noise.reserveCapacity(width * width)
    for row in 0..<width {
      // The sum of twelve uniform numbers less six has mean 0 and variance 1, and is near enough to a Gaussian one.
      let uniform = host.random(stream: place << 32 | UInt64(row), count: 12 * width)
      for column in 0..<width {
        let normal = uniform[(12 * column)..<(12 * column + 12)].reduce(-6.0) { $0 + Double($1) }
        noise.append(row == column ? 2.0.squareRoot() * normal : normal)
      }
    }
    let rotation = try host.eigen(noise, n: width).vectors.map { Float($0) }
    let rows = try host.product(
      rotation, basis.prefix(width * hidden).map { Float($0) }, m: width, n: hidden, k: width)
    return rows.map { Double($0) } + basis[(width * hidden)...]
  }
}

extension Gram {
  fileprivate var layer: Int { place.layer }
}

private let library = Library([.transform(SliceGPT.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
