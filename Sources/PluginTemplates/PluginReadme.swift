/// What a person is told about the folder: its README, and what to type next.
extension PluginTemplate {
  /// "a criterion"
  public var kindWithArticle: String {
    switch kind {
    case .criterion, .compensator: "a \(kind.rawValue)"
    case .allocator, .evaluator: "an \(kind.rawValue)"
    }
  }

  public var languageName: String {
    switch language {
    case .c: "C"
    case .cpp: "C++"
    case .swift: "Swift"
    case .rust: "Rust"
    }
  }

  public var build: String {
    switch language {
    case .c, .cpp: "make"
    case .swift: "swift build"
    case .rust: "cargo build --offline"
    }
  }

  public var runTest: String {
    switch language {
    case .c, .cpp: "make test"
    case .swift: "swift test"
    case .rust: "cargo test --offline"
    }
  }

  /// Uses the plugin in the folder's own pipeline, called from the folder.
  public var use: String {
    let data =
      switch kind {
      case .criterion, .allocator: ""
      case .compensator: " --set inputs.calibration=FILE"
      case .evaluator: " --set inputs.evaluation=FILE"
      }
    return "adapt-pruner run pipeline.json --plugin-path . --model MODEL --output run\(data)"
  }

  /// The section of the header that is of this kind.
  private var section: String {
    switch kind {
    case .criterion: "4"
    case .allocator: "6"
    case .compensator: "8"
    case .evaluator: "7"
    }
  }

  private var fileTable: String {
    let rows: [(String, String)]
    switch language {
    case .c: rows = [("\(identifier).c", "the method"), ("test.c", "its test")]
    case .cpp:
      rows = [
        ("\(identifier).cpp", "the method"), ("border.hpp", "keeps exceptions on this side"),
        ("test.c", "its test, in C, as the host calls it"),
      ]
    case .swift:
      rows = [
        ("Sources/\(identifier)/Plugin.swift", "the method"),
        ("Sources/\(identifier)/Border.swift", "keeps errors on this side, and holds constants"),
        ("Tests/PluginTests", "its test"), ("Sources/PluginABI", "the host's header, as a module"),
      ]
    case .rust:
      rows = [
        ("src/lib.rs", "the method"), ("src/abi.rs", "the declarations of the host's header, in Rust"),
        ("src/border.rs", "keeps panics on this side"), ("src/tests.rs", "its test"),
      ]
    }
    let all =
      rows + [
        ("plugin.json", "by it the host finds the library, before loading it"),
        ("pipeline.json", "a pipeline that the plugin is part of"),
      ]
    return all.map { "| `\($0.0)` | \($0.1) |" }.joined(separator: "\n")
  }

  var readme: String {
    let header = language == .swift ? "Sources/PluginABI/adapt_pruner_plugin.h" : "adapt_pruner_plugin.h"
    return """
      # \(title)

      `\(id)` is \(kindWithArticle) for adapt-pruner, in \(languageName). \(summary) The formula
      stands above the code.

      | file | |
      |---|---|
      \(fileTable)

      Build it, run its test, let the host check it:

          \(build)
          \(runTest)
          adapt-pruner plugin check .

      Use it; MODEL is a Hugging Face folder or a GGUF file\(kind == .criterion || kind == .allocator ? "" : ", FILE a text"):

          \(use)

      The host finds it without `--plugin-path` once `~/.local/share/adapt-pruner/plugins` has a link to the folder.

      `\(header)` is the whole contract with the host: who owns what, how long it
      lives, which calls may fail and how. Sections 1, 2, 3 and 5 are for every plugin, section \(section) for \(kindWithArticle).
      Id, kind and version in `plugin.json` have to be those in the code. The licence there, 0BSD, is yours to change.

      """
  }
}
