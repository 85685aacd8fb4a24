import ChatTemplates
import Foundation
import JSON

/// A file to train on.
public struct TrainingInput: Sendable, Equatable {
  public enum Format: Sendable, Equatable {
    /// UTF-8 text: one document, or one between any two separators.
    case text(separator: String?)
    /// One JSON object a line, whose `field` is a document.
    case jsonl(field: String)
    /// One JSON object a line with an instruction, an input and an output.
    case instruction(InstructionFields)
    /// One JSON object a line with a conversation, through the model's chat template.
    case chat
    /// `input_ids` in a safetensors file.
    case tokens
  }

  public struct InstructionFields: Sendable, Equatable {
    public internal(set) var instruction: String
    public internal(set) var input: String
    public internal(set) var output: String
    /// With `{instruction}` and `{input}` where the two go; nil for the usual one.
    public internal(set) var promptWithInput: String?
    public internal(set) var promptWithoutInput: String?

    public init(
      instruction: String = "instruction", input: String = "input", output: String = "output",
      promptWithInput: String? = nil, promptWithoutInput: String? = nil
    ) {
      self.instruction = instruction
      self.input = input
      self.output = output
      self.promptWithInput = promptWithInput
      self.promptWithoutInput = promptWithoutInput
    }
  }

  /// Absolute.
  public let path: String
  public let format: Format
  /// Share of the documents, relative to the other inputs'; nil for as many as there are.
  public let weight: Double?
  /// Only what the model is to answer counts in the loss.
  public let completionsOnly: Bool
  public let skipsBroken: Bool
  /// Of chat: what the template is told to be today; nil for the usual day.
  public let date: TemplateDate?

  var isText: Bool { if case .text = format { true } else { false } }

  public init(
    path: String, format: Format, weight: Double?, completionsOnly: Bool, skipsBroken: Bool,
    date: TemplateDate? = nil
  ) {
    self.date = date
    self.path = path
    self.format = format
    self.weight = weight
    self.completionsOnly = completionsOnly
    self.skipsBroken = skipsBroken
  }
}

/// A file to train on, as it stands in a pipeline.
private struct InputWords {
  enum Format: String, CaseIterable { case auto, text, jsonl, instruction, chat, tokens }

  var path = ""
  var format = Format.auto
  /// False where the pipeline names a format that doesn't exist: what belongs to it can't be told.
  var isFormatKnown = true
  var separator: String?
  var field = "text"
  var parts = TrainingInput.InstructionFields()
  var weight: Double?
  var completionsOnly: Bool?
  var skipsBroken = false
  var date: TemplateDate?
}

extension Field<InputWords> {
  fileprivate func only(_ formats: [InputWords.Format], isReadAnyway: Bool = false) -> Field {
    only(
      when: { formats.contains($0.format) }, isReadAnyway: isReadAnyway,
      refuse: { words, reader in
        guard words.isFormatKnown else { return }
        reader.reading.problem(
          reader.path.key(key), "data read as \(words.format.rawValue) has none",
          expected: "format \(formats.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))")
      })
  }
}

extension InputWords {
  static var fields: Fields<Self> {
    Fields(
      Self(),
      written: [
        "path", "format", "separator", "field", "fields", "completions_only", "date", "weight", "skip_broken",
      ],
      [
        Field(
          "input",
          """
          Instead of a path, the name of one of the pipeline's inputs. Only the input's path counts: its format is \
          given here.
          """, schema: ["type": "string", "minLength": 1], read: { _, _, _ in }, write: { _ in nil }),
        Field(
          "path", "Relative to the pipeline's folder; given with --set, to the current one.",
          schema: ["type": "string", "minLength": 1], read: { _, _, _ in }, write: { .string($0.path) }
        ).standing(),
        Field.choice(
          "format", \.format,
          """
          text: UTF-8 text. jsonl: an object a line with a text. instruction: an object a line with a task and its \
          answer. chat: an object a line with a conversation, written by the model's chat template. tokens: token ids \
          in a safetensors file. auto: by the file's extension (.jsonl and .ndjson, .safetensors, anything else is \
          text).
          """
        ).followed { words, reader in words.settleFormat(reader) },
        .text(
          "separator", \.separator,
          "Of text: what stands between two documents. Default: the file is one document."
        ).only([.text]),
        .text("field", \.field, "Of jsonl: the member that holds the text.").only([.jsonl]),
        Field(
          "fields",
          "Of instruction: the members that hold the parts, and how a prompt is made of them.",
          schema: TrainingInput.InstructionFields.fields.schema,
          read: { words, reader, stage in
            let fields = TrainingInput.InstructionFields.fields
            guard let inner = reader.nested("fields", keys: fields.keys) else { return }
            fields.read(&words.parts, inner, stage)
          }, write: { .object(TrainingInput.InstructionFields.fields.json(of: $0.parts)) }
        ).standing().only([.instruction]),
        .number(
          "weight", \.weight, above: 0,
          """
          This file's share of the documents, relative to the others' weights. All files of a stage have one, or none \
          has. Default: every document once an epoch.
          """),
        Field.flag(
          "completions_only", \.completionsOnly,
          "Of instruction and chat: whether only what the model is to answer counts in the loss."
        ).standing(for: true).only([.instruction, .chat], isReadAnyway: true),
        .flag(
          "skip_broken", \.skipsBroken,
          "Whether a line that can't be read is left out instead of ending the run."),
        Field(
          "date",
          """
          Of chat: the day that the chat template is told when it asks for today's (strftime_now); 2024-07-26 where \
          none is given.
          """, schema: ["type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"],
          read: { words, reader, _ in
            guard let text = reader.optionalString("date") else { return }
            words.date = TemplateDate(text)
            if words.date == nil {
              reader.reading.problem(
                reader.path.key("date"), "“\(text)” is no day", expected: "a day such as \"2025-01-31\"")
            }
          }, write: { $0.date.map { .string($0.description) } }
        ).only([.chat], isReadAnyway: true),
      ])
  }

  private mutating func settleFormat(_ reader: ObjectReader) {
    isFormatKnown = reader.object["format"].map { Format(rawValue: $0.stringValue ?? "") != nil } ?? true
    guard format == .auto else { return }
    format =
      switch (path as NSString).pathExtension.lowercased() {
      case "jsonl", "ndjson": .jsonl
      case "safetensors": .tokens
      default: .text
      }
  }

  init(_ input: TrainingInput) {
    (path, weight, skipsBroken, date) = (input.path, input.weight, input.skipsBroken, input.date)
    completionsOnly = input.completionsOnly
    switch input.format {
    case .text(let separator): (format, self.separator) = (.text, separator)
    case .jsonl(let field): (format, self.field) = (.jsonl, field)
    case .instruction(let parts): (format, self.parts) = (.instruction, parts)
    case .chat: format = .chat
    case .tokens: format = .tokens
    }
  }

  var input: TrainingInput {
    let format: TrainingInput.Format =
      switch format {
      case .jsonl: .jsonl(field: field)
      case .instruction: .instruction(parts)
      case .chat: .chat
      case .tokens: .tokens
      case .text, .auto: .text(separator: separator)
      }
    return TrainingInput(
      path: path, format: format, weight: weight,
      completionsOnly: completionsOnly ?? [.instruction, .chat].contains(self.format),
      skipsBroken: skipsBroken, date: date)
  }
}

extension TrainingInput.InstructionFields {
  static var fields: Fields<Self> {
    /// Or else a task, or what it is about, would be lost without a word.
    func prompt(_ key: String, _ place: WritableKeyPath<Self, String?>, _ parts: [String], _ help: String)
      -> Field<Self>
    {
      let patterns = parts.map { part -> JSONValue in
        ["pattern": .string(part.replacing("{", with: "\\{").replacing("}", with: "\\}"))]
      }
      return Field.text(key, place, help).described(by: ["type": "string", "allOf": .array(patterns)])
        .late().checked { _, reader, _ in
          guard let text = reader.object[key]?.stringValue, !text.isEmpty else { return }
          for part in parts where !text.contains(part) {
            reader.reading.problem(
              reader.path.key(key), "there is no \(part) in it", expected: parts.joined(separator: " and "))
          }
        }
    }
    return Fields(
      Self(),
      [
        .text("instruction", \.instruction, "The member with the task."),
        .text(
          "input", \.input, "The member with what the task is about; may be missing or empty in a line."),
        .text("output", \.output, "The member with the answer."),
        prompt(
          "prompt_with_input", \.promptWithInput, ["{instruction}", "{input}"],
          "The prompt where there is an input, with {instruction} and {input} in their places."),
        prompt(
          "prompt_without_input", \.promptWithoutInput, ["{instruction}"],
          "The prompt where there is none, with {instruction} in its place."),
      ])
  }
}

// MARK: - The files of a train stage

extension TrainingInput {
  /// As it stands in a resolved manifest.
  var json: JSONValue { .object(InputWords.fields.json(of: InputWords(self))) }

  /// A file, or a list of files.
  static func list<Owner>(_ key: String, _ place: WritableKeyPath<Owner, [TrainingInput]>, _ help: String)
    -> Field<Owner>
  {
    Field(
      key, help,
      schema: [
        "anyOf": [
          ["$ref": "#/$defs/trainingInput"],
          ["type": "array", "minItems": 1, "items": ["$ref": "#/$defs/trainingInput"]],
        ]
      ], definitions: ["trainingInput": schema], isRequired: true,
      read: { owner, reader, stage in
        guard let value = reader.required(key, expected: "a list of files to train on") else { return }
        owner[keyPath: place] = read(value, at: reader.path.key(key), stage)
      }, write: { .array($0[keyPath: place].map(\.json)) })
  }

  private static func read(_ value: JSONValue, at place: JSONPath, _ stage: StageReading) -> [TrainingInput] {
    // One input can stand without its list.
    guard let elements = value.arrayValue else {
      return [one(value, at: place, stage)].compactMap(\.self)
    }
    if elements.isEmpty {
      stage.reading.problem(place, "the list is empty", expected: "at least one file")
    }
    let inputs = elements.enumerated().compactMap { one($1, at: place.index($0), stage) }
    if inputs.contains(where: { $0.weight != nil }), inputs.count == elements.count {
      for (index, input) in inputs.enumerated() where input.weight == nil {
        stage.reading.problem(
          place.index(index).key("weight"), "missing, and other files have one",
          expected: "a weight for each file or for none")
      }
    }
    return inputs
  }

  private static func one(_ value: JSONValue, at place: JSONPath, _ stage: StageReading) -> TrainingInput? {
    let whole: JSONValue = value.stringValue == nil ? value : ["path": value]
    let fields = InputWords.fields
    guard let reader = ObjectReader(whole, at: place, keys: fields.keys, reading: stage.reading),
      let path = stage.data.path(reader, stage)
    else { return nil }
    var words = fields.blank
    words.path = path
    fields.read(&words, reader, stage)
    return words.input
  }

  /// Of its keys, for `docs/`.
  static var table: String { InputWords.fields.table }

  private static var schema: JSONValue {
    func beside(_ formats: [JSONValue], isNeeded: Bool) -> JSONValue {
      let format: JSONValue = formats.count == 1 ? ["const": formats[0]] : ["enum": .array(formats)]
      let properties: JSONValue = ["format": format]
      return isNeeded ? ["properties": properties, "required": ["format"]] : ["properties": properties]
    }
    var object = InputWords.fields.schema
    object["oneOf"] = [["required": ["path"]], ["required": ["input"]]]
    object["dependentSchemas"] = [
      "separator": beside(["auto", "text"], isNeeded: false),
      "field": beside(["auto", "jsonl"], isNeeded: false),
      "fields": beside(["instruction"], isNeeded: true), "date": beside(["chat"], isNeeded: true),
      "completions_only": beside(["instruction", "chat"], isNeeded: true),
    ]
    return [
      "description": "A file to train on: its path, relative to the pipeline's folder, or an object.",
      "anyOf": [["type": "string", "minLength": 1], .object(object)],
    ]
  }
}
