import JSON
import PluginRuntime

/// A command of the driver.
enum Command {
  /// Token sequences, and the number of sequences in a mini-batch.
  case calibrate([[Int32]], batchSize: Int)
  case forward([[Int32]])
  /// One optimizer step of full training, which continues from the previous step.
  case train([[Int32]], learningRate: Double)
  case sgemm
  case quit

  /// - Throws: `CommandError`.
  init(parsing line: String) throws(CommandError) {
    let request: JSONValue
    do { request = try JSONValue(parsing: line) } catch { throw .notJSON(error) }
    guard let name = request["command"]?.stringValue else { throw .noCommand }
    switch name {
    case "calibrate":
      let batchSize = request["batch_size"] ?? 16
      guard let batchSize = batchSize.integerValue, batchSize > 0 else { throw .badBatchSize }
      self = .calibrate(try Command.ids(request), batchSize: batchSize)
    case "forward": self = .forward(try Command.ids(request))
    case "train":
      let rate = request["learning_rate"] ?? 1e-5
      guard let rate = rate.numberValue, rate >= 0, rate.isFinite else { throw .badLearningRate }
      self = .train(try Command.ids(request), learningRate: rate)
    case "sgemm": self = .sgemm
    case "quit": self = .quit
    default: throw .unknown(name)
    }
  }

  private static func ids(_ request: JSONValue) throws(CommandError) -> [[Int32]] {
    guard let sequences = request["ids"]?.arrayValue, !sequences.isEmpty else { throw .badIDs }
    return try sequences.map { sequence throws(CommandError) in
      let tokens = sequence.arrayValue?.map { $0.integerValue.flatMap { Int32(exactly: $0) } } ?? [nil]
      guard !tokens.contains(nil) else { throw .badIDs }
      return tokens.compactMap(\.self)
    }
  }
}

enum CommandError: Error, CustomStringConvertible {
  case notJSON(JSONSyntaxError)
  case noCommand
  case unknown(String)
  case badIDs
  case badBatchSize
  case badLearningRate

  var description: String {
    switch self {
    case .notJSON(let error): "the request is no JSON: \(error)"
    case .noCommand: "the request has no \"command\", or one that is no string"
    case .unknown(let name): "unknown command \(name); known: calibrate, forward, train, sgemm, quit"
    case .badIDs: "\"ids\" must be a list of lists of token ids, at least one"
    case .badLearningRate: "\"learning_rate\" must be a number of at least 0"
    case .badBatchSize: "\"batch_size\" must be a whole number of at least 1"
    }
  }
}
