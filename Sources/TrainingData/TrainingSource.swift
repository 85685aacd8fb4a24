import ChatTemplates
import JSON

/// A file with documents to train on.
public struct TrainingSource: Sendable {
  public enum Format: Sendable {
    /// UTF-8 text: one document, or one between any two separators.
    case text(separator: String?)
    /// One JSON object a line, whose `field` is a document.
    case jsonl(field: String)
    /// One JSON object a line: a task and its answer.
    case instruction(InstructionFormat)
    /// One JSON object a line: a conversation.
    case chat(ChatFormat)
    /// A safetensors file of token ids, int32 or int64: `input_ids` `[documents, length]`, or `[tokens]` with
    /// `offsets` `[documents + 1]`, where document d is `offsets[d]..<offsets[d + 1]`.
    case tokens
  }

  /// The name in errors and in the saved state.
  public let name: String
  public let path: String
  public let format: Format
  /// The share of an epoch's documents, relative to the other sources' weights. Without weights every document comes once
  /// an epoch.
  public let weight: Double?
  /// Whether a broken document is counted and skipped instead of ending the training.
  public let skipsBroken: Bool

  public init(name: String, path: String, format: Format, weight: Double? = nil, skipsBroken: Bool = false) {
    self.name = name
    self.path = path
    self.format = format
    self.weight = weight
    self.skipsBroken = skipsBroken
  }
}

/// The tokens of a document that are predicted.
public enum LossTarget: String, Sendable, CaseIterable {
  case all
  /// The answer to a task, or the assistant's turns of a conversation.
  case completions
}

/// The fields of a task, its input and its answer, and the prompts made of the first two.
public struct InstructionFormat: Sendable {
  public var instruction = "instruction"
  /// A line may lack this field, or have nothing in it.
  public var input = "input"
  public var output = "output"
  /// The prompt of a task with an input. `{instruction}` and `{input}` are the places for the two.
  public var promptWithInput =
    "Here is a task, and with it some text to work on. Write an answer that does what the task asks.\n\n"
    + "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
  /// The prompt of a task alone.
  public var promptWithoutInput =
    "Here is a task. Write an answer that does what the task asks.\n\n"
    + "### Instruction:\n{instruction}\n\n### Response:\n"
  public var loss: LossTarget

  /// Alpaca's fields, and prompts in the shape of its own.
  public init(loss: LossTarget) { self.loss = loss }

  func check() throws(TrainingDataError) {
    for (name, template, places) in [
      ("prompt_with_input", promptWithInput, ["{instruction}", "{input}"]),
      ("prompt_without_input", promptWithoutInput, ["{instruction}"]),
    ] {
      for place in places where !template.contains(place) {
        throw .badOption(name: name, reason: "there is no \(place) in it")
      }
    }
  }

  /// Fills both places at once, so `{input}` in a task's text stays.
  func prompt(instruction: String, input: String) -> String {
    let template = input.isEmpty ? promptWithoutInput : promptWithInput
    return template.split(separator: "{instruction}", omittingEmptySubsequences: false)
      .map { $0.replacing("{input}", with: input) }.joined(separator: instruction)
  }
}

/// Turns a conversation into text.
///
/// A line has it under `messages`, `conversation` or `conversations`: a list of turns with `role` and `content`, or with
/// `from` and `value`. `human` and `gpt` then mean `user` and `assistant`.
public struct ChatFormat: Sendable {
  public var template: ChatTemplate
  /// Other names that the template may use: `bos_token`, `eos_token`.
  public var variables: JSONObject
  public var loss: LossTarget
  /// The day of the template's `strftime_now`.
  public var date: TemplateDate
  /// The template's file, for messages.
  public var file: String?
  let meter = RenderMeter()

  public init(
    template: ChatTemplate, variables: JSONObject, loss: LossTarget, date: TemplateDate = .usual,
    file: String? = nil
  ) {
    self.template = template
    self.variables = variables
    self.loss = loss
    self.date = date
    self.file = file
  }
}

/// Turns texts into token ids.
public struct TrainingTokenizer: Sendable {
  /// Token ids are below it.
  public var vocabularySize: Int
  /// Put after every document that ends with none of `endings`; nil for nothing.
  public var endOfSequence: Int32?
  /// Tokens that end a text.
  public var endings: Set<Int32>
  /// Put before every text and every task. A chat template writes its own, and files of ids have it or not.
  public var beginOfSequence: Int32?
  /// Returns the token ids of a text. Special tokens in the text are recognised, none are added.
  public var tokenize: @Sendable (String) throws -> [Int32]

  public init(
    vocabularySize: Int, endOfSequence: Int32?, endings: Set<Int32> = [], beginOfSequence: Int32? = nil,
    tokenize: @escaping @Sendable (String) throws -> [Int32]
  ) {
    self.vocabularySize = vocabularySize
    self.endOfSequence = endOfSequence
    self.endings = endings.union(endOfSequence.map { [$0] } ?? [])
    self.beginOfSequence = beginOfSequence
    self.tokenize = tokenize
  }
}
