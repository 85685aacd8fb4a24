import JSON
import PluginRuntime

/// One key of a JSON object in a pipeline. Reading, writing, the schema and the tables in `docs/` come from it.
package struct Field<Owner> {
  package typealias Place<Value> = WritableKeyPath<Owner, Value>
  typealias Reading = (inout Owner, ObjectReader, StageReading) -> Void

  let key: String
  /// The meaning of the key, in sentences: the schema's description, and a cell of a table in `docs/`.
  let help: String
  /// The JSON Schema of the value, without `description` and `default`.
  var schema: JSONObject
  /// The entries of `$defs` that the schema refers to.
  var definitions: JSONObject
  /// Whether the key must be there.
  var isRequired: Bool
  /// Notes what is wrong, and leaves the owner as it is then.
  var read: Reading
  /// Gives nil where a resolved manifest goes without the key.
  var write: (Owner) -> JSONValue?
  /// The meaning of an absent key, given an object without any keys. Nil: what such an object writes.
  var standard: ((Owner) -> JSONValue?)?
  /// The section of the same page in `docs/` that says more.
  var section: String?
  /// The kind of the plugins that the field holds, if it holds any.
  var pluginKind: PluginKind?
  var plugins: (Owner) -> [PluginUse] = { _ in [] }
  /// What the sentence about a missing key expects, if a missing key is told before any value is read.
  var askedFor: String?
  /// Whether the field is read after the others, because its meaning depends on them.
  var isLate = false
  var check: (Owner, ObjectReader) -> Void = { _, _ in }

  init(
    _ key: String, _ help: String, schema: JSONObject, definitions: JSONObject = [:],
    isRequired: Bool = false, read: @escaping Reading, write: @escaping (Owner) -> JSONValue?
  ) {
    (self.key, self.help, self.isRequired) = (key, help, isRequired)
    (self.schema, self.definitions) = (schema, definitions)
    (self.read, self.write) = (read, write)
  }
}

// MARK: - Modifiers

extension Field {
  private func with(_ change: (inout Field) -> Void) -> Field {
    var field = self
    change(&field)
    return field
  }

  /// The key must be there.
  /// - Parameter expected: ends the sentence about a missing key.
  package func required(_ expected: String) -> Field {
    with { ($0.isRequired, $0.askedFor) = (true, expected) }
  }

  func late() -> Field { with { $0.isLate = true } }

  func see(_ section: String) -> Field { with { $0.section = section } }

  /// - Parameter check: compares the value with the others and notes what is wrong. It runs when all fields have been
  ///   read, except late ones after this one.
  func checked(_ check: @escaping (Owner, ObjectReader) -> Void) -> Field { with { $0.check = check } }

  /// - Parameter settle: sets what follows from the value, or from its absence, before the next keys are read.
  func followed(by settle: @escaping (inout Owner, ObjectReader) -> Void) -> Field {
    with {
      $0.read = { owner, reader, stage in
        read(&owner, reader, stage)
        settle(&owner, reader)
      }
    }
  }

  /// - Parameter isUsual: whether a resolved manifest goes without the key.
  func unwritten(where isUsual: @escaping (Owner) -> Bool) -> Field {
    with {
      $0.standard = standard ?? write
      $0.write = { isUsual($0) ? nil : write($0) }
    }
  }

  /// Gives the key a meaning only beside some values of the keys before it.
  /// - Parameters:
  ///   - isReadAnyway: whether the mistakes of a meaningless value are told too.
  ///   - refuse: notes that the key means nothing.
  func only(
    when isMeant: @escaping (Owner) -> Bool, isReadAnyway: Bool = true,
    refuse: @escaping (Owner, ObjectReader) -> Void
  ) -> Field {
    unwritten { !isMeant($0) }.with {
      $0.read = { owner, reader, stage in
        if !isMeant(owner), reader.object[key] != nil {
          refuse(owner, reader)
          if !isReadAnyway { return }
        }
        read(&owner, reader, stage)
      }
    }
  }

  /// - Parameter value: the meaning of an absent key, where it isn't what an object without any keys writes.
  func standing(for value: JSONValue? = nil) -> Field { with { $0.standard = { _ in value } } }

  /// - Parameter schema: the value as the schema sees it.
  func described(by schema: JSONObject) -> Field { with { $0.schema = schema } }

  func holding(_ kind: PluginKind, _ plugins: @escaping (Owner) -> [PluginUse]) -> Field {
    with { ($0.pluginKind, $0.plugins) = (kind, plugins) }
  }
}

// MARK: - All fields of an object

/// All keys of a JSON object in a pipeline, in the order in which they are written.
package struct Fields<Owner> {
  /// What an object without any keys is read as. Placeholders stand for what must be given.
  let blank: Owner
  let list: [Field<Owner>]
  /// The keys in the order of a resolved manifest, if that order differs.
  private let written: [String]?

  package init(_ blank: Owner, written: [String]? = nil, _ list: [Field<Owner>]) {
    (self.blank, self.written, self.list) = (blank, written, list)
  }

  var keys: [String] { list.map(\.key) }

  func without(_ key: String) -> Fields { Fields(blank, written: written, list.filter { $0.key != key }) }

  /// Reads the members of `reader` into `owner`, and notes what is wrong.
  func read(_ owner: inout Owner, _ reader: ObjectReader, _ stage: StageReading) {
    for field in list {
      if let expected = field.askedFor { _ = reader.required(field.key, expected: expected) }
    }
    for field in list where !field.isLate { field.read(&owner, reader, stage) }
    for field in list {
      if field.isLate { field.read(&owner, reader, stage) }
      field.check(owner, reader)
    }
  }

  /// The object as it stands in a resolved manifest.
  func json(of owner: Owner) -> JSONObject {
    let members = JSONObject(list.compactMap { field in field.write(owner).map { (field.key, $0) } })
    guard let written else { return members }
    return JSONObject(written.compactMap { key in members[key].map { (key, $0) } })
  }

  func plugins(of owner: Owner) -> [PluginUse] { list.flatMap { $0.plugins(owner) } }
}
