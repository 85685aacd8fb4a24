import PluginABI
import Testing

/// The results that the plugin reports.
private final class Found {
  var metrics: [(name: String, value: Double, error: Double, lowerIsBetter: Int32)] = []
  var items: [Double] = []
}

/// Calls the plugin as the host does. The expected numbers are worked out by hand.
@Test func theMeanIsByTokenAndItsErrorByWindow() throws {
  let evaluator = try #require(table(AP_EVALUATOR, as: ap_evaluator.self))
  var (host, model, instance) = (ap_host(), ap_model(), UnsafeMutableRawPointer?.none)
  // Two documents. The first has 130 tokens: a window of 128 and one of 2. The second has one token and no window.
  host.open_data = { _, option, corpus in
    guard let option, let corpus, String(cString: option) == "data" else { return ap_status(AP_FAILED) }
    corpus.pointee.name = UnsafePointer(memory(Array("text".utf8CString)))
    corpus.pointee.document_count = 2
    let ids = Optional(UnsafePointer(memory([Int32](repeating: 0, count: 130))))
    corpus.pointee.tokens = UnsafePointer(memory([ids, ids]))
    corpus.pointee.lengths = UnsafePointer(memory([130, 1]))
    return ap_status(AP_OK)
  }
  // A model for which -ln p is 2 for every token of the first window, and 1 for those of the second.
  host.log_likelihood = { _, count, tokens, lengths, first, out in
    guard let lengths, let first, let out, count == 2, lengths[0] == 128, lengths[1] == 2 else {
      return ap_status(AP_FAILED)
    }
    for window in 0..<2 {
      for token in 0..<Int(lengths[window] - first[window]) { out[window]?[token] = window == 0 ? -2 : -1 }
    }
    return ap_status(AP_OK)
  }
  let found = Found()
  var sink = ap_metrics()
  sink.context = Unmanaged.passUnretained(found).toOpaque()
  sink.metric = { sink, name, value, error, lowerIsBetter in
    guard let name, let context = sink?.pointee.context else { return }
    Unmanaged<Found>.fromOpaque(context).takeUnretainedValue()
      .metrics.append((String(cString: name), value, error, lowerIsBetter))
  }
  sink.item = { sink, _, value in
    guard let context = sink?.pointee.context else { return }
    Unmanaged<Found>.fromOpaque(context).takeUnretainedValue().items.append(value)
  }

  try #require(evaluator.create(&host, #"{"data":"text.txt"}"#, &instance) == ap_status(AP_OK))
  defer { evaluator.destroy(instance) }
  try withExtendedLifetime(found) {
    try #require(evaluator.evaluate(instance, &host, &model, &sink) == ap_status(AP_OK))
  }
  #expect(found.items == [2, 1])
  let metric = try #require(found.metrics.first)
  #expect(found.metrics.count == 1 && metric.name == "text.token_nll@128" && metric.lowerIsBetter != 0)
  #expect(metric.value == 255.0 / 128)  // (127 · 2 + 1 · 1) / (127 + 1)
  // The windows' sums are 127/128 above and below the mean's share: sqrt(2 / 1 · 2 (127/128)²) / 128
  #expect(abs(metric.error - 254.0 / 16384) < 1e-12)
}
