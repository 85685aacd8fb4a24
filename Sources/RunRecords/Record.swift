import JSON

/// What a record is read for.
package enum Purpose: Sendable {
  /// To show it. A member that can't be read is left out.
  case report
  /// To go on with the run. All members that a run needs must be there, and lists must be whole.
  case resume
}

/// Who needs a member.
package enum Need: Sendable {
  case nobody
  /// A run that goes on.
  case resuming
  /// A run that goes on. Older versions left the member out, so it may be missing.
  case resumingIfThere
  /// Everybody. Without the member there is no record.
  case everybody

  fileprivate func isMet(_ isRead: Bool, isThere: Bool, for purpose: Purpose) -> Bool {
    switch self {
    case .nobody: true
    case .resuming: isRead || purpose == .report
    case .resumingIfThere: isRead || !isThere || purpose == .report
    case .everybody: isRead
    }
  }
}

/// A JSON object that a run writes and reads. `layout` lists each member once.
package protocol Record: Storable {
  static var layout: Layout<Self> { get }
  /// Whether a run can go on from the record.
  var isSound: Bool { get }
}

/// The members of a record, in the order of the file.
package struct Layout<Owner: Sendable>: Sendable {
  /// A record of which nothing is known.
  let blank: Owner
  let fields: [Field<Owner>]

  init(_ blank: Owner, _ fields: Field<Owner>...) {
    self.blank = blank
    self.fields = fields
  }
}

extension Record {
  package static var blank: Self { layout.blank }

  package init(_ fill: (inout Self) throws -> Void) rethrows {
    self = Self.layout.blank
    try fill(&self)
  }

  /// Reads a record. Returns nil if a needed member is missing or has the wrong type.
  package init?(json: JSONValue, for purpose: Purpose) {
    self = Self.layout.blank
    for field in Self.layout.fields where !field.read(&self, json, purpose) { return nil }
    if purpose == .resume, !isSound { return nil }
  }

  package var isSound: Bool { true }

  package var json: JSONValue { .object(members) }

  package var members: JSONObject {
    var members = JSONObject()
    for field in Self.layout.fields { field.write(self, &members) }
    return members
  }

  package static var form: Form<Self> { Form(read: { Self(json: $0, for: $1) }, write: { $0.json }) }
}

/// A member of a record: its key, its property, its form, and who needs it.
package struct Field<Owner>: Sendable {
  /// Returns false if the record can't be read for this purpose.
  let read: @Sendable (inout Owner, JSONValue, Purpose) -> Bool
  let write: @Sendable (Owner, inout JSONObject) -> Void

  init<Value>(
    _ key: String, _ path: WritableKeyPath<Owner, Value> & Sendable, _ form: Form<Value>,
    _ need: Need = .nobody
  ) {
    read = { owner, json, purpose in
      let there = json[key]
      let value = there.flatMap { form.read($0, purpose) }
      if let value { owner[keyPath: path] = value }
      return need.isMet(value != nil, isThere: there != nil, for: purpose)
    }
    write = { owner, members in
      if let value = form.write(owner[keyPath: path]) { members[key] = value }
    }
  }

  init<Value: Storable>(
    _ key: String, _ path: WritableKeyPath<Owner, Value> & Sendable, _ need: Need = .nobody
  ) { self.init(key, path, Value.form, need) }

  init<Value>(
    _ key: String, _ path: WritableKeyPath<Owner, Value?> & Sendable, _ form: Form<Value>,
    _ need: Need = .nobody
  ) { self.init(key, path, form.orUnknown, need) }

  /// A member that follows from others. It is written and never read.
  init(_ key: String, from value: @escaping @Sendable (Owner) -> JSONValue?) {
    read = { _, _, _ in true }
    write = { owner, members in
      if let value = value(owner) { members[key] = value }
    }
  }

  /// The members of an inner record, which stand among the outer record's own.
  /// - Parameter hasMembers: whether to look for them.
  init<Value: Record>(
    all path: WritableKeyPath<Owner, Value?> & Sendable,
    where hasMembers: @escaping @Sendable (Owner) -> Bool = { _ in true }
  ) {
    read = { owner, json, purpose in
      if hasMembers(owner) { owner[keyPath: path] = Value(json: json, for: purpose) }
      return true
    }
    write = { owner, members in
      for member in owner[keyPath: path]?.members.members ?? [] { members[member.key] = member.value }
    }
  }
}

/// How a value is stored in JSON.
package struct Form<Value>: Sendable {
  /// Returns nil if the JSON is no such value.
  let read: @Sendable (JSONValue, Purpose) -> Value?
  /// Returns nil if the member is left out.
  let write: @Sendable (Value) -> JSONValue?

  /// Leaves nil out. JSON that can't be read is no nil.
  fileprivate var orUnknown: Form<Value?> {
    Form<Value?>(read: { read($0, $1).map { .some($0) } }, write: { $0.flatMap(write) })
  }
}

/// A value with one form.
package protocol Storable: Sendable {
  static var form: Form<Self> { get }
}

extension Int: Storable {
  package static var form: Form<Int> { Form(read: { json, _ in json.integerValue }, write: { .integer($0) }) }
}

extension Double: Storable {
  package static var form: Form<Double> {
    Form(read: { json, _ in json.numberValue }, write: { .number($0) })
  }
}

extension String: Storable {
  package static var form: Form<String> {
    Form(read: { json, _ in json.stringValue }, write: { .string($0) })
  }
}

extension Bool: Storable {
  package static var form: Form<Bool> { Form(read: { json, _ in json.boolValue }, write: { .bool($0) }) }
}

extension JSONValue: Storable {
  package static var form: Form<JSONValue> { Form(read: { json, _ in json }, write: { $0 }) }
}

extension Storable where Self: RawRepresentable, RawValue == String {
  package static var form: Form<Self> {
    Form(read: { json, _ in json.stringValue.flatMap(Self.init) }, write: { .string($0.rawValue) })
  }
}

extension Optional: Storable where Wrapped: Storable {
  package static var form: Form<Wrapped?> { Wrapped.form.orUnknown }
}

extension Array: Storable where Element: Storable {
  package static var form: Form<[Element]> {
    Form(
      read: { json, purpose in
        json.arrayValue.flatMap { whole($0.map { Element.form.read($0, purpose) }, purpose) }
      }, write: { .array($0.compactMap(Element.form.write)) })
  }
}

extension Form where Value == Double {
  /// A number that isn't finite is written as null. Null is read as not a number.
  static var measured: Form { Form(read: { json, _ in json.numberValue ?? .nan }, write: { .number($0) }) }
}

extension Form where Value == [Double] {
  /// Measured numbers. JSON other than a list is read as an empty list.
  static var items: Form {
    Form(
      read: { json, _ in (json.arrayValue ?? []).map { $0.numberValue ?? .nan } },
      write: { .array($0.map { .number($0) }) })
  }
}

extension Form where Value == String? {
  static var textOrNull: Form {
    Form(read: { json, _ in json.stringValue }, write: { $0.map { .string($0) } ?? .null })
  }
}

extension Form {
  /// An object whose keys are names, in their order.
  static func members<Element>(of form: Form<Element>) -> Form where Value == [Named<Element>] {
    Form(
      read: { json, purpose in
        json.objectValue.flatMap { object in
          whole(
            object.members.map { pair in form.read(pair.value, purpose).map { Named(pair.key, $0) } }, purpose
          )
        }
      },
      write: {
        .object(JSONObject($0.compactMap { named in form.write(named.value).map { (named.name, $0) } }))
      })
  }
}

/// Returns the elements that could be read, or nil if a run that goes on needs all of them and some are missing.
private func whole<Element>(_ elements: [Element?], _ purpose: Purpose) -> [Element]? {
  let known = elements.compactMap(\.self)
  return purpose == .report || known.count == elements.count ? known : nil
}

/// A value with its name.
public struct Named<Value> {
  public let name: String
  public let value: Value

  public init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }
}

extension Named: Sendable where Value: Sendable {}
extension Named: Equatable where Value: Equatable {}
