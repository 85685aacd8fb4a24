import Foundation
import JSON

/// A file with text or token ids, and how a pipeline names it.
public struct DataSource: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable {
    /// In a pipeline only: by the file's extension.
    case auto
    /// UTF-8 text: one document.
    case text
    /// One JSON object a line, whose `field` is a document.
    case jsonl
    /// Lists of token ids in JSON: one document each.
    case ids
  }

  /// Absolute.
  public internal(set) var path: String
  public internal(set) var format: Format
  public internal(set) var field = "text"
  /// A part of the names of metrics, as `wikitext2` in `wikitext2.token_perplexity@512`.
  public internal(set) var name: String

  public init(path: String, format: Format, name: String) {
    (self.path, self.format, self.name) = (path, format, name)
  }

  static var fields: Fields<Self> {
    Fields(
      DataSource(path: "", format: .auto, name: ""),
      [
        .path(\.path, isRequired: true),
        Field.choice(
          "format", \.format,
          """
          text: one document. jsonl: an object a line. ids: lists of token ids in JSON. auto: by the file's extension \
          (.jsonl and .ndjson, .json, anything else is text).
          """
        ).followed { source, _ in source.settleFormat() },
        Field.text("field", \.field, "The member of each JSONL object that holds the text.")
          .only(when: { $0.format == .jsonl }, isReadAnyway: false) { source, reader in
            reader.problem(
              "field", "only JSONL has fields, and this is read as \(source.format.rawValue)",
              advice: "add \"format\": \"jsonl\", or leave \"field\" out")
          },
        Field.text(
          "name", \.name,
          """
          The name of the data in the names of metrics, as `wikitext2` in `wikitext2.token_perplexity@512`. Default: \
          the file's name without its extension.
          """
        ).standing().followed { source, _ in if source.name.isEmpty { source.name = source.nameOfFile } },
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

  /// The file's name without its extension. `_` replaces what can't stand in a metric's name.
  private var nameOfFile: String {
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    let name = String(stem.map { $0.isLetter || $0.isNumber || "_-".contains($0) ? $0 : "_" })
    return name.isEmpty ? "data" : name
  }

  /// The source as it stands in a resolved manifest.
  public var json: JSONValue { .object(Self.fields.json(of: self)) }

  /// The schemas of data.
  static var definitions: JSONObject {
    let name: JSONValue = [
      "description": "The name of one of the pipeline's inputs.", "type": "string", "minLength": 1,
    ]
    return [
      "data": [
        "description": "A file with text or token ids, or one of the pipeline's inputs.",
        "anyOf": [
          .object(.reference("file")), .object(.closedObject(required: ["input"], ["input": name])),
        ],
      ],
      "file": [
        "description": "A file: its path, relative to the pipeline's folder, or an object.",
        "anyOf": [["type": "string", "minLength": 1], .object(fields.schema)],
      ],
    ]
  }
}

extension Field {
  /// The path of a file, which `DataReading` reads.
  static func path(_ place: Place<String>, isRequired: Bool = false) -> Field {
    Field(
      "path", "Relative to the pipeline's folder; given with --set, to the current one.",
      schema: ["type": "string", "minLength": 1], isRequired: isRequired, read: { _, _, _ in },
      write: { .string($0[keyPath: place]) }
    ).standing()
  }
}
