import Foundation
import JSON

// How a pipeline names a file with text or token ids.

/// A file as it stands in a pipeline.
struct FileWords {
  enum Format: String, CaseIterable { case auto, text, jsonl, ids }

  /// Absolute.
  var path = ""
  var format = Format.auto
  var field: String?
  var name: String?

  static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        Field(
          "path", "Relative to the pipeline's folder; given with --set, to the current one.",
          schema: ["type": "string", "minLength": 1], isRequired: true, read: { _, _, _ in },
          write: { .string($0.path) }),
        Field.choice(
          "format", \.format,
          """
          text: one document. jsonl: an object a line. ids: lists of token ids in JSON. auto: by the file's extension \
          (.jsonl and .ndjson, .json, anything else is text).
          """
        ).followed { words, _ in words.settleFormat() },
        Field.text("field", \.field, "The member of each JSONL object that holds the text.")
          .standing(for: "text").followed { words, reader in
            guard words.field != nil, words.format != .jsonl else { return }
            reader.reading.problem(
              reader.path.key("field"), "only JSONL has fields, and this is read as \(words.format.rawValue)",
              advice: "add \"format\": \"jsonl\", or leave \"field\" out")
          },
        Field.text(
          "name", \.name,
          """
          What the data is called in the names of metrics, as `wikitext2` in `wikitext2.token_perplexity@512`. Default: \
          the file's name without its extension.
          """),
      ])
  }

  private mutating func settleFormat() {
    guard format == .auto else { return }
    format =
      switch (path as NSString).pathExtension.lowercased() {
      case "jsonl", "ndjson": .jsonl
      case "json": .ids
      default: .text
      }
  }

  var source: DataSource {
    let format: DataSource.Format =
      switch format {
      case .jsonl: .jsonl(field: field ?? "text")
      case .ids: .ids
      case .auto, .text: .text
      }
    return DataSource(path: path, format: format, name: name ?? nameOfFile)
  }

  /// The file's name without its extension, with what can't stand in a metric's name replaced.
  private var nameOfFile: String {
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    let name = String(stem.map { $0.isLetter || $0.isNumber || "_-".contains($0) ? $0 : "_" })
    return name.isEmpty ? "data" : name
  }
}

extension DataSource {
  /// As it stands in a resolved manifest.
  public var json: JSONValue {
    var words = FileWords(path: path, name: name)
    switch format {
    case .text: words.format = .text
    case .jsonl(let field): (words.format, words.field) = (.jsonl, field)
    case .ids: words.format = .ids
    }
    return .object(FileWords.fields.json(of: words))
  }

  /// What a schema says of data.
  static var definitions: JSONObject {
    let name: JSONValue = [
      "description": "The name of one of the pipeline's inputs.", "type": "string", "minLength": 1,
    ]
    return [
      "data": [
        "description": "A file with text or token ids, or one of the pipeline's inputs.",
        "anyOf": [
          .object(.reference("file")),
          [
            "type": "object", "additionalProperties": false, "required": ["input"],
            "properties": ["input": name],
          ],
        ],
      ],
      "file": [
        "description": "A file: its path, relative to the pipeline's folder, or an object.",
        "anyOf": [["type": "string", "minLength": 1], .object(FileWords.fields.schema)],
      ],
    ]
  }
}
