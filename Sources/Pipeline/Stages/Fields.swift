import JSON
import PluginRuntime

/// All keys of a JSON object in a pipeline, in the order in which they are written.
package struct Fields<Owner> {
  /// What an object without any keys is read as; something stands for what must be given.
  package let blank: Owner
  package let list: [Field<Owner>]
  /// Keys in the order of a resolved manifest, where that is another one.
  private let written: [String]?

  package init(_ blank: Owner, written: [String]? = nil, _ list: [Field<Owner>]) {
    self.blank = blank
    self.written = written
    self.list = list
  }

  package var keys: [String] { list.map(\.key) }

  func without(_ key: String) -> Fields { Fields(blank, written: written, list.filter { $0.key != key }) }

  /// Reads what `reader` has into `owner`, and notes what is wrong.
  func read(_ owner: inout Owner, _ reader: ObjectReader, _ stage: StageReading) {
    for field in list {
      if let expected = field.askedFor { _ = reader.required(field.key, expected: expected) }
    }
    for field in list where !field.isLate { field.read(&owner, reader, stage) }
    for field in list {
      if field.isLate { field.read(&owner, reader, stage) }
      field.check(owner, reader, stage)
    }
  }

  /// As the object stands in a resolved manifest.
  func json(of owner: Owner) -> JSONObject {
    var members = JSONObject(list.compactMap { field in field.write(owner).map { (field.key, $0) } })
    guard let written else { return members }
    members = JSONObject(written.compactMap { key in members[key].map { (key, $0) } })
    return members
  }

  func plugins(of owner: Owner) -> [PluginUse] { list.flatMap { $0.plugins(owner) } }
}
