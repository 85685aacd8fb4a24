import Synchronization
import Wording

/// A stretch of work whose length is known: a pass through the layers, the windows of an evaluation.
public struct ProgressTask: Sendable, Equatable {
  /// Where in the pipeline and what: `prune, iteration 3 of 10: backward`.
  public let title: String
  /// How many units there are; 0 if that is unknown.
  public let total: Int
  /// What is counted, in the plural: `layers`, `windows`.
  public let unit: String

  public init(title: String, total: Int, unit: String) {
    self.title = ShownText.value(title)
    self.total = max(0, total)
    self.unit = unit
  }
}

/// How far a plugin's call is.
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

/// Where long work says how far it is. One task is under way at a time: `begin` ends the one before.
/// Every function may be called from any thread.
public protocol ProgressReporter: Sendable {
  func begin(_ task: ProgressTask)
  /// `done` of the task's units are finished.
  func advance(to done: Int)
  /// A plugin that is called for the task, or between two, says how far its call is, in units of its own. That counts
  /// until the task goes on. `total` is 0 or less where it is unknown.
  func tell(plugin: String, done: Int, of total: Int)
  /// The task is finished, or was given up.
  func end()
  /// A sentence for the person who waits. Results do not belong here: they go to stdout.
  func note(_ sentence: String)
  /// A sentence about a result that is not what was to be expected: said even to who wants no progress.
  func warn(_ sentence: String)
}

extension ProgressReporter {
  public func tell(plugin: String, done: Int, of total: Int) {}

  public func warn(_ sentence: String) { note("warning: " + sentence) }
}

/// Says nothing but warnings: `--quiet`.
public struct QuietProgress: ProgressReporter {
  private let write: @Sendable (String) -> Void

  public init(write: @escaping @Sendable (String) -> Void) { self.write = write }
  public func begin(_ task: ProgressTask) {}
  public func advance(to done: Int) {}
  public func end() {}
  public func note(_ sentence: String) {}
  public func warn(_ sentence: String) { write("warning: \(sentence)\n") }
}

/// Says nothing: tests, and work within other work.
public struct SilentProgress: ProgressReporter {
  public init() {}
  public func begin(_ task: ProgressTask) {}
  public func advance(to done: Int) {}
  public func end() {}
  public func note(_ sentence: String) {}
  public func warn(_ sentence: String) {}
}

/// Set once, when the user asks to stop; long work polls it between layers.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  public init() {}

  public var isCancelled: Bool { flag.load(ordering: .relaxed) }

  public func cancel() { flag.store(true, ordering: .relaxed) }

  /// Whether it is the user who ended the work that threw `error`.
  func isBehind(_ error: any Error) -> Bool { error is Interrupted || isCancelled }

  /// Throws `Interrupted` once the user has asked to stop.
  public func check() throws(Interrupted) {
    if isCancelled { throw Interrupted() }
  }
}

/// The user asked to stop.
public struct Interrupted: Error, Equatable, CustomStringConvertible {
  public init() {}
  public var description: String { "stopped at your request" }
}
