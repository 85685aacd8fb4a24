import JSON
import PluginRuntime

/// Every document that differs from a good one in a single place: a value replaced by one of another kind, a
/// member left out, a member too many.
enum Mutations {
  static let strangers: [JSONValue] = [
    nil, true, -1, 0, 1, 7, 0.5, 1e308, 9_223_372_036_854_775_807, "", "x", [], [nil], [[]], [:], ["x": [:]],
  ]

  static func of(_ document: JSONValue) -> [JSONValue] {
    var all = strangers
    switch document {
    case .object(let object):
      for member in object.members {
        var without = object
        without[member.key] = nil
        all.append(.object(without))
        for value in of(member.value) {
          var changed = object
          changed[member.key] = value
          all.append(.object(changed))
        }
      }
      var more = object
      more["stranger"] = 1
      all.append(.object(more))
    case .array(let elements):
      for index in elements.indices {
        var without = elements
        without.remove(at: index)
        all.append(.array(without))
        for value in of(elements[index]) {
          var changed = elements
          changed[index] = value
          all.append(.array(changed))
        }
      }
    default: break
    }
    return all
  }
}
