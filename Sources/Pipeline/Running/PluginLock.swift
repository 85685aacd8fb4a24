import Files
import Foundation
import JSON
import PluginRuntime
import RunRecords

/// The plugins that a run was made with, as its record has them: by id, with the hashes of their files.
public struct PluginLock: Sendable, Equatable {
  /// The record.
  let file: String
  let plugins: [RunRecord.Plugin]

  /// Another plugin than the one that was recorded.
  public struct Difference: Error, Equatable, CustomStringConvertible {
    public let id: String
    /// What is other: the library, or the plugin.json of a plain function.
    let file: String
    /// SHA-256; nil: the record does not have it.
    let recorded: String?
    let found: String
    let record: String

    public var description: String {
      "the plugin \(id) is not the one in \(record) (\(file), recorded: "
        + (recorded.map { "SHA-256 \($0.prefix(12))" } ?? "nothing") + ", found: \(found.prefix(12))); "
        + "put that one back, or leave out --locked"
    }
  }

  /// - Parameter plugins: what has no id or hash tells nothing.
  init(file: String, plugins: [RunRecord.Plugin]) {
    self.file = file
    self.plugins = plugins.filter { !$0.id.isEmpty && $0.sha256 != nil }
  }

  /// The lock of a pipeline that comes from a run's folder.
  /// - Parameter pipeline: the path of a run's `manifest.json`.
  /// - Throws: `FileError` if there is no record beside it.
  public init(besidePipeline pipeline: String) throws {
    let file = (pipeline as NSString).deletingLastPathComponent
    let record = (file.isEmpty ? "." : file) + "/" + RunLayout.run
    guard let bytes = try? ReadableFile.bytes(of: record), let json = try? JSONValue(parsing: bytes),
      let plugins = RunRecord(json: json, for: .report)?.plugins
    else { throw LockError.noRecord(pipeline: pipeline, record: record) }
    self.init(file: record, plugins: plugins)
  }

  /// The recorded plugins that are others now. None of them is loaded.
  func differences(_ registry: PluginRegistry) throws -> [Difference] {
    try plugins.compactMap { recorded in
      let found = try RunRecord.Plugin(registry.find(recorded.id))
      func difference(_ file: String, _ before: String?, _ now: String?) -> Difference? {
        before == now
          ? nil
          : Difference(id: found.id, file: file, recorded: before, found: now ?? "nothing", record: self.file)
      }
      return difference(found.library, recorded.sha256, found.sha256)
        ?? difference("its plugin.json", recorded.definitionSHA256, found.definitionSHA256)
    }
  }

  /// Resolves a pipeline with the recorded plugins and no others: what they are is looked at before any is loaded.
  /// - Throws: the first difference, and what `resolve` throws.
  public func requiring(_ registry: PluginRegistry, _ resolve: () throws -> Manifest) throws -> Manifest {
    if let first = try differences(registry).first { throw first }
    let manifest = try resolve()
    for use in manifest.pluginUses where !plugins.contains(where: { $0.id == use.id }) {
      let found = try RunRecord.Plugin(registry.find(use.id))
      throw Difference(
        id: use.id, file: found.library, recorded: nil, found: found.sha256 ?? "nothing", record: file)
    }
    return manifest
  }
}

/// Why nothing can be locked to.
public enum LockError: Error, Equatable, CustomStringConvertible {
  case noRecord(pipeline: String, record: String)

  public var description: String {
    switch self {
    case .noRecord(let pipeline, let record):
      "--locked: \(record), which would say which plugins \(pipeline) was run with, is missing or no run's record; "
        + "give the manifest.json of a run's folder"
    }
  }
}

extension RunRecord.Plugin {
  /// What is there now. The plugin is not loaded into this process.
  init(_ plugin: PluginDescription) throws {
    // The system's loader alone knows where a bare name leads.
    let library =
      plugin.library.contains("/")
      ? plugin.library : try LoadedPlugin(loading: plugin, isolated: Isolation()).library
    self = .blank
    id = plugin.id
    version = plugin.version
    self.library = library
    sha256 = try FileHash.sha256(library)
    definitionSHA256 = plugin.function == nil ? nil : try FileHash.sha256(plugin.manifest)
  }
}
