import JSON

/// A pipeline's own keys, as they stand in its file.
struct PipelineWords {
  /// nil: the file's name.
  var name: String?
  var description = ""
  var seed = 0

  static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        Field(
          "$schema", "Where editors find this schema: \"./pipeline.schema.json\".",
          schema: ["type": "string"],
          read: { _, reader, _ in _ = reader.string("$schema", default: "") }, write: { _ in nil }),
        Field.text("name", \.name, "What the pipeline is called. Default: its file's name."),
        Field(
          "description", "What the pipeline does, for people.", schema: ["type": "string"],
          read: { words, reader, _ in words.description = reader.string("description", default: "") },
          write: { .string($0.description) }
        ).standing(),
        .integer(
          "seed", \.seed, 0...Int.max,
          """
          What all random numbers of a run depend on. Same pipeline, model, seed and thread count: same bytes.
          """),
        Field(
          "inputs",
          """
          Data that several stages use, by a name of your choice. Null: whoever runs the pipeline gives it with --set \
          inputs.NAME=PATH.
          """,
          schema: [
            "type": "object",
            "additionalProperties": ["anyOf": [["type": "null"], .object(.reference("file"))]],
          ], definitions: DataSource.definitions, read: { _, _, _ in }, write: { _ in nil }
        ).see("Data"),
        Field(
          "stages", "What is done, in this order; at least one.", schema: .reference("stages"),
          isRequired: true, read: { _, _, _ in }, write: { _ in nil }
        ).see("Stages"),
      ])
  }
}
