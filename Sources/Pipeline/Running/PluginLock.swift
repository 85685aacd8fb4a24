import Files
import Foundation
import JSON
import PluginRuntime
import RunRecords

/// The plugins of an earlier run, with the hashes of their files. A locked run accepts no others.
public struct PluginLock: Sendable, Equatable {
  /// The path of the run's record.
  let file: String
  let plugins: [RunRecord.Plugin]

  /// A plugin that differs from the recorded one.
  public struct Difference: Error, Equatable, CustomStringConvertible {
    public let id: String
    /// The file that differs: the library, or the plugin.json of a plain function.
    let file: String
    /// SHA-256; nil if the record does not have it.
    let recorded: String?
    let found: String
    let record: String

    public var description: String {
      "the plugin \(id) is not the one in \(record) (\(file), recorded: "
        + (recorded.map { "SHA-256 \($0.prefix(12))" } ?? "nothing") + ", found: \(found.prefix(12))); "
        + "put that one back, or leave out --locked"
    }
  }

  /// - Parameter plugins: those without an id or a hash are ignored.
  init(file: String, plugins: [RunRecord.Plugin]) {
    self.file = file
    self.plugins = plugins.filter { !$0.id.isEmpty && $0.sha256 != nil }
  }

  /// Reads the record beside a pipeline.
  /// - Parameter pipeline: the path of a run's `manifest.json`.
  /// - Throws: `LockError` if there is no record beside it.
  public init(besidePipeline pipeline: String) throws {
    let file = (pipeline as NSString).deletingLastPathComponent
    let record = (file.isEmpty ? "." : file) + "/" + RunLayout.run
    guard let bytes = try? ReadableFile.bytes(of: record), let json = try? JSONValue(parsing: bytes),
      let plugins = RunRecord(json: json, for: .report)?.plugins
    else { throw LockError(pipeline: pipeline, record: record) }
    self.init(file: record, plugins: plugins)
  }

  /// Returns the recorded plugins that have changed. Loads none of them.
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

  /// Resolves a pipeline with the recorded plugins and no others. Compares them before any is loaded.
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

/// A pipeline has no record beside it, so there is nothing to lock to.
struct LockError: Error, CustomStringConvertible {
  let pipeline: String
  let record: String

  var description: String {
    "--locked: \(record), which would say which plugins \(pipeline) was run with, is missing or no run's record; "
      + "give the manifest.json of a run's folder"
  }
}

extension RunRecord.Plugin {
  /// Describes the installed plugin. Does not load it into this process.
  init(_ plugin: PluginDescription) throws {
    // Only the system's loader knows where a bare name leads.
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
