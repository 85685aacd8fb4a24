import Files
import Foundation
import JSON
import PluginRuntime

/// Makes a `Manifest` of a pipeline's JSON: applies changes from the command line, fills in defaults, and
/// checks everything that can be checked before work starts.
public struct ManifestResolver: Sendable {
  public let catalog: PluginCatalog
  /// Where relative paths on the command line start.
  public let currentFolder: String
  /// Of plugins of stages that say nothing of it.
  public let isolation: Isolation?
  /// The kinds of stages that there are.
  package var kinds = StageKinds.shipped

  public init(
    catalog: PluginCatalog, currentFolder: String = FileManager.default.currentDirectoryPath,
    isolation: Isolation? = nil
  ) {
    self.isolation = isolation
    self.catalog = catalog
    self.currentFolder = currentFolder
  }

  /// - Throws: all problems that there are.
  public func resolve(file: String, overrides: [Override] = []) throws(ManifestError) -> Manifest {
    let url = URL(
      fileURLWithPath: file, relativeTo: URL(fileURLWithPath: currentFolder, isDirectory: true))
    let bytes: [UInt8]
    do {
      bytes = try ReadableFile.bytesOfFileOrStream(url.standardizedFileURL.path)
    } catch {
      throw ManifestError(problems: [
        NoPipeline.missing(file, at: url.standardizedFileURL.path, reason: error.reason)
      ])
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
    let folder = url.standardizedFileURL.deletingLastPathComponent().path
    return try resolve(document, file: file, folder: folder, overrides: overrides)
  }

  /// - Parameters:
  ///   - file: how the manifest is called in messages.
  ///   - folder: where its relative paths start.
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
    let fields = PipelineWords.fields
    guard let reader = ObjectReader(document, at: .root, keys: fields.keys, reading: reading) else {
      return nil
    }
    let stageReading = StageReading(
      reader.object, catalog, kinds: kinds, isolation: isolation, reading: reading)
    var words = fields.blank
    fields.read(&words, reader, stageReading)
    guard let list = reader.required("stages", expected: "a list of stages") else { return nil }
    stageReading.data.checkInputs()
    let fileName = (reading.file as NSString).lastPathComponent as NSString
    let stages = stageReading.stages(list, at: JSONPath.root.key("stages"))
    stageReading.data.reportUnused(in: list)
    guard reading.problems.isEmpty else { return nil }
    let manifest = Manifest(
      name: words.name ?? fileName.deletingPathExtension, description: words.description, seed: words.seed,
      stages: stages)
    guard Manifest.executionCount(stages) <= Manifest.mostExecutions else {
      reading.problem(
        JSONPath.root.key("stages"), "the repeats come to more than \(Manifest.mostExecutions) stages",
        advice: "lower \"times\"")
      return nil
    }
    checkDirectories(of: manifest, reading)
    checkTransforms(of: manifest, reading)
    return manifest
  }

  /// What changes a model comes before its residual stream is sliced, which is done once.
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

  /// Two saved models can't share a directory, nor can one stand within another.
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
