import ChatTemplates
import JSON
import Tensors
import Tokenizers
import Transformer
import Wording

/// What a model continues.
public enum Prompt: Sendable {
  case text(String)
  /// A conversation, formatted by the model's chat template. `date` is the template's current day.
  case chat([ChatTurn], date: TemplateDate)
}

/// One message of a conversation.
public struct ChatTurn: Sendable, Equatable {
  /// `system`, `user` or `assistant`.
  public let role: String
  public let content: String

  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

extension Operations {
  /// Continues a prompt.
  /// - Parameters:
  ///   - maximumTokens: the most tokens to add.
  ///   - shortensToFit: whether to add fewer tokens if the model has too few positions. Otherwise that is an error.
  ///   - temperature: 0 takes the likeliest token each time.
  ///   - emit: receives a text prompt first, then text as the model makes it.
  /// - Throws: `GeneratingError`, and what reading the model throws.
  public static func generate(
    _ prompt: Prompt, modelPath: String, maximumTokens: Int, shortensToFit: Bool, temperature: Double,
    seed: Int,
    threads: Int, progress: any ProgressReporter, cancellation: Cancellation, emit: (String) throws -> Void
  ) throws {
    let model = try LoadedModel(path: modelPath, threads: threads)
    let tokenizer = try model.tokenizer()
    let start: [Int32]
    switch prompt {
    case .text(let prompt):
      // An unreadable template does no harm here.
      if let template = try? model.chatTemplate(), !template.text.isEmpty {
        progress.note(
          "\(model.path) has a chat template, so it may expect a conversation, and a bare prompt is not one; "
            + "use --chat --user TEXT")
      }
      start = try model.start(of: prompt, tokenizer)
    case .chat(let turns, let date):
      // The template writes the special tokens itself.
      start = tokenizer.encode(try model.conversation(turns, date: date))
    }
    try model.check(start)
    let ends = try model.stopTokens()
    let capacity = try model.capacity(adding: maximumTokens, to: start.count, shortensToFit: shortensToFit)
    let count = capacity - start.count
    let generator = try Generator(model.decoder, capacity: capacity, workers: Workers(count: threads))
    var sampler = Sampler(temperature: temperature, seed: UInt64(bitPattern: Int64(seed)))
    var text = tokenizer.streamingDecoder(skipSpecialTokens: true)
    if case .text(let prompt) = prompt { try emit(prompt) }
    var logits = try generator.read(start)
    for step in 0..<count {
      try cancellation.check()
      let token = sampler.next(logits)
      if ends.contains(token), !model.showsEnds { break }
      try emit(text.append(token))
      if ends.contains(token) { break }
      if step + 1 < count { logits = try generator.read([token]) }
    }
    try emit(text.finish())
  }
}

extension LoadedModel {
  /// Whether an end token that is not special belongs to the text. It does in transformers, but not in llama.cpp.
  fileprivate var showsEnds: Bool { if case .huggingFace = source.format { true } else { false } }

  /// Returns the conversation as the model reads it, with the start of the assistant's next message.
  /// - Throws: `GeneratingError`, and what the template throws.
  package func conversation(_ turns: [ChatTurn], date: TemplateDate) throws -> String {
    guard let source = try chatTemplate() else { throw GeneratingError.noChatTemplate(model: path) }
    let messages = turns.map {
      JSONValue.object(["role": .string($0.role), "content": .string($0.content)])
    }
    do {
      return try ChatTemplate(parsing: source.text).render(
        messages: .array(messages), addGenerationPrompt: true, variables: source.variables, date: date)
    } catch {
      throw GeneratingError.template(error.description(of: source.file))
    }
  }

  /// Returns the ids of a text. For an empty text, returns the id that texts begin with.
  fileprivate func start(of prompt: String, _ tokenizer: Tokenizer) throws -> [Int32] {
    let ids = tokenizer.encode(prompt, addSpecialTokens: true)
    if !ids.isEmpty { return ids }
    guard let begin = tokenizer.bosID ?? tokenizer.eosIDs.first else {
      throw GeneratingError.nothingToBeginWith(model: path)
    }
    return [begin]
  }

  fileprivate func check(_ ids: [Int32]) throws(GeneratingError) {
    guard let stranger = ids.first(where: { $0 < 0 || Int($0) >= decoder.vocabulary }) else { return }
    throw .beyondModel(id: Int(stranger), vocabulary: decoder.vocabulary)
  }

  /// Returns the number of tokens of prompt and answer together, if positions and memory suffice.
  fileprivate func capacity(
    adding maximumTokens: Int, to prompt: Int, shortensToFit: Bool
  ) throws(GeneratingError) -> Int {
    let positions = decoder.configuration.maxPositions
    var maximumTokens = max(0, maximumTokens)
    if shortensToFit, prompt < positions { maximumTokens = min(maximumTokens, positions - prompt) }
    let (capacity, overflow) = prompt.addingReportingOverflow(maximumTokens)
    guard !overflow, capacity <= positions else {
      throw .tooManyTokens(asked: maximumTokens, prompt: prompt, positions: positions)
    }
    let available = AvailableMemory.now?.bytes ?? .max
    let needed = Generator.bytes(for: decoder, capacity: capacity)
    guard let needed, needed <= available else {
      throw .tooLittleMemory(asked: maximumTokens, needed: needed, available: available)
    }
    return capacity
  }
}

/// Why a model can't generate text.
enum GeneratingError: Error, Equatable, CustomStringConvertible {
  case noChatTemplate(model: String)
  case template(String)
  case nothingToBeginWith(model: String)
  case beyondModel(id: Int, vocabulary: Int)
  case tooManyTokens(asked: Int, prompt: Int, positions: Int)
  /// `needed` is nil if it is too large to count.
  case tooLittleMemory(asked: Int, needed: Int?, available: Int)

  var description: String {
    switch self {
    case .noChatTemplate(let model):
      "\(model) has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json or the GGUF file); "
        + "give the text as --prompt, without --chat"
    case .template(let sentence): sentence
    case .nothingToBeginWith(let model):
      "the prompt has no tokens, and the tokenizer of \(model) names none that begins a text; give some text"
    case .beyondModel(let id, let vocabulary):
      "the prompt has the token \(id), which the tokenizer has and the model lacks: its ids are 0 to \(vocabulary - 1)"
    case .tooManyTokens(let asked, let prompt, let positions):
      prompt >= positions
        ? "the prompt has \(prompt) tokens, and the model has \(positions) positions; shorten the prompt"
        : "--max-tokens \(asked): the model has \(positions) positions and the prompt takes \(prompt) of them; expected at "
          + "most \(positions - prompt)"
    case .tooLittleMemory(let asked, let needed, let available):
      "--max-tokens \(asked): keys and values of so many tokens take "
        + (needed.map { HumanFormat.bytes($0) } ?? "more memory than can be addressed")
        + ", and \(HumanFormat.bytes(available)) are free; give a smaller number"
    }
  }
}
