import Foundation
import JSON
import PluginRuntime

extension Operations {
  /// Reads the data that a `plugin.json` names for the checks of its plugin. There is no tokenizer: each byte of a text is
  /// a token. Lists of token ids are taken as they are.
  /// - Parameters:
  ///   - value: a path or an object with `path`, as in a pipeline. It is relative to the folder of the `plugin.json`.
  ///   - manifest: the path of the `plugin.json`.
  /// - Throws: `ManifestError`, `DataError`
  public static func testData(
    ofOption option: String, _ value: JSONValue, in manifest: String
  ) throws -> HostServices.Corpus {
    let folder = (manifest as NSString).deletingLastPathComponent
    let reading = ManifestReading(file: manifest, manifestFolder: folder, currentFolder: folder)
    let stage = StageReading([:], PluginCatalog(entries: []), reading: reading)
    let place = JSONPath.root.key("check").key("options").key(option)
    guard let source = stage.source(value, at: place) else {
      throw ManifestError(problems: reading.problems)
    }
    let corpus = try source.load(vocabularySize: 1 << 18) { $0.utf8.map { Int32($0) } }
    return HostServices.Corpus(name: corpus.name, documents: corpus.documents)
  }
}
