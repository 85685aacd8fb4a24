import Wording

/// A pipeline in words, as `validate` prints it.
public enum PipelineText {
  public static func description(of manifest: Manifest) -> String {
    let title = manifest.name + (manifest.description.isEmpty ? "" : ": " + manifest.description) + "\n\n"
    var table = TextTable([.init("#", .right), .init("stage"), .init("does")])
    for (index, execution) in manifest.executions.enumerated() {
      let lines = execution.work.words(in: execution.round)
      for (line, words) in lines.enumerated() {
        table.add(line == 0 ? ["\(index + 1)", execution.label, words] : ["", "", words])
      }
    }
    return title + table.plain + "\nseed \(manifest.seed)\n"
  }
}
