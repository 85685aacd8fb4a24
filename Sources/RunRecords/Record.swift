import JSON

/// What a record is read for.
package enum Purpose: Sendable {
  /// To show it: what can't be read is left out.
  case report
  /// To go on from it: all that a run needs has to be there, and lists have to be whole.
  case resume
}

/// Who can't do without a member.
package enum Need: Sendable {
  case nobody
  /// A run that goes on.
  case resuming
  /// A run that goes on, unless it is missing, as older versions left it out.
  case resumingIfThere
  /// Anybody: there is no record without it.
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

/// A JSON object that a run writes and reads: each member is told once, in `fields`.
package protocol Record: Sendable {
  /// Nothing is known.
  init()
  /// In the order in which they are written.
  static var fields: [Field<Self>] { get }
  /// Whether a run can go on from what was read.
  var isSound: Bool { get }
}

extension Record {
  package init(_ fill: (inout Self) throws -> Void) rethrows {
    self.init()
    try fill(&self)
  }

  /// nil if something is missing, or of the wrong type, that can't be done without.
  package init?(json: JSONValue, for purpose: Purpose) {
    self.init()
    for field in Self.fields where !field.read(&self, json, purpose) { return nil }
    if purpose == .resume, !isSound { return nil }
  }

  package var isSound: Bool { true }

  package var json: JSONValue { .object(members) }

  package var members: JSONObject {
    var members = JSONObject()
    for field in Self.fields { field.write(self, &members) }
    return members
  }
}

/// A member of a record: its key, its place in the type, its form, and who needs it.
package struct Field<Owner>: Sendable {
  /// false if there is no record for this purpose.
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

  /// A member that is left out where it isn't known.
  init<Value>(
    _ key: String, _ path: WritableKeyPath<Owner, Value?> & Sendable, _ form: Form<Value>,
    _ need: Need = .nobody
  ) {
    // What can't be read is not read as "not known".
    let known = Form<Value?>(
      read: { json, purpose in form.read(json, purpose).map { .some($0) } }, write: { $0.flatMap(form.write) }
    )
    self.init(key, path, known, need)
  }

  /// A member that follows from others: it is written and never read.
  init(_ key: String, from value: @escaping @Sendable (Owner) -> JSONValue?) {
    read = { _, _, _ in true }
    write = { owner, members in
      if let value = value(owner) { members[key] = value }
    }
  }

  /// The members of a record that stand among this one's own, where they are looked for.
  init<Value: Record>(
    all path: WritableKeyPath<Owner, Value?> & Sendable,
    where isTold: @escaping @Sendable (Owner) -> Bool = { _ in true }
  ) {
    read = { owner, json, purpose in
      if isTold(owner) { owner[keyPath: path] = Value(json: json, for: purpose) }
      return true
    }
    write = { owner, members in
      for member in owner[keyPath: path]?.members.members ?? [] { members[member.key] = member.value }
    }
  }
}

/// How values of a type stand in JSON.
package struct Form<Value>: Sendable {
  /// nil if something else stands there.
  let read: @Sendable (JSONValue, Purpose) -> Value?
  /// nil: the member is left out.
  let write: @Sendable (Value) -> JSONValue?
}

extension Form where Value == Int {
  static var integer: Form { Form(read: { json, _ in json.integerValue }, write: { .integer($0) }) }
}

extension Form where Value == Double {
  static var number: Form { Form(read: { json, _ in json.numberValue }, write: { .number($0) }) }
  /// What isn't finite is null in JSON, and not a number when it comes back.
  static var measured: Form { Form(read: { json, _ in json.numberValue ?? .nan }, write: { .number($0) }) }
}

extension Form where Value == [Double] {
  /// Of something else than a list there are no items.
  static var items: Form {
    Form(
      read: { json, _ in (json.arrayValue ?? []).map { $0.numberValue ?? .nan } },
      write: { .array($0.map { .number($0) }) })
  }
}

extension Form where Value == String {
  static var text: Form { Form(read: { json, _ in json.stringValue }, write: { .string($0) }) }
}

extension Form where Value == String? {
  static var textOrNull: Form {
    Form(read: { json, _ in json.stringValue }, write: { $0.map { .string($0) } ?? .null })
  }
}

extension Form where Value == Bool {
  static var flag: Form { Form(read: { json, _ in json.boolValue }, write: { .bool($0) }) }
}

extension Form where Value == JSONValue {
  /// As it stands.
  static var any: Form { Form(read: { json, _ in json }, write: { $0 }) }
}

extension Form where Value: Record {
  static var record: Form { Form(read: { Value(json: $0, for: $1) }, write: { $0.json }) }
}

extension Form where Value: RawRepresentable & Sendable, Value.RawValue == String {
  static var word: Form {
    Form(read: { json, _ in json.stringValue.flatMap(Value.init) }, write: { .string($0.rawValue) })
  }
}

extension Form {
  static func list<Element>(of form: Form<Element>) -> Form where Value == [Element] {
    Form(
      read: { json, purpose in
        json.arrayValue.flatMap { whole($0.map { form.read($0, purpose) }, purpose) }
      }, write: { .array($0.compactMap(form.write)) })
  }

  /// An object whose keys are names, in their order.
  static func members<Element>(of form: Form<Element>) -> Form where Value == [Named<Element>] {
    Form(
      read: { json, purpose in
        json.objectValue.flatMap { object in
          whole(
            object.members.map { member in
              form.read(member.value, purpose).map { Named(member.key, $0) }
            }, purpose)
        }
      },
      write: {
        .object(JSONObject($0.compactMap { named in form.write(named.value).map { (named.name, $0) } }))
      })
  }
}

/// nil if some are missing of what has to be whole.
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
