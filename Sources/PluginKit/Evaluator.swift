import PluginABI

/// Answers: how good is this model?
public protocol Evaluator: PluginMethod {
  /// Measures the model through `host.openData` and `host.logLikelihood`.
  func evaluate(model: Model, host: Host, report: Report) throws
}

/// Takes an evaluator's results.
public struct Report {
  let pointer: UnsafePointer<ap_metrics>

  /// Reports a number. Its name is its definition: `wikitext2.token_perplexity@512`.
  public func metric(_ name: String, _ value: Double, standardError: Double? = nil, lowerIsBetter: Bool) {
    pointer.pointee.metric(pointer, name, value, standardError ?? .nan, lowerIsBetter ? 1 : 0)
  }

  /// Reports one item's share of a metric. Items of one name are numbered in the order of the calls.
  public func item(_ name: String, _ value: Double) { pointer.pointee.item(pointer, name, value) }
}

/// Token sequences that the host has read. They are valid until the call ends.
public struct Corpus {
  public let name: String
  /// A text file is one document. A JSONL file has one document per line.
  public let documents: [UnsafeBufferPointer<Int32>]
}

extension Host {
  /// Opens the data that the option `option` names.
  public func openData(_ option: String) throws -> Corpus {
    var corpus = ap_corpus()
    corpus.struct_size = size(ap_corpus.self)
    try check(pointer.pointee.open_data(pointer, option, &corpus))
    return Corpus(
      name: String(cString: corpus.name),
      documents: (0..<Int(corpus.document_count)).map {
        UnsafeBufferPointer(start: corpus.tokens[$0], count: Int(corpus.lengths[$0]))
      })
  }

  /// Computes ln p(tokens[t] | tokens[0 ..< t]) of each sequence, for t from `first` to its end. `first` is at least 1.
  /// One call with many sequences is faster than many calls.
  public func logLikelihood(
    of sequences: [UnsafeBufferPointer<Int32>], from first: Int = 1
  ) throws -> [[Float]] {
    let out = sequences.map { UnsafeMutableBufferPointer<Float>.allocate(capacity: max(1, $0.count - first)) }
    defer { for buffer in out { buffer.deallocate() } }
    try check(
      pointer.pointee.log_likelihood(
        pointer, Int64(sequences.count), sequences.map(\.baseAddress), sequences.map { Int64($0.count) },
        sequences.map { _ in Int64(first) }, out.map(\.baseAddress)))
    return zip(sequences, out).map { sequence, out in Array(out.prefix(max(0, sequence.count - first))) }
  }
}

extension ap_evaluator {
  init(_ create: @escaping Slots.Create) {
    self.init(
      struct_size: size(ap_evaluator.self), create: create, destroy: destroyInstance,
      evaluate: { instance, host, model, sink in
        Box<any Evaluator>.call(instance, host, model) { box, model, host in
          try box.method.evaluate(model: model, host: host, report: Report(pointer: present(sink)))
        }
      })
  }
}
