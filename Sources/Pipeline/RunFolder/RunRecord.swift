import Foundation
import JSON
import PluginRuntime

/// `run.json`: what a run was made with, so that it can be made again.
public struct RunRecord: Sendable, Equatable {
  public enum State: Sendable, Equatable {
    case running
    case finished(Date)
    case interrupted(Date)
    case failed(Date, reason: String)
  }

  /// A plugin that the run uses, and the library that it came from.
  public struct Plugin: Sendable, Equatable {
    public let id: String
    public let version: String
    public let library: String
    /// Hexadecimal, of the library's file.
    public let sha256: String
    /// The same of the plugin.json that says how a plain function is called; nil for all others.
    public let definitionSHA256: String?

    public init(
      id: String, version: String, library: String, sha256: String, definitionSHA256: String? = nil
    ) {
      self.definitionSHA256 = definitionSHA256
      self.id = id
      self.version = version
      self.library = library
      self.sha256 = sha256
    }
  }

  /// A file of the model.
  public struct ModelFile: Sendable, Equatable {
    /// Within the model's folder.
    public let name: String
    public let bytes: Int
    /// Hexadecimal.
    public let sha256: String

    public init(name: String, bytes: Int, sha256: String) {
      self.name = name
      self.bytes = bytes
      self.sha256 = sha256
    }
  }

  /// A file that an evaluator reads: tells whether two runs measured the same items.
  public struct DataFile: Sendable, Equatable {
    /// As the manifest names it.
    public let path: String
    public let bytes: Int
    /// Hexadecimal.
    public let sha256: String

    public init(path: String, bytes: Int, sha256: String) {
      self.path = path
      self.bytes = bytes
      self.sha256 = sha256
    }
  }

  /// The machine, as far as results or times depend on it.
  public struct Machine: Sendable, Equatable {
    public let system: String
    public let processor: String
    public let cores: Int
    public let memoryBytes: Int

    public init(system: String, processor: String, cores: Int, memoryBytes: Int) {
      self.system = system
      self.processor = processor
      self.cores = cores
      self.memoryBytes = memoryBytes
    }

    /// The machine that this runs on.
    public static var current: Machine {
      let info = ProcessInfo.processInfo
      #if arch(x86_64)
        let processor = "x86_64"
      #elseif arch(arm64)
        let processor = "arm64"
      #else
        let processor = "other"
      #endif
      return Machine(
        system: info.operatingSystemVersionString, processor: processor, cores: info.activeProcessorCount,
        memoryBytes: Int(clamping: info.physicalMemory))
    }
  }

  public let toolVersion: String
  public let machine: Machine
  public let plugins: [Plugin]
  public let modelPath: String
  public let modelFiles: [ModelFile]
  public let data: [DataFile]
  public let seed: Int
  public let threads: Int
  public let started: Date
  public var state: State

  public init(
    toolVersion: String, machine: Machine, plugins: [Plugin], modelPath: String, modelFiles: [ModelFile],
    data: [DataFile] = [], seed: Int, threads: Int, started: Date, state: State
  ) {
    self.toolVersion = toolVersion
    self.machine = machine
    self.plugins = plugins
    self.modelPath = modelPath
    self.modelFiles = modelFiles
    self.data = data
    self.seed = seed
    self.threads = threads
    self.started = started
    self.state = state
  }

  public var json: JSONValue {
    var object: JSONObject = [
      "tool": ["name": "adapt-pruner", "version": .string(toolVersion)],
      "state": "running",
      "started": .string(RunTime.text(started)),
      "seed": .integer(seed), "threads": .integer(threads),
      "model": [
        "path": .string(modelPath),
        "files": .array(
          modelFiles.map {
            ["name": .string($0.name), "bytes": .integer($0.bytes), "sha256": .string($0.sha256)]
          }),
      ],
      "plugins": .array(plugins.map(\.json)),
      "data": .array(
        data.map {
          ["path": .string($0.path), "bytes": .integer($0.bytes), "sha256": .string($0.sha256)]
        }),
      "machine": [
        "system": .string(machine.system), "processor": .string(machine.processor),
        "cores": .integer(machine.cores), "memory_bytes": .integer(machine.memoryBytes),
      ],
    ]
    func ended(_ date: Date, _ word: JSONValue) {
      object["state"] = word
      object["finished"] = .string(RunTime.text(date))
      object["seconds"] = .number((date.timeIntervalSince(started) * 1000).rounded() / 1000)
    }
    switch state {
    case .running: break
    case .finished(let date): ended(date, "finished")
    case .interrupted(let date): ended(date, "interrupted")
    case .failed(let date, let reason):
      ended(date, "failed")
      object["reason"] = .string(reason)
    }
    return .object(object)
  }
}
