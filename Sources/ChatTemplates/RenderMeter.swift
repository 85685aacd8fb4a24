import Synchronization

/// Adds up the excessive work of a template over all conversations of a file.
///
/// It stops a template that comes near its limit each time after some hundreds of conversations: in about a second.
/// Models' templates stay below the usual share and never count.
public final class RenderMeter: Sendable {
  private let excess = Mutex(0)

  /// A quarter of a rendering's limit is usual.
  static let usualShare = 4
  /// In units of `RenderLimits.work`.
  static let most = 16 << 20

  public init() {}

  /// - Returns: whether the sum is too much now.
  func add(_ spent: Int, of limit: Int) -> Bool {
    excess.withLock { excess in
      excess = max(0, excess + spent - limit / Self.usualShare)
      return excess > Self.most
    }
  }
}
