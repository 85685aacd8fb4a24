import JSON
import PluginRuntime

/// One thing that a plugin must do right.
struct Check: Sendable {
  /// The name in reports. Scripts read it, so it never changes.
  let name: String
  /// The lowest strictness that includes the check, from 1 to 10.
  let strictness: Int
  /// Says what is right.
  let sentence: String
  /// Says what to do if it is wrong.
  let remedy: String
  /// - Throws: `Wrong` or another error if the plugin fails; `Skipped` if there is nothing to check.
  let body: @Sendable (CheckedPlugin) throws -> Void
}

/// A check's finding that something is wrong.
struct Wrong: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The reason why a check has nothing to do.
struct Skipped: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// A plugin under examination, in a process of its own.
struct CheckedPlugin: Sendable {
  let plugin: LoadedPlugin
  /// The author's options and data for the checks.
  let own: OwnTestData
  /// The host's services, with arithmetic.
  let services: @Sendable () -> HostServices
  /// The state of the process before the plugin was loaded.
  let processBefore: ProcessMarks
  /// Whether the plugin is a plain function.
  let isFunction: Bool

  func subject(
    _ options: JSONObject? = nil, memory: CallMemory = CallMemory(),
    change: (inout HostServices) -> Void = { _ in }
  ) throws -> Subject {
    var services = services()
    services.seed = 42
    services.memory = memory
    change(&services)
    return try Subject(plugin, options: .object(options ?? self.options), own: own, services: services)
  }

  /// The answer of a new instance about the sample model.
  func answer(_ change: (inout CallMemory) -> Void = { _ in }) throws -> [Double] {
    var memory = CallMemory()
    change(&memory)
    return try subject(memory: memory).ask(about: model)
  }

  /// Asks a new instance about each changed sample model. See `allowingRefusal`.
  func tryModels(
    _ changes: [(what: String, change: (inout SampleModel) -> Void)], alsoUnlikely: Bool
  ) throws {
    for (what, change) in changes {
      var model = model
      change(&model)
      try allowingRefusal(what, alsoUnlikely: alsoUnlikely) { _ = try subject().ask(about: model) }
    }
  }

  func tryModels(with list: [SampleModel.Numbers], alsoUnlikely: Bool) throws {
    try tryModels(
      list.map { numbers in ("with \(numbers.rawValue) numbers", { $0.numbers = numbers }) },
      alsoUnlikely: alsoUnlikely)
  }

  /// Options that make an instance: the author's, and samples for the required ones.
  var options: JSONObject {
    var options = plugin.schema.sampleOptions
    for member in own.options.members { options[member.key] = member.value }
    return options
  }

  /// The sample model, with units that the plugin can judge. A criterion's statistics say which these are.
  var model: SampleModel {
    var model = SampleModel()
    if plugin.kind == .criterion, plugin.statistics.contains(where: { $0.carrier == .wholeUnit }) {
      model.families = SampleFamily.groups[1]
    }
    return model
  }

  /// Accepts an error as an answer if the plugin gave a reason.
  /// - Parameter alsoUnlikely: also accepts answers that the host refuses, because no real model has such numbers.
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

/// The author's options and data for the checks, from `check` in the `plugin.json`.
struct OwnTestData: Sendable {
  /// The options of every instance.
  let options: JSONObject
  /// The data that the options name, by option.
  let corpora: [String: HostServices.Corpus]
  /// Says why the data cannot be read. nil if it can.
  let problem: String?

  /// - Parameter read: reads the value of a data option.
  init(
    of plugin: LoadedPlugin, _ description: PluginDescription,
    reading read: (_ option: String, _ value: JSONValue, _ manifest: String) throws -> HostServices.Corpus
  ) {
    options = description.checkOptions
    var corpora: [String: HostServices.Corpus] = [:]
    var problem: String?
    for property in plugin.schema.properties where property.isData {
      guard let value = options[property.name] else { continue }
      do { corpora[property.name] = try read(property.name, value, description.manifest) } catch {
        problem = problem ?? "\(error)"
      }
    }
    self.corpora = corpora
    self.problem = problem
  }
}

/// The result of one check.
public struct CheckResult: Equatable, Sendable {
  public enum State: String, Sendable { case passed, failed, skipped }

  public let name: String
  public let strictness: Int
  /// Says what is right.
  public let sentence: String
  public let state: State
  /// Says what is wrong, or why the check was skipped.
  public let finding: String?
  /// Says what to do. nil unless the check failed.
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
