import PluginABI

/// __SUMMARY__
///
///     m = sum of S_i / sum of n_i          S_i = sum over the tokens t of window i of -ln p(t | those before it)
///
/// A document is cut into windows of 128 tokens. The last one may be shorter. The first token of a window is not
/// predicted; n_i counts the others. The standard error is that of a ratio of sums over the sample of W windows:
///
///     sqrt( W / (W - 1) * sum of (S_i - m n_i)^2 ) / sum of n_i
enum TokenSurprise {
  static let window = 128

  /// S and n of a window.
  struct Sum {
    var surprise: Double
    var tokens: Double
  }

  /// Windows of two tokens or more. A window of one token predicts nothing.
  static func windows(of corpus: ap_corpus) throws -> [UnsafeBufferPointer<Int32>] {
    try (0..<Int(corpus.document_count)).flatMap { index in
      let length = Int(try present(corpus.lengths)[index])
      let document = UnsafeBufferPointer(start: try present(corpus.tokens)[index], count: length)
      return stride(from: 0, to: length - 1, by: window).map {
        UnsafeBufferPointer(rebasing: document[$0..<min($0 + window, length)])
      }
    }
  }

  static func measure(
    _ windows: [UnsafeBufferPointer<Int32>], host: UnsafePointer<ap_host>
  ) throws -> [Sum] {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: windows.count * window)
    values.initialize(repeating: 0)
    defer { values.deallocate() }
    let out = windows.indices.map { index in values.baseAddress.map { $0 + index * window } }
    try check(
      host.pointee.log_likelihood?(
        host, Int64(windows.count), windows.map(\.baseAddress), windows.map { Int64($0.count) },
        windows.map { _ in 1 }, out))
    return windows.enumerated().map { index, tokens in
      let predicted = values[(index * window)..<(index * window + tokens.count - 1)]
      return Sum(surprise: predicted.reduce(0) { $0 - Double($1) }, tokens: Double(predicted.count))
    }
  }

  /// The mean by token, and its standard error. A single window has no error: NaN.
  static func mean(of sums: [Sum]) -> (value: Double, error: Double) {
    let (windows, tokens) = (Double(sums.count), sums.reduce(0) { $0 + $1.tokens })
    let mean = sums.reduce(0) { $0 + $1.surprise } / tokens
    let squares = sums.map { $0.surprise - mean * $0.tokens }.reduce(0) { $0 + $1 * $1 }
    return (mean, windows > 1 ? (windows / (windows - 1) * squares).squareRoot() / tokens : .nan)
  }
}

private let table = ap_evaluator(
  struct_size: size(ap_evaluator.self),
  create: createNothing,  // the host reads the one option, "data"
  destroy: destroyNothing,
  evaluate: { _, host, model, sink in
    guarded(host) { host in
      let sink = try present(sink)
      var corpus = ap_corpus()
      corpus.struct_size = size(ap_corpus.self)
      try check(host.pointee.open_data?(host, "data", &corpus))
      let windows = try TokenSurprise.windows(of: corpus)
      guard !windows.isEmpty else {
        throw Failure(sentence: "the data has no document of two tokens or more")
      }
      let sums = try TokenSurprise.measure(windows, host: host)
      let name = "\(String(cString: try present(corpus.name))).token_nll@\(TokenSurprise.window)"
      for sum in sums { sink.pointee.item?(sink, name, sum.surprise / sum.tokens) }
      let mean = TokenSurprise.mean(of: sums)
      sink.pointee.metric?(sink, name, mean.value, mean.error, 1)
    }
  })

nonisolated(unsafe) private let plugin = library(
  of: AP_EVALUATOR, table,
  statistics: [],
  options:
    """
    {"type": "object", "required": ["data"], "properties": {"data": {"format": "adapt-pruner-data",
      "description": "the text, or the token ids, to read"}}}
    """)

@c(adapt_pruner_plugin) public func entry() -> UnsafePointer<ap_library> { plugin }
