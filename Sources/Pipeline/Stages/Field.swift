import JSON
import PluginRuntime

/// One key of a JSON object in a pipeline. Reading, writing, the schema and the pages in `docs/` all come from it.
package struct Field<Owner> {
  package typealias Reading = (inout Owner, ObjectReader, StageReading) -> Void

  package let key: String
  /// What the key means, as sentences: the schema's description, and the cell of a table in `docs/`.
  package let help: String
  /// Keywords of JSON Schema for the value, without `description` and `default`.
  package private(set) var schema: JSONObject
  /// What the schema refers to, by its name in `$defs`.
  package private(set) var definitions: JSONObject
  /// Whether the key must be there.
  package private(set) var isRequired: Bool
  /// What is read where the key is absent, given an object without any keys.
  package private(set) var standard: (Owner) -> JSONValue?
  /// The section of the same page in `docs/` that says more.
  package private(set) var section: String?
  /// Of fields that hold plugins: of which kind they are.
  package private(set) var pluginKind: PluginKind?
  private(set) var plugins: (Owner) -> [PluginUse] = { _ in [] }
  /// What was expected, of a key that is asked for before any value is read.
  private(set) var askedFor: String?
  /// Whether it is read after the other keys, since what it may be depends on them.
  private(set) var isLate = false
  private(set) var read: Reading
  private(set) var check: (Owner, ObjectReader, StageReading) -> Void = { _, _, _ in }
  private(set) var write: (Owner) -> JSONValue?

  /// - Parameters:
  ///   - read: notes what is wrong, and leaves the owner as it is then.
  ///   - write: nil where the key is left out of a resolved manifest.
  package init(
    _ key: String, _ help: String, schema: JSONObject, definitions: JSONObject = [:],
    isRequired: Bool = false,
    read: @escaping Reading, write: @escaping (Owner) -> JSONValue?
  ) {
    self.key = key
    self.help = help
    self.schema = schema
    self.definitions = definitions
    self.isRequired = isRequired
    self.read = read
    self.write = write
    standard = write
  }
}

// MARK: - What else is to be said of a field

extension Field {
  /// The key must be there.
  /// - Parameter expected: for the sentence where it is not.
  package func required(_ expected: String) -> Field {
    var field = self
    field.isRequired = true
    field.askedFor = expected
    return field
  }

  package func late() -> Field {
    var field = self
    field.isLate = true
    return field
  }

  /// - Parameter check: notes what is wrong with the value beside the others. It runs when all of these have been read,
  ///   save late ones that come after this field.
  package func checked(_ check: @escaping (Owner, ObjectReader, StageReading) -> Void) -> Field {
    var field = self
    field.check = check
    return field
  }

  /// - Parameter settle: what follows from the value, or from its absence, before other keys are read.
  package func followed(by settle: @escaping (inout Owner, ObjectReader) -> Void) -> Field {
    var field = self
    field.read = { owner, reader, stage in
      read(&owner, reader, stage)
      settle(&owner, reader)
    }
    return field
  }

  /// - Parameter isUsual: whether a resolved manifest goes without the key.
  func unwritten(where isUsual: @escaping (Owner) -> Bool) -> Field {
    var field = self
    field.write = { isUsual($0) ? nil : write($0) }
    return field
  }

  /// Of a key that means something only beside some values of the keys before it.
  /// - Parameters:
  ///   - isReadAnyway: whether a value that means nothing has its mistakes told, too.
  ///   - refuse: notes that the key means nothing.
  package func only(
    when isMeant: @escaping (Owner) -> Bool, isReadAnyway: Bool = true,
    refuse: @escaping (Owner, ObjectReader) -> Void
  ) -> Field {
    var field = self
    field.read = { owner, reader, stage in
      if !isMeant(owner), reader.object[key] != nil {
        refuse(owner, reader)
        if !isReadAnyway { return }
      }
      read(&owner, reader, stage)
    }
    field.write = { isMeant($0) ? write($0) : nil }
    return field
  }

  /// - Parameter value: what an absent key means, where that is not what the object has without any keys.
  package func standing(for value: JSONValue? = nil) -> Field {
    var field = self
    field.standard = { _ in value }
    return field
  }

  package func see(_ section: String) -> Field {
    var field = self
    field.section = section
    return field
  }

  /// The value as the schema sees it.
  package func described(by schema: JSONObject, _ definitions: JSONObject = [:]) -> Field {
    var field = self
    field.schema = schema
    field.definitions = definitions
    return field
  }

  func holding(_ kind: PluginKind, _ plugins: @escaping (Owner) -> [PluginUse]) -> Field {
    var field = self
    field.pluginKind = kind
    field.plugins = plugins
    return field
  }
}
