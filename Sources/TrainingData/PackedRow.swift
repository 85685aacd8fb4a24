/// A document, or a part of one, in a row. Attention doesn't cross its ends.
public struct Segment: Sendable, Equatable {
  /// `[tokens]`
  public let ids: [Int32]
  /// `[tokens]`: whether the token is predicted from those before it. The first never is.
  public let isTarget: [Bool]

  /// - Parameter isTarget: from the document. The segment's first token is never predicted.
  init(ids: some Sequence<Int32>, isTarget: some Sequence<Bool>) {
    self.ids = Array(ids)
    var targets = Array(isTarget)
    if !targets.isEmpty { targets[0] = false }
    self.isTarget = targets
  }
}

/// One row of a batch.
public struct PackedRow: Sendable, Equatable {
  public let segments: [Segment]

  public var tokenCount: Int { segments.reduce(0) { $0 + $1.ids.count } }
  public var targetCount: Int { segments.reduce(0) { $0 + $1.isTarget.count { $0 } } }
}
