/// The members of a JSON object, in the order in which they were written. Keys are unique.
///
/// Keys are the same when their UTF-8 bytes are. Swift's strings are equal when they are canonically equivalent,
/// so that two tokens of a vocabulary ("Å" has two spellings) would silently become one.
public struct JSONObject: Equatable, Sendable {
  public private(set) var members: [Member] = []
  /// Where each key stands; empty while the members are few enough to look through.
  private var places: [Bytes: Int] = [:]
  private static let few = 8

  public struct Member: Equatable, Sendable {
    public let key: String
    public var value: JSONValue

    public static func == (left: Member, right: Member) -> Bool {
      sameBytes(left.key, right.key) && left.value == right.value
    }
  }

  public init() {}

  /// Of two members with one key the later wins, in the earlier one's place.
  public init(_ pairs: some Sequence<(String, JSONValue)>) {
    for (key, value) in pairs { self[key] = value }
  }

  public var keys: [String] { members.map(\.key) }
  public var isEmpty: Bool { members.isEmpty }
  public var count: Int { members.count }

  /// A new key goes to the end, a known one keeps its place; nil removes.
  public subscript(key: String) -> JSONValue? {
    get { place(of: key).map { members[$0].value } }
    set {
      switch (place(of: key), newValue) {
      case (let place?, let value?): members[place].value = value
      case (nil, let value?): append(key, value)
      case (let place?, nil):
        members.remove(at: place)
        places = [:]
        indexIfMany()
      case (nil, nil): break
      }
    }
  }

  /// Adds a member whose key is known to be new.
  mutating func append(_ key: String, _ value: JSONValue) {
    members.append(Member(key: key, value: value))
    if places.isEmpty { indexIfMany() } else { places[Bytes(key)] = members.count - 1 }
  }

  func place(of key: String) -> Int? {
    if members.count > Self.few { return places[Bytes(key)] }
    return members.firstIndex { sameBytes($0.key, key) }
  }

  private mutating func indexIfMany() {
    guard members.count > Self.few else { return }
    for (place, member) in members.enumerated() { places[Bytes(member.key)] = place }
  }

  public static func == (left: JSONObject, right: JSONObject) -> Bool { left.members == right.members }

  private struct Bytes: Hashable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: Bytes, right: Bytes) -> Bool { sameBytes(left.text, right.text) }

    func hash(into hasher: inout Hasher) {
      var text = text
      text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}

private func sameBytes(_ left: String, _ right: String) -> Bool {
  left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
}
