import Foundation

/// The limits of a plugin in a process of its own.
public struct Isolation: Equatable, Sendable {
  /// The most seconds of one call, without the time of the host's services.
  public var timeLimit: Double
  /// The most seconds to load the library, and to make an instance. Nothing is computed there, so a slow plugin hangs.
  public var loadTimeLimit: Double
  /// The most bytes of memory of the process, without those that it shares with the host.
  public var memoryLimit: Int
  /// The threads for the arithmetic of services; nil: one for each processor.
  public var threads: Int?
  /// The program to start with `Self.command`; nil: this program.
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

  /// The hidden subcommand that runs a worker.
  public static let command = "plugin-worker"

  /// The same limits with another number of threads.
  public func with(threads: Int) -> Isolation {
    var limits = self
    limits.threads = threads
    return limits
  }

  /// The path of the program and its arguments.
  var words: [String] {
    [program ?? PluginRegistry.executable ?? "", Self.command]
      + (threads.map { ["--threads", "\($0)"] } ?? [])
  }
}
