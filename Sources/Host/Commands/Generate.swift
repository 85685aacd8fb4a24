import ArgumentParser
import ChatTemplates
import Pipeline
import Synchronization

/// `adapt-pruner generate`.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lets a model go on with a text or a conversation, to see what pruning has left of it.",
    discussion: """
      What is made comes out as it is made, after the prompt if that is a text. Without --temperature the likeliest \
      token is taken each time. The model ends where its generation_config.json says.

      A model that was trained on conversations is asked so:

        adapt-pruner generate MODEL --chat --system "Be brief." --user "What is a river?"
      """)

  @Argument(help: "The model: a Hugging Face folder or a GGUF file.")
  var model: String

  @Option(name: .long, help: "The text to go on with.")
  var prompt: String?

  @Flag(
    name: .long,
    help: "Writes a conversation with the model's chat template, and lets the assistant answer.")
  var chat = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --chat: what the system says. May be given several times.",
      discussion: "--system, --user and --assistant make the conversation in the order in which they stand."),
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
      "With --chat: the day that the template is told when it asks for today's. Default: 2024-07-26.",
      valueName: "yyyy-mm-dd"))
  var date: String?

  @Option(
    name: .long,
    help: "How many tokens are added at most. Default: 64, or as many as the model has positions left.")
  var maxTokens: Int?

  @Option(name: .long, help: "How freely tokens are drawn: 0 takes the likeliest, 1 the model's own odds.")
  var temperature = 0.0

  @Option(name: .long, help: "The seed that tokens are drawn with.")
  var seed = 0

  @OptionGroup var work: WorkOptions

  /// What one side says, and when it stands on the command line.
  struct Turn: Sendable {
    let turn: ChatTurn
    let place: Int

    private static let places = Mutex(0)

    /// Options are read in their order, whatever their names.
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
          "--prompt is missing: which text is to be gone on with? Or give --chat and --user")
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
