import JSON
import PluginRuntime
import Wording

/// The results of all checks of one plugin.
public struct CheckedPluginReport: Equatable, Sendable {
  public let id: String
  public let kind: PluginKind
  public let library: String
  public let results: [CheckResult]
  /// The number of checks that were left out because an earlier failure explains them.
  public let notMade: Int

  public var isPassed: Bool { !results.contains { $0.state == .failed } }

  public var json: JSONValue {
    [
      "id": .string(id), "kind": .string(kind.rawValue), "library": .string(library),
      "passed": .bool(isPassed), "not_made": .integer(notMade),
      "checks": .array(results.map(\.json)),
    ]
  }

  /// The counts of results: `19 passed, 2 skipped`, or `4 passed, 1 failed, 18 not made`.
  public var summary: String {
    let counts = [CheckResult.State.passed, .failed, .skipped].map { state in
      (state, results.count { $0.state == state })
    }
    let made = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }
    return (made + (notMade > 0 ? ["\(notMade) not made"] : [])).joined(separator: ", ")
  }
}

extension CheckResult {
  public var json: JSONValue {
    var object: JSONObject = [
      "name": .string(name), "strictness": .integer(strictness), "state": .string(state.rawValue),
      "sentence": .string(sentence),
    ]
    object["finding"] = finding.map { .string($0) }
    object["remedy"] = remedy.map { .string($0) }
    return .object(object)
  }

  /// The lines in a report.
  public var text: String {
    switch state {
    case .passed: "  passed   \(name): \(sentence)\n"
    case .skipped: "  skipped  \(name): \(finding ?? "")\n"
    case .failed:
      "  FAILED   \(name): \(sentence)\n             found: \(finding ?? "")\n             to do: \(remedy ?? "")\n"
    }
  }
}
