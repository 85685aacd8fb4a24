import ArgumentParser
import Pipeline
import PluginRuntime

/// An unknown command, and the command that was probably meant.
struct UnknownCommand: Error, CustomStringConvertible {
  let given: String

  /// Names that other tools have for these commands.
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

  /// Returns nil if the arguments begin with a command or an option.
  init?(_ arguments: [String]) {
    guard let first = arguments.first, !first.hasPrefix("-"), first != "help" else { return nil }
    let known = AdaptPruner.configuration.subcommands.flatMap { [$0._commandName] + $0.configuration.aliases }
    if known.contains(first) { return nil }
    given = first
  }

  var description: String {
    let commands = AdaptPruner.configuration.subcommands.filter { $0.configuration.shouldDisplay }
    let names = commands.map { $0._commandName }
    let meant = Self.others[given.lowercased()].map { "did you mean \"\(Tool.name) \($0)\"?" }
    return "there is no command \"\(given)\"; "
      + (meant ?? NearestName.advice(for: given, among: names, called: "commands"))
      + " (\(Tool.name) --help tells about them)"
  }
}
