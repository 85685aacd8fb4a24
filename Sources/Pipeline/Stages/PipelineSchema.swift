import JSON
import PluginRuntime

/// The JSON Schema of pipelines, with which editors complete and check them. It comes from the fields of stages and from
/// the options that plugins declare.
public enum PipelineSchema {
  /// The publisher of the shipped plugins. The schema knows all of its plugins.
  private static let publisher = "adapt-pruner"

  /// - Throws: the error of the first plugin that can't be opened.
  public static func json(_ catalog: PluginCatalog) throws(PluginError) -> JSONValue {
    try json(.shipped, catalog)
  }

  package static func json(_ kinds: StageKinds, _ catalog: PluginCatalog) throws(PluginError) -> JSONValue {
    var definitions: JSONObject = [
      "stages": [
        "description": "What is done, in this order.", "type": "array", "minItems": 1,
        "items": .object(.reference("stage")),
      ],
      "stage": stage(kinds),
      "stageName": [
        "description": """
        The stage's name in results and in --set; unique in the pipeline. Default: its kind, with -2, -3 … where that \
        is taken.
        """, "type": "string", "pattern": "^(?=.*[A-Za-z_-])[A-Za-z0-9_-]+$",
      ],
      "isolate": [
        "description": """
        Whether each plugin of the stage has a process of its own. A crash, a hang or too much memory there is then an \
        error.
        """, "oneOf": [["type": "boolean"], .object(Isolation.fields.schema)], "default": false,
      ],
    ]
    for kind in kinds.all { definitions[kind.kind] = .object(kind.schema) }
    for kind in kinds.all { definitions.add(kind.definitions) }
    definitions.add(Manifest.fields.definitions)
    for kind in PluginKind.allCases {
      let entries = catalog.entries.filter { $0.kind == kind }.sorted { $0.id < $1.id }
      var opened: [(PluginCatalog.Entry, OptionsSchema)] = []
      for entry in entries { opened.append((entry, try entry.open(Isolation()).schema)) }
      definitions["\(kind.rawValue)Plugin"] = plugin(kind, opened)
      definitions["\(kind.rawValue)ID"] = id(kind, entries)
    }
    var schema: JSONObject = [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": "A pipeline of adapt-pruner",
      "description": "What is done to a model, stage after stage. See docs/pipelines.md.",
    ]
    schema.add(Manifest.fields.schema)
    schema["$defs"] = .object(definitions)
    return .object(schema)
  }

  private static func stage(_ kinds: StageKinds) -> JSONValue {
    let words = kinds.all.map { "\($0.kind) \($0.does)" }.joined(separator: ", ")
    return [
      "type": "object", "required": ["stage"],
      "properties": [
        "stage": [
          "description": .string("What this stage does: \(words)."),
          "enum": .array(kinds.names.map { .string($0) }),
        ]
      ],
      // An editor complains only about the kind that is named.
      "allOf": .array(
        kinds.names.map { name in
          [
            "if": ["properties": ["stage": ["const": .string(name)]]],
            "then": .object(.reference(name)),
          ]
        }),
    ]
  }

  // MARK: - Plugins

  /// An id alone, or an object with the options that the plugin declares.
  private static func plugin(
    _ kind: PluginKind, _ plugins: [(entry: PluginCatalog.Entry, schema: OptionsSchema)]
  ) -> JSONValue {
    var bare: JSONObject = .reference("\(kind.rawValue)ID")
    let demanding = plugins.filter { $0.schema.properties.contains(where: \.isRequired) }
    if !demanding.isEmpty { bare["not"] = ["enum": .array(demanding.map { .string($0.entry.id) })] }
    var object: JSONObject = .closedObject(
      required: ["id"],
      [
        "id": .object(.reference("\(kind.rawValue)ID")),
        "options": [
          "description": "The plugin's options. An option that is left out has its default.",
          "type": "object",
          "default": [:],
        ],
      ])
    if !plugins.isEmpty {
      object["allOf"] = .array(
        plugins.map { plugin in
          var then: JSONObject = ["properties": ["options": plugin.schema.json]]
          if plugin.schema.properties.contains(where: \.isRequired) { then["required"] = ["options"] }
          return ["if": ["properties": ["id": ["const": .string(plugin.entry.id)]]], "then": .object(then)]
        })
    }
    return [
      "description": .string(
        "\(kind.phrase.prefix(1).uppercased())\(kind.phrase.dropFirst()): its id alone, or with options. "
          + "`adapt-pruner plugin describe ID` prints its options."),
      "anyOf": [.object(bare), .object(object)],
    ]
  }

  private static func id(_ kind: PluginKind, _ entries: [PluginCatalog.Entry]) -> JSONValue {
    let known = entries.map { entry -> JSONValue in
      ["const": .string(entry.id), "description": .string(entry.summary)]
    }
    let other: JSONValue = [
      "description": "A plugin of another publisher.", "type": "string", "minLength": 1,
      "not": ["pattern": .string("^\(publisher)\\.")],
    ]
    return ["description": "publisher.name", "anyOf": .array(known + [other])]
  }
}

extension StageKind {
  fileprivate static var definitions: JSONObject { fields.definitions }

  fileprivate static var schema: JSONObject {
    let inner = fields.schema
    var schema: JSONObject = ["title": .string(title)]
    if !about.isEmpty { schema["description"] = .string(about) }
    var properties: JSONObject = [
      "stage": ["const": .string(kind)], "name": .object(.reference("stageName")),
    ]
    if hasPlugins { properties["isolate"] = .object(.reference("isolate")) }
    properties.add(fields.properties)
    schema.add(inner)
    schema["required"] = .array(["stage"] + (inner["required"]?.arrayValue ?? []))
    schema["properties"] = .object(properties)
    return schema
  }
}

extension OptionsSchema {
  /// The options as a part of a pipeline's schema.
  fileprivate var json: JSONValue {
    .object(
      .closedObject(
        required: properties.filter(\.isRequired).map(\.name),
        JSONObject(properties.map { ($0.name, $0.json) })))
  }
}

extension OptionsSchema.Property {
  fileprivate var json: JSONValue {
    var schema: JSONObject = [:]
    schema["description"] = description.map { .string($0) }
    if isData {
      schema["$ref"] = "#/$defs/data"
      return .object(schema)
    }
    if types.count == 1 { schema["type"] = .string(types[0].rawValue) }
    if types.count > 1 { schema["type"] = .array(types.map { .string($0.rawValue) }) }
    schema["enum"] = allowed.map { .array($0) }
    schema["minimum"] = minimum.map { .exactly($0) }
    schema["exclusiveMinimum"] = exclusiveMinimum.map { .exactly($0) }
    schema["maximum"] = maximum.map { .exactly($0) }
    schema["minItems"] = minItems.map { .integer($0) }
    schema["items"] = items.first?.json
    schema["default"] = defaultValue
    return .object(schema)
  }
}
