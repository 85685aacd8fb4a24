import Files
import Foundation
import JSON
import PluginRuntime

/// Makes a `Manifest` of a pipeline's JSON. It applies the changes of the command line, fills in defaults, and makes
/// every check that needs no model.
public struct ManifestResolver: Sendable {
  public let catalog: PluginCatalog
  /// Relative paths on the command line start here.
  public let currentFolder: String
  /// The isolation of plugins whose stage doesn't say.
  public let isolation: Isolation?
  /// The kinds of stages that a pipeline may have.
  package var kinds = StageKinds.shipped

  public init(
    catalog: PluginCatalog, currentFolder: String = FileManager.default.currentDirectoryPath,
    isolation: Isolation? = nil
  ) {
    (self.catalog, self.currentFolder, self.isolation) = (catalog, currentFolder, isolation)
  }

  /// - Throws: all problems of the file.
  public func resolve(file: String, overrides: [Override] = []) throws(ManifestError) -> Manifest {
    let current = URL(fileURLWithPath: currentFolder, isDirectory: true)
    let url = URL(fileURLWithPath: file, relativeTo: current).standardizedFileURL
    let bytes: [UInt8]
    do {
      bytes = try ReadableFile.bytesOfFileOrStream(url.path)
    } catch {
      throw ManifestError(problems: [NoPipeline.missing(file, at: url.path, reason: error.reason)])
    }
    let document: JSONValue
    do {
      document = try JSONValue(parsing: bytes)
    } catch {
      throw ManifestError(problems: [
        ManifestProblem(
          source: "\(file):\(error.line):\(error.column)", path: "", found: error.reason,
          advice: NoPipeline.advice(for: bytes, file: file))
      ])
    }
    return try resolve(
      document, file: file, folder: url.deletingLastPathComponent().path, overrides: overrides)
  }

  /// - Parameters:
  ///   - file: the name of the manifest in messages.
  ///   - folder: the start of its relative paths.
  public func resolve(
    _ document: JSONValue, file: String, folder: String, overrides: [Override] = []
  ) throws(ManifestError) -> Manifest {
    var document = document
    var changes: [(path: JSONPath, text: String)] = []
    var misplaced: [ManifestProblem] = []
    for override in overrides {
      do {
        changes.append((try override.apply(to: &document), override.text))
      } catch {
        misplaced.append(error)
      }
    }
    let reading = ManifestReading(
      file: file, manifestFolder: folder, currentFolder: currentFolder, changes: changes)
    let manifest = read(document, reading)
    let problems = misplaced + reading.problems
    guard let manifest, problems.isEmpty else { throw ManifestError(problems: problems) }
    return manifest
  }

  private func read(_ document: JSONValue, _ reading: ManifestReading) -> Manifest? {
    let fields = Manifest.fields
    guard let reader = ObjectReader(document, at: .root, keys: fields.keys, reading: reading) else {
      return nil
    }
    let stageReading = StageReading(
      reader.object, catalog, kinds: kinds, isolation: isolation, reading: reading)
    var manifest = fields.blank
    fields.read(&manifest, reader, stageReading)
    guard let list = reader.required("stages", expected: "a list of stages") else { return nil }
    manifest.stages = stageReading.stages(list, at: JSONPath.root.key("stages"))
    stageReading.reportUnused(in: list)
    guard reading.problems.isEmpty else { return nil }
    if manifest.name.isEmpty {
      let file = (reading.file as NSString).lastPathComponent as NSString
      manifest.name = file.deletingPathExtension
    }
    guard Manifest.executionCount(manifest.stages) <= Manifest.mostExecutions else {
      reader.problem(
        "stages", "the repeats come to more than \(Manifest.mostExecutions) stages",
        advice: "lower \"times\"")
      return nil
    }
    checkDirectories(of: manifest, reading)
    checkTransforms(of: manifest, reading)
    return manifest
  }

  /// Notes stages that change a model whose residual stream an earlier stage has sliced.
  private func checkTransforms(of manifest: Manifest, _ reading: ManifestReading) {
    var transform: StageExecution?
    for execution in manifest.executions where !execution.work.leavesModel {
      if let transform {
        reading.problem(
          execution.path,
          "\"\(execution.label)\" would change a model whose residual stream \"\(transform.label)\" has sliced",
          expected: "only evaluate and save stages behind a transform stage",
          advice: "put it before the transform stage, or leave one of them out")
      }
      if execution.work is TransformStage { transform = transform ?? execution }
    }
  }

  /// Notes saved models that share a directory, or stand within another's.
  private func checkDirectories(of manifest: Manifest, _ reading: ManifestReading) {
    var saved: [(directory: String, label: String)] = []
    for execution in manifest.executions {
      guard let work = execution.work as? SaveStage else { continue }
      let mine = work.directory + "/"
      if let other = saved.first(where: { mine.hasPrefix($0.directory) || $0.directory.hasPrefix(mine) }) {
        reading.problem(
          execution.path.key("directory"),
          "\"\(work.directory)\" is where the stage \"\(other.label)\" saves its model",
          advice: "give each save stage a \"directory\" of its own")
      }
      saved.append((mine, execution.label))
    }
  }
}
