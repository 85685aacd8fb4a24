import ChatTemplates
import Foundation
import JSON

/// A file to train on, and how a pipeline names it.
public struct TrainingInput: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable {
    /// In a pipeline only: by the file's extension.
    case auto
    /// UTF-8 text: one document, or one between any two separators.
    case text
    /// One JSON object a line, whose `field` is a document.
    case jsonl
    /// One JSON object a line with an instruction, an input and an output.
    case instruction
    /// One JSON object a line with a conversation, which the model's chat template writes out.
    case chat
    /// `input_ids` in a safetensors file.
    case tokens

    /// Whether a document has a prompt and an answer.
    var hasAnswers: Bool { self == .instruction || self == .chat }
  }

  /// The members of an instruction, and its prompt.
  public struct InstructionFields: Sendable, Equatable {
    public package(set) var instruction = "instruction"
    public package(set) var input = "input"
    public package(set) var output = "output"
    /// `{instruction}` and `{input}` are the places for the two. Nil: the usual prompt.
    public package(set) var promptWithInput: String?
    public package(set) var promptWithoutInput: String?
  }

  /// Absolute.
  public package(set) var path: String
  public package(set) var format = Format.auto
  /// What stands between two documents of a text. Nil: the file is one document.
  public package(set) var separator: String?
  public package(set) var field = "text"
  public package(set) var parts = InstructionFields()
  /// Share of the documents, relative to the other inputs' weights. Nil: every document once an epoch.
  public package(set) var weight: Double?
  /// Whether only the model's answers count in the loss.
  public package(set) var completionsOnly = false
  public package(set) var skipsBroken = false
  /// The date that a chat template gets. Nil: the usual one.
  public package(set) var date: TemplateDate?

  package init(path: String) { self.path = path }

  var isText: Bool { format == .text }
}

extension Field<TrainingInput> {
  fileprivate func only(_ formats: [TrainingInput.Format], isReadAnyway: Bool = false) -> Field {
    only(
      when: { formats.contains($0.format) }, isReadAnyway: isReadAnyway,
      refuse: { input, reader in
        // Nothing is known of a format that doesn't exist.
        let named = reader.object["format"]
        guard named.map({ TrainingInput.Format(rawValue: $0.stringValue ?? "") != nil }) ?? true else {
          return
        }
        reader.problem(
          key, "data read as \(input.format.rawValue) has none",
          expected: "format \(formats.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))")
      })
  }
}

extension TrainingInput {
  static var fields: Fields<Self> {
    Fields(
      TrainingInput(path: ""),
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
        .path(\.path),
        Field.choice(
          "format", \.format,
          """
          text: UTF-8 text. jsonl: an object a line with a text. instruction: an object a line with a task and its \
          answer. chat: an object a line with a conversation, written by the model's chat template. tokens: token ids \
          in a safetensors file. auto: by the file's extension (.jsonl and .ndjson, .safetensors, anything else is \
          text).
          """
        ).followed { input, _ in input.settleFormat() },
        .text(
          "separator", \.separator,
          "Of text: what stands between two documents. Default: the file is one document."
        ).only([.text]),
        .text("field", \.field, "Of jsonl: the member that holds the text.").only([.jsonl]),
        .object(
          "fields", \.parts, InstructionFields.fields, schema: InstructionFields.fields.schema,
          "Of instruction: the members that hold the parts, and how a prompt is made of them."
        ).only([.instruction]),
        .number(
          "weight", \.weight, above: 0,
          """
          This file's share of the documents, relative to the others' weights. All files of a stage have one, or none \
          has. Default: every document once an epoch.
          """),
        .flag(
          "completions_only", \.completionsOnly,
          "Of instruction and chat: whether only the answers of the model count in the loss."
        ).standing(for: true).only([.instruction, .chat], isReadAnyway: true),
        .flag(
          "skip_broken", \.skipsBroken,
          "Whether a line that can't be read is left out instead of ending the run."),
        .value(
          "date", \.date,
          """
          Of chat: the date that a chat template gets when it asks for today's (strftime_now). Default: 2024-07-26.
          """, schema: ["type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"],
          read: { reader in
            guard let text = reader.text("date") else { return nil }
            let date = TemplateDate(text)
            if date == nil {
              reader.problem("date", "“\(text)” is no day", expected: "a day such as \"2025-01-31\"")
            }
            return date
          }, write: { $0.map { .string($0.description) } }
        ).only([.chat], isReadAnyway: true),
      ])
  }

  private mutating func settleFormat() {
    if format == .auto {
      format =
        switch (path as NSString).pathExtension.lowercased() {
        case "jsonl", "ndjson": .jsonl
        case "safetensors": .tokens
        default: .text
        }
    }
    completionsOnly = format.hasAnswers
  }
}

extension TrainingInput.InstructionFields {
  static var fields: Fields<Self> {
    /// A prompt without these parts would lose a task, or its input, without a word.
    func prompt(_ key: String, _ place: WritableKeyPath<Self, String?>, _ parts: [String], _ help: String)
      -> Field<Self>
    {
      let patterns = parts.map { part -> JSONValue in
        ["pattern": .string(part.replacing("{", with: "\\{").replacing("}", with: "\\}"))]
      }
      return Field.text(key, place, help).described(by: ["type": "string", "allOf": .array(patterns)])
        .late().checked { _, reader in
          guard let text = reader.object[key]?.stringValue, !text.isEmpty else { return }
          for part in parts where !text.contains(part) {
            reader.problem(key, "there is no \(part) in it", expected: parts.joined(separator: " and "))
          }
        }
    }
    return Fields(
      Self(),
      [
        .text("instruction", \.instruction, "The member with the task."),
        .text("input", \.input, "The member with the input of the task; may be missing or empty in a line."),
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
        let expected = "a list of files to train on"
        guard let value = reader.required(key, expected: expected) else { return }
        let path = reader.path.key(key)
        if value.arrayValue == nil {
          owner[keyPath: place] = [read(value, at: path, stage)].compactMap(\.self)
          return
        }
        let inputs =
          stage.reading.list(value, at: path, expected: expected, of: "file") { read($0, at: $1, stage) }
          ?? []
        owner[keyPath: place] = inputs
        guard inputs.count == value.arrayValue?.count, inputs.contains(where: { $0.weight != nil }) else {
          return
        }
        for (index, input) in inputs.enumerated() where input.weight == nil {
          stage.reading.problem(
            path.index(index).key("weight"), "missing, and other files have one",
            expected: "a weight for each file or for none")
        }
      }, write: { .array($0[keyPath: place].map { .object(fields.json(of: $0)) }) })
  }

  private static func read(_ value: JSONValue, at place: JSONPath, _ stage: StageReading) -> TrainingInput? {
    let fields = fields
    guard
      let reader = ObjectReader(value, short: "path", at: place, keys: fields.keys, reading: stage.reading),
      let path = stage.path(reader)
    else { return nil }
    var input = TrainingInput(path: path)
    fields.read(&input, reader, stage)
    return input
  }

  private static var schema: JSONValue {
    func beside(_ formats: [JSONValue], isNeeded: Bool) -> JSONValue {
      let format: JSONValue = formats.count == 1 ? ["const": formats[0]] : ["enum": .array(formats)]
      let properties: JSONValue = ["format": format]
      return isNeeded ? ["properties": properties, "required": ["format"]] : ["properties": properties]
    }
    var object = fields.schema
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
