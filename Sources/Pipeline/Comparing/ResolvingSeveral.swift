import Files
import Foundation
import JSON

// How the pipelines of a comparison are resolved together.

extension ManifestResolver {
  /// Resolves several pipelines for a comparison. A setting of an input applies to the pipelines that have the input. Any
  /// other setting applies to all.
  /// - Throws: `ManifestError` with the problems of all files, `CompareError` if no pipeline has an input that is set.
  public func resolve(
    files: [String], overrides: [Override]
  ) throws -> [(file: String, manifest: Manifest)] {
    let inputs = files.map(inputNames(of:))
    for override in overrides {
      guard let input = override.input, !files.isEmpty else { continue }
      // A file that can't be read is reported below.
      if inputs.allSatisfy({ $0?.contains(input) == false }) {
        throw CompareError.noSuchInput(setting: override.text, input: input)
      }
    }
    var problems: [(file: String, problem: ManifestProblem)] = []
    var resolved: [(file: String, manifest: Manifest)] = []
    for (file, names) in zip(files, inputs) {
      let own = overrides.filter { override in
        override.input.map { names?.contains($0) ?? true } ?? true
      }
      do throws(ManifestError) {
        resolved.append((file, try resolve(file: file, overrides: own)))
      } catch {
        problems += error.problems.map { (file, $0) }
      }
    }
    guard problems.isEmpty else {
      throw ManifestError(
        problems: problems.map { file, problem in
          guard overrides.contains(where: { $0.text == problem.source }) else { return problem }
          let misfits = problems.filter { $0.problem.source == problem.source }.map(\.file)
          return problem.with(settingOf: file, fitting: files.filter { !misfits.contains($0) })
        })
    }
    return resolved
  }

  /// Returns nil if the file can't be read.
  private func inputNames(of file: String) -> [String]? {
    let url = URL(
      fileURLWithPath: file, relativeTo: URL(fileURLWithPath: currentFolder, isDirectory: true))
    guard let bytes = try? ReadableFile.bytes(of: url.standardizedFileURL.path),
      let document = try? JSONValue(parsing: bytes)
    else { return nil }
    return document["inputs"]?.objectValue?.keys ?? []
  }
}

extension ManifestProblem {
  /// Adds the pipeline that a setting does not fit, and the pipelines that it fits.
  fileprivate func with(settingOf file: String, fitting others: [String]) -> ManifestProblem {
    let hint =
      others.isEmpty
      ? ""
      : "a setting goes to all pipelines, and this one fits \(others.joined(separator: ", ")): write it into the file"
    return ManifestProblem(
      source: "\(file), with \(source)", path: path, found: found, expected: expected,
      advice: [advice, hint].filter { !$0.isEmpty }.joined(separator: "; "))
  }
}

extension Override {
  /// The input that it changes, wholly or in part.
  fileprivate var input: String? { path.count > 1 && path.first == "inputs" ? path[1] : nil }
}
