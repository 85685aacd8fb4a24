import JSON

/// The keys of a pipeline itself.
struct PipelineWords {
  /// Nil: the file's name.
  var name: String?
  var description = ""
  var seed = 0

  static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        Field(
          "$schema", "The place of this schema, for editors: \"./pipeline.schema.json\".",
          schema: ["type": "string"], read: { _, reader, _ in _ = reader.string("$schema") },
          write: { _ in nil }),
        Field.text("name", \.name, "The name of the pipeline. Default: its file's name."),
        Field.value(
          "description", \.description, "What the pipeline does, for people.", schema: ["type": "string"],
          read: { $0.string("description") }, write: { .string($0) }
        ).standing(),
        .integer(
          "seed", \.seed, 0...Int.max,
          """
          The seed of all random numbers of a run. Same pipeline, model, seed and thread count: same bytes.
          """),
        Field.elsewhere(
          "inputs",
          """
          Data that several stages use, each by a name of your choice. A null input must be set for a run: --set \
          inputs.NAME=PATH.
          """,
          schema: [
            "type": "object",
            "additionalProperties": ["anyOf": [["type": "null"], .object(.reference("file"))]],
          ], definitions: DataSource.definitions
        ).see("Data"),
        Field.elsewhere(
          "stages", "The stages, in their order; at least one.", schema: .reference("stages"),
          isRequired: true
        ).see("Stages"),
      ])
  }
}
