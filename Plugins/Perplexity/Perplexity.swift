import PluginKit

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How surprised the model is by a text:
///
///     perplexity = exp( 1/N · Σ_windows Σ_t −ln p(x_t | x_0 … x_{t−1}) )
///
/// over all N predicted tokens. A document is cut into windows of `window` tokens, each read from position 0,
/// so that tokens 1 … of each are predicted; no special tokens. What is left at a document's end is dropped,
/// unless it is all of the document (so that documents that are windows already stay whole).
struct Perplexity: Evaluator {
  struct Options: Decodable {
    var window: Int
    var maxWindows: Int?
  }

  static let about = About(
    id: "adapt-pruner.perplexity", summary: "Perplexity by token over windows of a text.",
    options: [
      .data("data", "the text, or the token ids, to read"),
      .integer("window", default: 512, minimum: 2, "tokens in a window; the first is not predicted"),
      .optionalInteger("max_windows", minimum: 0, "only the first so many windows; null or 0: all"),
    ])

  let options: Options

  func evaluate(model: Model, host: Host, report: Report) throws {
    let corpus = try host.openData("data")
    var windows = corpus.documents.flatMap(windows(of:))
    if let most = options.maxWindows, most > 0 { windows = Array(windows.prefix(most)) }
    guard !windows.isEmpty else { throw PluginError("\(corpus.name) has no window of two tokens or more") }

    // [windows]: each the sum over its predicted tokens.
    let sums = try host.logLikelihood(of: windows).map { $0.reduce(0.0) { $0 - Double($1) } }
    let counts = windows.map { Double($0.count - 1) }
    let tokens = counts.reduce(0, +)
    let mean = sums.reduce(0, +) / tokens

    let names = (
      corpus.name + ".mean_nll@\(options.window)", corpus.name + ".token_perplexity@\(options.window)"
    )
    let error = standardError(of: mean, sums, counts)
    report.metric(names.0, mean, standardError: error, lowerIsBetter: true)
    // Delta method: d exp(m) = exp(m) dm.
    report.metric(names.1, exp(mean), standardError: error.map { exp(mean) * $0 }, lowerIsBetter: true)
    for (sum, count) in zip(sums, counts) { report.item(names.0, sum / count) }
  }

  private func windows(of document: UnsafeBufferPointer<Int32>) -> [UnsafeBufferPointer<Int32>] {
    if document.count < options.window { return document.count >= 2 ? [document] : [] }
    return (0..<(document.count / options.window)).map { index in
      UnsafeBufferPointer(rebasing: document[(index * options.window)..<((index + 1) * options.window)])
    }
  }

  /// Of a ratio of sums, the windows being the sample (Cochran, Sampling Techniques, 1977, section 6.4).
  private func standardError(of mean: Double, _ sums: [Double], _ counts: [Double]) -> Double? {
    let windows = Double(sums.count)
    guard windows > 1 else { return nil }
    let squares = zip(sums, counts).reduce(0.0) { $0 + ($1.0 - mean * $1.1) * ($1.0 - mean * $1.1) }
    return (squares * windows / (windows - 1)).squareRoot() / counts.reduce(0, +)
  }
}

private let library = Library([.evaluator(Perplexity.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
