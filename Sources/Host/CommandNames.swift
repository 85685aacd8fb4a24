import ArgumentParser
import Pipeline
import PluginRuntime

/// A command that there is none of, and what was probably meant.
struct UnknownCommand: Error, CustomStringConvertible {
  let given: String

  /// What other tools and this field call what is done here by another name.
  private static let others: [String: String] = [
    "prune": "run", "compress": "run", "slice": "run", "distill": "run", "train": "run", "finetune": "run",
    "start": "run", "exec": "run", "execute": "run", "pipeline": "run",
    "continue": "resume", "restart": "resume", "recover": "resume",
    "check": "validate", "verify": "validate", "lint": "validate", "plan": "validate", "estimate": "validate",
    "eval": "evaluate", "measure": "evaluate", "perplexity": "evaluate", "ppl": "evaluate",
    "score": "evaluate",
    "chat": "generate", "complete": "generate", "infer": "generate", "sample": "generate",
    "info": "inspect", "show": "inspect", "stats": "inspect", "summary": "inspect",
    "diff": "compare", "sweep": "compare", "html": "report", "list": "plugin", "describe": "plugin describe",
  ]

  /// nil if the arguments begin with a command, or with an option.
  init?(_ arguments: [String]) {
    guard let first = arguments.first, !first.hasPrefix("-"), first != "help" else { return nil }
    var known: [String] = []
    for command in AdaptPruner.configuration.subcommands {
      known.append(command._commandName)
      known += command.configuration.aliases
    }
    if known.contains(first) { return nil }
    given = first
  }

  var description: String {
    var names: [String] = []
    for command in AdaptPruner.configuration.subcommands where command.configuration.shouldDisplay {
      names.append(command._commandName)
    }
    let meant = Self.others[given.lowercased()].map { "did you mean \"\(Tool.name) \($0)\"?" }
    return "there is no command \"\(given)\"; "
      + (meant ?? NearestName.advice(for: given, among: names, called: "commands"))
      + " (\(Tool.name) --help tells about them)"
  }
}
