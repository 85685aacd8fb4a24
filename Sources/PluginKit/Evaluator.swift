import PluginABI

/// How good is this model?
public protocol Evaluator {
  associatedtype Options: Decodable

  static var about: About { get }

  init(options: Options) throws

  /// Measures the model by way of `host.openData` and `host.logLikelihood`.
  func evaluate(model: Model, host: Host, report: Report) throws
}

/// Where an evaluator puts what it found.
public struct Report {
  let pointer: UnsafePointer<ap_metrics>

  /// A number, named by its definition: `wikitext2.token_perplexity@512`.
  public func metric(_ name: String, _ value: Double, standardError: Double? = nil, lowerIsBetter: Bool) {
    pointer.pointee.metric(pointer, name, value, standardError ?? .nan, lowerIsBetter ? 1 : 0)
  }

  /// One item's share of a metric; items of one name are numbered in the order given.
  public func item(_ name: String, _ value: Double) { pointer.pointee.item(pointer, name, value) }
}

/// Token sequences that the host has read: borrowed until the call ends.
public struct Corpus {
  public let name: String
  /// A text file is one document, a JSONL file has one a line.
  public let documents: [UnsafeBufferPointer<Int32>]
}

extension Host {
  /// What the data option `option` names.
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

  /// For each sequence ln p(tokens[t] | tokens[0 ..< t]) for t in `first` ..< its count; `first` is at least 1.
  /// Give as many sequences as you can at once.
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

/// An instance as it crosses the border: `void *instance`.
final class EvaluatorBox {
  let evaluator: any Evaluator

  init(_ evaluator: any Evaluator) { self.evaluator = evaluator }

  static func table(_ create: @escaping Slots.Create) -> ap_evaluator {
    ap_evaluator(
      struct_size: size(ap_evaluator.self), create: create,
      destroy: { instance in
        if let instance { Unmanaged<EvaluatorBox>.fromOpaque(instance).release() }
      },
      evaluate: { instance, host, model, sink in
        guard let instance, let host, let model, let sink else { return ap_status(AP_FAILED) }
        let box = Unmanaged<EvaluatorBox>.fromOpaque(instance).takeUnretainedValue()
        let services = Host(pointer: host)
        return services.status {
          try box.evaluator.evaluate(model: Model(model), host: services, report: Report(pointer: sink))
        }
      })
  }
}
