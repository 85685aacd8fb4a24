import Synchronization
import Wording

/// A piece of work that counts units, for instance a pass through the layers.
public struct ProgressTask: Sendable, Equatable {
  /// The stage and its work: `prune, iteration 3 of 10: backward`.
  public let title: String
  /// The number of units; 0 if it is unknown.
  public let total: Int
  /// The unit in the plural: `layers`, `windows`.
  public let unit: String

  public init(title: String, total: Int, unit: String) {
    self.title = ShownText.value(title)
    self.total = max(0, total)
    self.unit = unit
  }
}

/// The progress of a plugin's call.
struct PluginProgress {
  let plugin: String
  let done: Int
  let total: Int

  /// `adapt-pruner.flap 3/7`.
  var words: String {
    let known = max(0, done)
    return ShownText.value(plugin) + (total > 0 ? " \(min(known, total))/\(total)" : " \(known)")
  }
}

/// Shows the progress of long work to the user. Any thread may call every function.
///
/// There is one task at a time: `begin` ends the previous one. By default a warning is a note, and nothing is shown.
public protocol ProgressReporter: Sendable {
  func begin(_ task: ProgressTask)
  /// `done` of the task's units are finished.
  func advance(to done: Int)
  /// Shows the progress of a plugin's call, in the plugin's own units, until the task advances. `total` is 0 or less if it
  /// is unknown.
  func tell(plugin: String, done: Int, of total: Int)
  /// The task is finished or abandoned.
  func end()
  /// Shows a sentence that is not a result. Results go to stdout.
  func note(_ sentence: String)
  /// Shows a warning about a result, even without progress.
  func warn(_ sentence: String)
}

extension ProgressReporter {
  public func begin(_ task: ProgressTask) {}
  public func advance(to done: Int) {}
  public func tell(plugin: String, done: Int, of total: Int) {}
  public func end() {}
  public func note(_ sentence: String) {}
  public func warn(_ sentence: String) { note("warning: " + sentence) }
}

/// Shows warnings alone: `--quiet`.
public struct QuietProgress: ProgressReporter {
  private let write: @Sendable (String) -> Void

  public init(write: @escaping @Sendable (String) -> Void) { self.write = write }
  public func warn(_ sentence: String) { write("warning: \(sentence)\n") }
}

/// Shows nothing, for tests and for work within other work.
public struct SilentProgress: ProgressReporter {
  public init() {}
}

/// The user's request to stop. Long work polls it between layers.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  public init() {}

  public var isCancelled: Bool { flag.load(ordering: .relaxed) }

  public func cancel() { flag.store(true, ordering: .relaxed) }

  /// Whether `error` follows from the user's request.
  func isBehind(_ error: any Error) -> Bool { error is Interrupted || isCancelled }

  /// Throws `Interrupted` after the user has asked to stop.
  public func check() throws(Interrupted) {
    if isCancelled { throw Interrupted() }
  }
}

/// The user asked to stop.
public struct Interrupted: Error, Equatable, CustomStringConvertible {
  public init() {}
  public var description: String { "stopped at your request" }
}
