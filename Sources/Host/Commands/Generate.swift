import ArgumentParser
import ChatTemplates
import Pipeline
import Synchronization

/// `adapt-pruner generate`.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continues a text or a conversation, to show what pruning has left of a model.",
    discussion: """
      Prints a text prompt, and then each token as the model makes it. Without --temperature it takes the likeliest \
      token each time. Generation ends at the tokens that generation_config.json names.

      For a model that was trained on conversations:

        adapt-pruner generate MODEL --chat --system "Be brief." --user "What is a river?"
      """)

  @Argument(help: "The model: a Hugging Face folder or a GGUF file.")
  var model: String

  @Option(name: .long, help: "The text to continue.")
  var prompt: String?

  @Flag(
    name: .long,
    help: "Formats a conversation with the model's chat template, and generates the assistant's answer.")
  var chat = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --chat: what the system says. May be given several times.",
      discussion: "The conversation has the order of --system, --user and --assistant on the command line."),
    transform: { Turn("system", $0) })
  var system: [Turn] = []

  @Option(
    name: .long, help: "With --chat: what the user says. May be given several times.",
    transform: { Turn("user", $0) })
  var user: [Turn] = []

  @Option(
    name: .long, help: "With --chat: what the assistant has said. May be given several times.",
    transform: { Turn("assistant", $0) })
  var assistant: [Turn] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --chat: the current day for the template. Default: 2024-07-26.",
      valueName: "yyyy-mm-dd"))
  var date: String?

  @Option(
    name: .long,
    help: "The most tokens to add. Default: 64, or fewer if the model has fewer positions left.")
  var maxTokens: Int?

  @Option(
    name: .long, help: "0 takes the likeliest token each time, 1 samples with the model's own probabilities.")
  var temperature = 0.0

  @Option(name: .long, help: "The seed of the sampling.")
  var seed = 0

  @OptionGroup var work: WorkOptions

  /// A message, and its place on the command line.
  struct Turn: Sendable {
    let turn: ChatTurn
    let place: Int

    private static let places = Mutex(0)

    /// The argument parser calls this in the order of the options.
    init(_ role: String, _ content: String) {
      turn = ChatTurn(role: role, content: content)
      place = Self.places.withLock { place in
        place += 1
        return place
      }
    }
  }

  private var turns: [ChatTurn] { (system + user + assistant).sorted { $0.place < $1.place }.map(\.turn) }

  func validate() throws {
    if let maxTokens, maxTokens < 1 {
      throw ValidationError("--max-tokens \(maxTokens): expected at least 1")
    }
    if !(temperature >= 0 && temperature.isFinite) {
      throw ValidationError("--temperature \(temperature): expected at least 0")
    }
    if seed < 0 { throw ValidationError("--seed \(seed): expected at least 0") }
    if chat {
      if prompt != nil { throw ValidationError("--prompt: with --chat, give what you say as --user") }
      guard let last = turns.last else { throw ValidationError("--chat: say something with --user") }
      if last.role == "assistant" {
        throw ValidationError("--assistant: the assistant is to answer, so --user comes last")
      }
      if let date, TemplateDate(date) == nil {
        throw ValidationError("--date \(date): expected a day such as 2025-01-31")
      }
    } else {
      if !turns.isEmpty || date != nil {
        throw ValidationError("--system, --user, --assistant and --date belong to --chat")
      }
      if prompt == nil {
        throw ValidationError(
          "--prompt is missing: give a text to continue, or --chat and --user")
      }
    }
  }

  func run() throws {
    let day = date.flatMap(TemplateDate.init) ?? .usual
    try work.perform { progress, cancellation in
      try Operations.generate(
        chat ? .chat(turns, date: day) : .text(prompt ?? ""), modelPath: model,
        maximumTokens: maxTokens ?? 64, shortensToFit: maxTokens == nil, temperature: temperature,
        seed: seed, threads: work.threadCount, progress: progress, cancellation: cancellation
      ) {
        // The program is done when nobody reads its output.
        if try !Output.result($0) { throw ExitCode.success }
      }
    }
    try Output.text("\n")
  }
}
