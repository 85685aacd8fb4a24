import Foundation
import RunRecords

/// The messages about a file that is no pipeline. They say what the file seems to be instead.
enum NoPipeline {
  /// - Parameters:
  ///   - file: the path as the user gave it.
  ///   - path: the absolute path.
  ///   - reason: the reason why it can't be read.
  static func missing(_ file: String, at path: String, reason: String) -> ManifestProblem {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    if exists, isFolder.boolValue {
      let manifest = FileManager.default.fileExists(atPath: path + "/" + RunLayout.manifest)
      return ManifestProblem(
        source: file, path: "", found: "this is a folder", expected: "a pipeline, which is a JSON file",
        advice: manifest ? "of a run's folder give \(file)/\(RunLayout.manifest)" : "")
    }
    let named = FileManager.default.fileExists(atPath: path + ".json")
    return ManifestProblem(
      source: file, path: "", found: exists ? "the file can't be read: \(reason)" : "there is no such file",
      advice: named ? "did you mean \(file).json?" : "")
  }

  /// What to do with a file that is not JSON. Empty if it looks like JSON with a mistake.
  static func advice(for bytes: [UInt8], file: String) -> String {
    if bytes.starts(with: Array("GGUF".utf8)) { return "this is a model; give it as --model" }
    let ending = (file as NSString).pathExtension.lowercased()
    let text = String(decoding: bytes.prefix(64 << 10), as: UTF8.self)
    let first =
      text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
      .first { !$0.isEmpty && !$0.hasPrefix("#") } ?? ""
    if first.hasPrefix("{") { return "" }
    if ending == "toml" || isTOML(first) {
      return write("TOML", "json, tomllib", "tomllib.load(sys.stdin.buffer)")
    }
    if ["yaml", "yml"].contains(ending) || isYAML(first) {
      return write("YAML", "json, yaml", "yaml.safe_load(sys.stdin)")
    }
    return "a pipeline is a JSON object: {\"stages\": […]}"
  }

  private static func write(_ language: String, _ modules: String, _ read: String) -> String {
    "this looks like \(language), and pipelines are JSON: write it as {\"stages\": […]}, or turn it into JSON with "
      + "python3 -c 'import sys, \(modules); print(json.dumps(\(read)))'"
  }

  private static func isYAML(_ line: String) -> Bool {
    line == "---" || line.hasPrefix("- ")
      || line.prefixMatch(of: /[ "]*[\p{L}_.\-][\p{L}\p{N}_.\-]*[ "]*:( |$)/) != nil
  }

  /// A table's header, or a key with a value.
  private static func isTOML(_ line: String) -> Bool {
    line.wholeMatch(of: /\[+[ "]*[\p{L}_.\-][\p{L}\p{N}_.\-]*[ "]*\](.*\])?/) != nil
      || line.prefixMatch(of: /[ "]*[\p{L}_.\-][\p{L}\p{N}_.\-]*[ "]*=/) != nil
  }
}
