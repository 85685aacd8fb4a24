import ChatTemplates
import Foundation
import JSON
import Tensors
import Tokenizers
import Transformer
import Wording

public struct GenerateRequest: Sendable {
  public enum Prompt: Sendable {
    /// A text to go on with.
    case text(String)
    /// A conversation, written by the model's chat template. `date` is what the template is told to be today.
    case chat([ChatTurn], date: TemplateDate)
  }

  public let modelPath: String
  public let prompt: Prompt
  /// At most so many tokens are added.
  public let maximumTokens: Int
  /// Whether fewer are added where the model has too few positions; otherwise that is an error.
  public let shortensToFit: Bool
  /// 0 takes the likeliest token each time.
  public let temperature: Double
  public let seed: Int
  public let threads: Int

  public init(
    modelPath: String, prompt: Prompt, maximumTokens: Int, shortensToFit: Bool = false, temperature: Double,
    seed: Int, threads: Int
  ) {
    self.shortensToFit = shortensToFit
    self.modelPath = modelPath
    self.prompt = prompt
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.seed = seed
    self.threads = threads
  }
}

/// What one side of a conversation says.
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
  /// Continues a prompt. `emit` is handed the prompt where it is a text, then text as it is made.
  /// - Throws: `GeneratingError`, and what reading the model throws.
  public static func generate(
    _ request: GenerateRequest, progress: any ProgressReporter, cancellation: Cancellation,
    emit: (String) throws -> Void
  ) throws {
    let model = try LoadedModel(path: request.modelPath, threads: request.threads)
    let tokenizer = try model.tokenizer()
    let start: [Int32]
    switch request.prompt {
    case .text(let prompt):
      // A template that can't be read is no matter here.
      if let template = try? model.chatTemplate(), !template.text.isEmpty {
        progress.note(
          "\(model.path) has a chat template, so it may have been trained on conversations, and a bare prompt is none; "
            + "--chat --user TEXT writes one")
      }
      start = try model.start(of: prompt, tokenizer)
    case .chat(let turns, let date):
      // The template writes the special tokens itself.
      start = tokenizer.encode(try model.conversation(turns, date: date))
    }
    try model.check(start)
    let ends = try model.stopTokens()
    let capacity = try model.capacity(request, prompt: start.count)
    let count = capacity - start.count
    let generator = try Generator(
      model.decoder, capacity: capacity, workers: Workers(count: request.threads))
    var sampler = Sampler(
      temperature: request.temperature, seed: UInt64(bitPattern: Int64(request.seed)))
    var text = tokenizer.streamingDecoder(skipSpecialTokens: true)
    if case .text(let prompt) = request.prompt { try emit(prompt) }
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

  /// The conversation as the model reads it, with the beginning of the assistant's next turn.
  /// - Throws: `GeneratingError`, and what reading the model throws.
  public static func conversation(
    _ turns: [ChatTurn], modelPath: String, date: TemplateDate = .usual
  ) throws -> String {
    try LoadedModel(path: modelPath).conversation(turns, date: date)
  }
}

extension LoadedModel {
  /// Whether a token that ends the text is a part of it, where it is no special one: in transformers it is, in llama.cpp
  /// it is not.
  fileprivate var showsEnds: Bool { if case .huggingFace = source.format { true } else { false } }

  fileprivate func conversation(_ turns: [ChatTurn], date: TemplateDate) throws -> String {
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

  /// The ids of a text; of an empty one, those that texts begin with.
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

  /// How many tokens prompt and answer have together, where the model has as many positions and there is the memory.
  fileprivate func capacity(_ request: GenerateRequest, prompt: Int) throws(GeneratingError) -> Int {
    let positions = decoder.configuration.maxPositions
    var maximumTokens = max(0, request.maximumTokens)
    if request.shortensToFit, prompt < positions { maximumTokens = min(maximumTokens, positions - prompt) }
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

/// Why nothing is generated.
enum GeneratingError: Error, Equatable, CustomStringConvertible {
  case noChatTemplate(model: String)
  case template(String)
  case nothingToBeginWith(model: String)
  case beyondModel(id: Int, vocabulary: Int)
  case tooManyTokens(asked: Int, prompt: Int, positions: Int)
  /// `needed` is nil where it can't be counted.
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
