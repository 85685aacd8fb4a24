import ArgumentParser
import Pipeline

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lets a model go on with a text, to see what pruning has left of it.",
    discussion: """
      The prompt and what follows come out as they are made. Without --temperature the likeliest token is \
      taken each time.
      """)

  @Argument(help: "The model: a Hugging Face folder or a GGUF file.")
  var model: String

  @Option(name: .long, help: "The text to go on with.")
  var prompt: String

  @Option(name: .long, help: "How many tokens are added at most.")
  var maxTokens = 64

  @Option(name: .long, help: "How freely tokens are drawn: 0 takes the likeliest, 1 the model's own odds.")
  var temperature = 0.0

  @Option(name: .long, help: "The seed that tokens are drawn with.")
  var seed = 0

  @OptionGroup var work: WorkOptions

  func validate() throws {
    if maxTokens < 1 { throw ValidationError("--max-tokens \(maxTokens): expected at least 1") }
    if !(temperature >= 0 && temperature.isFinite) {
      throw ValidationError("--temperature \(temperature): expected at least 0")
    }
    if seed < 0 { throw ValidationError("--seed \(seed): expected at least 0") }
  }

  func run() throws {
    let request = GenerateRequest(
      modelPath: model, prompt: prompt, maximumTokens: maxTokens, temperature: temperature, seed: seed,
      threads: work.threadCount)
    try work.perform { progress, cancellation in
      // After the model is there: what can't be gone on with isn't printed.
      try Operations.generate(request, progress: progress, cancellation: cancellation) {
        // Nobody reads on: there is nothing more to do.
        if try !Output.text($0) { throw ExitCode.success }
      }
    }
    try Output.text("\n")
  }
}
