/// What the user reads about the folder: its README, and the next commands.
extension PluginTemplate {
  /// "a criterion"
  public var kindWithArticle: String {
    switch kind {
    case .criterion, .compensator: "a \(kind.rawValue)"
    case .allocator, .evaluator: "an \(kind.rawValue)"
    }
  }

  /// The language's name, and the commands that build the folder and run its test.
  public var tools: (language: String, build: String, test: String) {
    switch language {
    case .c: ("C", "make", "make test")
    case .cpp: ("C++", "make", "make test")
    case .swift: ("Swift", "swift build", "swift test")
    case .rust: ("Rust", "cargo build --offline", "cargo test --offline")
    }
  }

  /// The command that runs the folder's pipeline, typed in the folder.
  public var use: String {
    let data = needs.input.map { " --set inputs.\($0)=FILE" } ?? ""
    return "adapt-pruner run pipeline.json --plugin-path . --model MODEL --output run\(data)"
  }

  /// The header's section for this kind, and the pipeline's input for its data.
  private var needs: (section: Int, input: String?) {
    switch kind {
    case .criterion: (4, nil)
    case .allocator: (6, nil)
    case .compensator: (8, "calibration")
    case .evaluator: (7, "evaluation")
    }
  }

  private var fileTable: String {
    let own =
      switch language {
      case .c: [("\(identifier).c", "the method"), ("test.c", "its test")]
      case .cpp:
        [
          ("\(identifier).cpp", "the method"), ("border.hpp", "keeps exceptions on this side"),
          ("test.c", "its test, in C, as the host calls it"),
        ]
      case .swift:
        [
          ("Sources/\(identifier)/Plugin.swift", "the method"),
          ("Sources/\(identifier)/Border.swift", "keeps errors on this side, and holds constants"),
          ("Tests/PluginTests", "its test"), ("Sources/PluginABI", "the host's header, as a module"),
        ]
      case .rust:
        [
          ("src/lib.rs", "the method"), ("src/abi.rs", "the declarations of the host's header, in Rust"),
          ("src/border.rs", "keeps panics on this side, and holds constants"), ("src/tests.rs", "its test"),
        ]
      }
    let all =
      own + [
        ("plugin.json", "tells the host about the library before it is loaded"),
        ("pipeline.json", "a pipeline that uses the plugin"),
      ]
    return all.map { "| `\($0.0)` | \($0.1) |" }.joined(separator: "\n")
  }

  var readme: String {
    let header = language == .swift ? "Sources/PluginABI/adapt_pruner_plugin.h" : "adapt_pruner_plugin.h"
    return """
      # \(title)

      `\(id)` is \(kindWithArticle) for adapt-pruner, in \(tools.language). \(summary) The formula
      stands above the code.

      | file | |
      |---|---|
      \(fileTable)

      Build it, run its test, let the host check it:

          \(tools.build)
          \(tools.test)
          adapt-pruner plugin check .

      Use it. MODEL is a Hugging Face folder or a GGUF file\(needs.input == nil ? "" : ", FILE a text file"):

          \(use)

      Put a link to the folder into `~/.local/share/adapt-pruner/plugins`: then the host finds it without `--plugin-path`.

      `\(header)` is the whole contract with the host: who owns what, how long it
      lives, which calls may fail and how. Sections 1, 2, 3 and 5 are for every plugin. Section \(needs.section) is for \(kindWithArticle).
      The id, kind and version in `plugin.json` must equal those in the code. You may change the code's licence, 0BSD.

      """
  }
}
