/// The members of a JSON object, in their order. Keys are unique.
///
/// Keys are equal if their UTF-8 bytes are. Swift's strings are equal if they are canonically equivalent: two tokens of a
/// vocabulary ("Å" has two spellings) would silently become one.
public struct JSONObject: Equatable, Sendable {
  public private(set) var members: [Member] = []
  /// The place of each key. Empty while there are few members.
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

  /// If two pairs have the same key, the later value takes the earlier place.
  public init(_ pairs: some Sequence<(String, JSONValue)>) {
    for (key, value) in pairs { self[key] = value }
  }

  public var keys: [String] { members.map(\.key) }
  public var isEmpty: Bool { members.isEmpty }
  public var count: Int { members.count }

  /// A new key goes to the end, and a known key keeps its place. Nil removes the member.
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

  /// Adds a member with a new key.
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
