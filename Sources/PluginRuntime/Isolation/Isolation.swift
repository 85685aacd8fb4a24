import Foundation

/// What a plugin in a process of its own may use.
public struct Isolation: Equatable, Sendable {
  /// Seconds that one call may take, without the time that the host takes for what the plugin asks of it.
  public var timeLimit: Double
  /// Seconds that loading its library, and making an instance, may take: where nothing is computed yet, a plugin hangs.
  public var loadTimeLimit: Double
  /// Bytes of memory that the process may have for itself; what it shares with the host does not count.
  public var memoryLimit: Int
  /// Threads for the arithmetic that the plugin asks for; nil: one for each processor.
  public var threads: Int?
  /// The program that is started, called with `Self.command`: this one, unless a test says otherwise.
  public var program: String?

  public init(
    timeLimit: Double = 600, loadTimeLimit: Double = 10, memoryLimit: Int = 4 << 30, threads: Int? = nil,
    program: String? = nil
  ) {
    self.timeLimit = timeLimit
    self.loadTimeLimit = loadTimeLimit
    self.memoryLimit = memoryLimit
    self.threads = threads
    self.program = program
  }

  /// The subcommand that is a worker. People have no use for it.
  public static let command = "plugin-worker"

  /// The same with so many threads.
  public func with(threads: Int) -> Isolation {
    var limits = self
    limits.threads = threads
    return limits
  }

  /// What is started: a path and its arguments.
  var words: [String] {
    [program ?? PluginRegistry.executable ?? "", Self.command]
      + (threads.map { ["--threads", "\($0)"] } ?? [])
  }
}
