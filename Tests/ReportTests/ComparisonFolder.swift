import Foundation

/// A comparison's folder, written by hand, that is there as long as this is.
final class ComparisonFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent("comparison-" + UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws {
    let file = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  func writeRecord(_ runs: [String], more: String = "") throws {
    let names = runs.map { "\"\($0)\"" }.joined(separator: ", ")
    try write("{\"runs\": [\(names)]\(more)}", to: "comparison.json")
  }

  /// The unpruned model, with items of 3, 4, 5 and 4 nats, and methods `m0`, `m1`, … at each target: the first harder by
  /// 0.5 nats on every item, each of the others by 0.5 than the one before.
  /// - Returns: the runs' names.
  func writeMethods(_ count: Int, targets: [Double]) throws -> [String] {
    let easy = [3.0, 4, 5, 4]
    try writeRun("dense", method: "dense", target: nil, items: easy)
    var names = ["dense"]
    for target in targets {
      for method in 0..<count {
        let name = "m\(method)-\(target)"
        try writeRun(
          name, method: "m\(method)", target: target, items: easy.map { $0 + 0.5 * Double(method + 1) },
          kept: [8, 4])
        names.append(name)
      }
    }
    return names
  }

  /// A finished run on a model of 1,000 parameters in two layers of 8 channels each.
  ///
  /// - Parameters:
  ///   - target: nil for a run that measures the model as it came.
  ///   - items: the negative log-likelihood of each window; the metric is their mean.
  ///   - kept: channels left in each layer.
  ///   - data: the hash of the evaluation's file, which every run finds at another place.
  func writeRun(
    _ name: String, method: String, target: Double?, seed: Int = 1, items: [Double?], kept: [Int] = [8, 8],
    data: String = "d1", model: String = "m1", seconds: Double = 10, spared: Double? = nil
  ) throws {
    let evaluate =
      "{\"stage\": \"evaluate\", \"name\": \"after\", \"evaluators\": [{\"id\": \"x.perplexity\", \"options\": {\"data\": "
      + "{\"path\": \"/\(name)/text\", \"format\": \"text\", \"name\": \"text\"}, \"window\": 4}}]}"
    let prune = target.map {
      "{\"stage\": \"prune\", \"name\": \"prune\", \"target\": {\"parameters\": \($0), \"of\": \"original\"}}, "
    }
    try write(
      "{\"name\": \"\(method)\", \"seed\": \(seed), \"stages\": [\(prune ?? "")\(evaluate)]}",
      to: "\(name)/manifest.json")
    try write(
      """
      {"state": "finished", "seed": \(seed), "threads": 2,
       "model": {"path": "/m", "files": [{"name": "model.safetensors", "bytes": 1, "sha256": "\(model)"}]},
       "data": [{"path": "/\(name)/text", "bytes": 1, "sha256": "\(data)"}]}
      """, to: "\(name)/run.json")
    let parameters = target.map { Int($0 * 1000) } ?? 1000
    let values = items.map { $0.map { "\($0)" } ?? "null" }.joined(separator: ", ")
    let finite = items.compactMap(\.self)
    let mean = finite.reduce(0, +) / Double(max(1, finite.count))
    try write(
      """
      {"evaluations": [{"stage": "after", "evaluator": "x.perplexity", "parameters": \(parameters),
       "macs_per_token": \(parameters), "seconds": 1, "metrics": [{"name": "text.mean_nll@4", "value": \(mean),
       "standard_error": 0.1, "lower_is_better": true}], "items": {"text.mean_nll@4": [\(values)]}}]}
      """, to: "\(name)/metrics.json")
    var events = [
      "{\"seconds\": 0, \"event\": \"run_started\", \"parameters\": 1000, \"macs_per_token\": 1000}"
    ]
    if target != nil {
      events.append("{\"seconds\": 1, \"event\": \"stage_started\", \"stage\": \"prune\"}")
      let layers = kept.enumerated().map { layer, count in
        let units = (0..<count).map(String.init).joined(separator: ", ")
        return
          "{\"statistics\": {\"layer_cosine\": \(0.5 + Double(layer))}, \"families\": {\"mlp\": {\"target_sparsity\": 0, "
          + "\"original_count\": 8, \"kept\": [\(units)]}}}"
      }
      try write(
        "{\"number\": 1, \"stage\": \"prune\", \"iteration\": 1, \"parameters\": \(parameters), \"macs_per_token\": "
          + "\(parameters), \"layers\": [\(layers.joined(separator: ", "))]}",
        to: "\(name)/iterations/001.json")
    }
    events.append("{\"seconds\": 2, \"event\": \"stage_started\", \"stage\": \"after\"}")
    if let spared {
      events.append(
        "{\"seconds\": 2, \"event\": \"spared\", \"stage\": \"prune\", \"work\": \"calibration\", \"what\": \"c\", "
          + "\"took\": \(spared)}")
    }
    events.append(
      "{\"seconds\": \(seconds), \"event\": \"run_finished\", \"peak_memory_bytes\": 2000000, \"parameters\": 1}"
    )
    try write(events.joined(separator: "\n") + "\n", to: "\(name)/events.jsonl")
  }
}
