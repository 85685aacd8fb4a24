import JSON
import PluginRuntime
import Testing

@Suite("Options")
struct OptionsSchemaTests {
  static let schema = """
    {"type": "object", "properties": {
       "variant": {"type": "string", "enum": ["param_first", "vectorize"], "default": "param_first"},
       "amplitude": {"type": "number", "default": 0.02, "minimum": 0, "maximum": 1},
       "steps": {"type": "integer", "default": 50, "exclusiveMinimum": 0},
       "windows": {"type": ["integer", "null"]},
       "protect": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
       "data": {"format": "adapt-pruner-data"}
     }, "required": ["data"]}
    """

  @Test func defaultsAreFilledInInTheSchemasOrder() throws {
    let resolved = try OptionsSchema(parsing: Self.schema).resolve(["data": "x", "steps": 20])
    #expect(resolved == ["variant": "param_first", "amplitude": 0.02, "steps": 20, "data": "x"])
  }

  @Test(arguments: [
    (#"{"data": 1, "varient": "x"}"#, "s.varient: there is no such option. Did you mean \"variant\"?"),
    (#"{}"#, "s.data: this option is required"),
    (#"[]"#, "s: should be an object, but is an array"),
    (
      #"{"data": 1, "variant": "vectorise"}"#,
      "s.variant: should be one of \"param_first\", \"vectorize\", but is \"vectorise\". Did you mean \"vectorize\"?"
    ),
    (#"{"data": 1, "amplitude": "x"}"#, "s.amplitude: should be a number, but is a string (\"x\")"),
    (#"{"data": 1, "amplitude": -1}"#, "s.amplitude: should be at least 0, but is -1"),
    (#"{"data": 1, "amplitude": 1.5}"#, "s.amplitude: should be at most 1, but is 1.5"),
    (#"{"data": 1, "steps": 0}"#, "s.steps: should be greater than 0, but is 0"),
    (#"{"data": 1, "steps": 2.5}"#, "s.steps: should be an integer, but is a number (2.5)"),
    (#"{"data": 1, "windows": true}"#, "s.windows: should be an integer or null, but is a boolean (true)"),
    (#"{"data": 1, "protect": []}"#, "s.protect: should have at least 1 elements, but has 0"),
    (#"{"data": 1, "protect": [1, -2]}"#, "s.protect[1]: should be at least 0, but is -2"),
  ])
  func mistakes(options: String, expected: String) throws {
    let schema = try OptionsSchema(parsing: Self.schema)
    let value = try JSONValue(parsing: options)
    #expect(sentence { _ = try schema.resolve(value, at: "s") }.hasPrefix(expected))
  }

  @Test func aDefaultMustFitItsOwnSchema() {
    let words = sentence {
      _ = try OptionsSchema(parsing: #"{"properties": {"a": {"type": "integer", "default": "x"}}}"#)
    }
    #expect(
      words == "properties.a.default: the default does not fit: should be an integer, but is a string (\"x\")"
    )
  }
}
