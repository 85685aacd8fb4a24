import JSON
import PluginRuntime

/// One thing that a plugin must do right.
struct Check: Sendable {
  /// For scripts: stays as it is.
  let name: String
  /// From 1 to 10: with this strictness it is looked at.
  let strictness: Int
  /// What is right.
  let sentence: String
  /// What to do where it is not.
  let remedy: String
  /// - Returns: why there was nothing to check; nil if there was.
  let body: @Sendable (CheckedPlugin) throws -> String?
}

/// What a check says that is wrong.
struct Wrong: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A plugin under examination, in the process that was made for it.
struct CheckedPlugin: Sendable {
  let plugin: LoadedPlugin
  /// What its author gives to the checks.
  let own: OwnTestData
  /// What the host offers, arithmetic included.
  let services: @Sendable () -> HostServices
  /// What belongs to the whole process, before the plugin was loaded.
  let processBefore: ProcessMarks
  /// Whether it is a plain function.
  let isFunction: Bool

  func subject(
    _ options: JSONObject? = nil, memory: CallMemory = CallMemory(),
    change: (inout HostServices) -> Void = { _ in }
  ) throws -> Subject {
    var services = services()
    services.seed = 42
    services.memory = memory
    change(&services)
    return try Subject(
      plugin, options: .object(options ?? self.options), own: own, services: services)
  }

  /// Options with which an instance can be made: its author's, and samples where one is needed.
  var options: JSONObject {
    var options = plugin.schema.sampleOptions
    for member in own.options.members { options[member.key] = member.value }
    return options
  }

  /// The sample model, with units that the plugin judges.
  var model: SampleModel {
    var model = SampleModel()
    model.families = families
    return model
  }

  /// What a criterion asks for says which units it can judge.
  var families: [SampleFamily] {
    plugin.kind == .criterion && plugin.statistics.contains { $0.carrier == .wholeUnit }
      ? SampleFamily.groups[1] : SampleFamily.groups[0]
  }

  /// Takes an error for an answer if the plugin said why.
  /// - Parameter alsoUnlikely: numbers that no model has may come out as answers that the host refuses.
  func allowingRefusal(_ what: String, alsoUnlikely: Bool = false, _ body: () throws -> Void) throws {
    do { try body() } catch let error as PluginError {
      switch error {
      case .refused(_, let function, _, nil):
        throw Wrong("\(what): \(function) failed and gave no reason")
      case .refused(_, _, .unknown(let number), _):
        throw Wrong("\(what): \(number) is no status")
      case .refused: return
      case .notFinite, .outOfRange, .badMetric, .goalMissed:
        if !alsoUnlikely { throw Wrong("\(what): \(error)") }
      default: throw Wrong("\(what): \(error)")
      }
    }
  }
}

/// What has come of one check.
public struct CheckResult: Equatable, Sendable {
  public enum State: String, Sendable { case passed, failed, skipped }

  public let name: String
  public let strictness: Int
  /// What is right.
  public let sentence: String
  public let state: State
  /// What is wrong, or why it was skipped.
  public let finding: String?
  /// What to do; nil unless it failed.
  public let remedy: String?

  init(_ check: Check, _ state: State, finding: String? = nil) {
    name = check.name
    strictness = check.strictness
    sentence = check.sentence
    self.state = state
    self.finding = finding
    remedy = state == .failed ? check.remedy : nil
  }
}
