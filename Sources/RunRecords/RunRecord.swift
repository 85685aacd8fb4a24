import Foundation
import JSON

/// `run.json`: everything needed to repeat a run. Members that a file lacks are nil.
public struct RunRecord: Record, Equatable {
  /// The state of the run. Another version may have other words.
  public struct State: RawRepresentable, Storable, Equatable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let running = State(rawValue: "running")
    public static let finished = State(rawValue: "finished")
    public static let interrupted = State(rawValue: "interrupted")
    public static let failed = State(rawValue: "failed")
  }

  /// The program.
  package struct Tool: Record, Equatable {
    package var name: String?
    package var version: String?

    package static let layout = Layout<Tool>(
      Tool(), Field("name", \.name), Field("version", \.version))
  }

  /// A plugin and its library.
  public struct Plugin: Record, Equatable {
    public var id = ""
    public var version = ""
    public var library = ""
    /// The hash of the library, hexadecimal.
    public var sha256: String?
    /// The hash of the plugin.json that describes a plain function; nil for other plugins.
    public var definitionSHA256: String?

    package static let layout = Layout<Plugin>(
      Plugin(), Field("id", \.id), Field("version", \.version), Field("library", \.library),
      Field("sha256", \.sha256), Field("definition_sha256", \.definitionSHA256))
  }

  /// A file of the model, or of an evaluator's data. The hash tells whether two runs measured the same items.
  public struct File: Record, Equatable {
    /// The name of a model's file, within its folder.
    public var name: String?
    /// The path of data, as in the manifest.
    public var path: String?
    public var bytes: Int?
    /// Hexadecimal.
    public var sha256: String?

    package static let layout = Layout<File>(
      File(), Field("name", \.name), Field("path", \.path), Field("bytes", \.bytes),
      Field("sha256", \.sha256))
  }

  /// The model at the start.
  package struct Model: Record, Equatable {
    package var path: String?
    package var files: [File]?

    package static let layout = Layout<Model>(
      Model(), Field("path", \.path), Field("files", \.files))
  }

  /// The machine: what results and times depend on.
  public struct Machine: Record, Equatable {
    public var system: String?
    public var processor: String?
    public var cores: Int?
    public var memoryBytes: Int?

    /// This machine.
    public static var current: Machine {
      let info = ProcessInfo.processInfo
      var machine = Machine()
      machine.system = info.operatingSystemVersionString
      #if arch(x86_64)
        machine.processor = "x86_64"
      #elseif arch(arm64)
        machine.processor = "arm64"
      #else
        machine.processor = "other"
      #endif
      machine.cores = info.activeProcessorCount
      machine.memoryBytes = Int(clamping: info.physicalMemory)
      return machine
    }

    package static let layout = Layout<Machine>(
      Machine(), Field("system", \.system), Field("processor", \.processor), Field("cores", \.cores),
      Field("memory_bytes", \.memoryBytes))
  }

  package var tool: Tool?
  package var state: State?
  /// ISO 8601, UTC, milliseconds.
  package var started: String?
  package var seed: Int?
  package var threads: Int?
  package var model: Model?
  package var plugins: [Plugin]?
  package var data: [File]?
  package var machine: Machine?
  package var finished: String?
  package var seconds: Double?
  /// Why it failed.
  package var reason: String?

  package mutating func begin(at date: Date) {
    state = .running
    started = RunTime.text(date)
  }

  package mutating func end(_ state: State, since start: Date, at date: Date = Date(), reason: String? = nil)
  {
    self.state = state
    self.reason = reason
    finished = RunTime.text(date)
    seconds = (date.timeIntervalSince(start) * 1000).rounded() / 1000
  }

  package static let layout = Layout<RunRecord>(
    RunRecord(), Field("tool", \.tool), Field("state", \.state), Field("started", \.started),
    Field("seed", \.seed), Field("threads", \.threads), Field("model", \.model), Field("plugins", \.plugins),
    Field("data", \.data), Field("machine", \.machine), Field("finished", \.finished),
    Field("seconds", \.seconds), Field("reason", \.reason))
}
