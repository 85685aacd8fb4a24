import Synchronization

/// What a template takes beyond what it should, over all the conversations that it is rendered for.
///
/// One that comes near its limit each time is stopped after some hundreds of conversations, in about a second, and not after
/// all of a file. Templates of models take less than the share that counts as usual, and never come here.
public final class RenderMeter: Sendable {
  private let excess = Mutex(0)

  /// The part of a rendering's limit that is usual: a quarter.
  static let usualShare = 4
  /// Of the unit of `RenderLimits.work`.
  static let most = 16 << 20

  public init() {}

  /// - Returns: whether it was too much by now.
  func add(_ spent: Int, of limit: Int) -> Bool {
    excess.withLock { excess in
      excess = max(0, excess + spent - limit / Self.usualShare)
      return excess > Self.most
    }
  }
}
