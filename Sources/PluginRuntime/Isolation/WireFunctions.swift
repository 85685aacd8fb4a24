import PluginABI

/// A function that one side of a worker's socket calls and the other side answers.
struct WireFunction<Asked: WireValue, Answer: WireValue>: Sendable {
  let name: String

  init(_ name: String) { self.name = name }
}

/// All functions of the protocol.
enum WireFunctions {
  // The host calls the worker.
  static let load = WireFunction<Hello, PluginAbout>("load")
  static let create = WireFunction<Making, Made>("create")
  static let destroy = WireFunction<Int, Nothing>("destroy")
  static let score = WireFunction<InstanceCall<UnitsRequest>, [Float]>("score")
  static let allocate = WireFunction<InstanceCall<AllocationRequest>, [[Share]]>("allocate")
  static let compensate = WireFunction<InstanceCall<ProjectionRequest>, CompensatedProjection>("compensate")
  static let widths = WireFunction<InstanceCall<ResidualRequest>, [Int]>("widths")
  static let orient = WireFunction<InstanceCall<OrientRequest>, [Double]>("orient")
  static let evaluate = WireFunction<InstanceCall<Nothing>, EvaluationResult>("evaluate")

  // The worker calls the host in the middle of a call.
  static let openData = WireFunction<String, HostServices.Corpus>("open_data")
  static let logLikelihood = WireFunction<[HostServices.ScoredSequence], [[Float]]>("log_likelihood")

  // The worker gives notice, from any thread.
  static let log = WireFunction<LogLine, Nothing>("log")
  static let progress = WireFunction<ProgressNotice, Nothing>("progress")
  static let drewRandomNumbers = WireFunction<Nothing, Nothing>("drew_random_numbers")
}

struct Nothing {}

/// The host's first call. These fields come first in every version of the protocol.
struct Hello {
  /// The version of the protocol.
  var version: Int
  /// The path of the `plugin.json`, which the worker reads again.
  var manifest: String
  var id: String
}

/// The request for a new instance.
struct Making {
  /// JSON.
  var options: String
  var seed: UInt64
}

/// A new instance.
struct Made {
  /// Its number in later calls.
  var instance: Int
  var statistics: [Statistic]
  var traits: [Trait]
}

/// A request to an instance.
struct InstanceCall<Request: WireValue> {
  var instance: Int
  var model: ModelSummary
  var request: Request
}

struct LogLine {
  var level: HostServices.LogLevel
  var sentence: String
}

struct ProgressNotice {
  var done: Int
  var total: Int
}

/// Why a call has no answer.
struct CallFailure {
  /// The function in which the plugin refused; nil if the host or the worker found a fault.
  var function: String?
  /// An `ap_status`.
  var status = AP_FAILED
  var sentence: String?
}

extension CallFailure {
  /// A refusal keeps its status. Other errors keep only their sentence.
  init(_ error: any Error) {
    if case .refused(_, let function, let status, let sentence) = error as? PluginError {
      self.init(function: function, status: status.number, sentence: sentence)
    } else {
      self.init(status: error is CancellationError ? AP_CANCELLED : AP_FAILED, sentence: "\(error)")
    }
  }

  func error(of plugin: String) -> PluginError {
    guard let function else { return .inWorker(sentence: sentence ?? "") }
    return .refused(
      plugin: plugin, function: function, status: CallStatus(number: status), sentence: sentence)
  }
}
