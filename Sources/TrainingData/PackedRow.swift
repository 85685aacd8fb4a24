/// A document, or a part of one, within a row. Attention doesn't cross its ends.
public struct Segment: Sendable, Equatable {
  /// `[tokens]`
  public let ids: [Int32]
  /// `[tokens]`: whether the token is to be predicted from those before it. The first never is.
  public let isTarget: [Bool]

  /// - Parameter isTarget: of the document; that a segment's first token is none is seen to here.
  init(ids: some Sequence<Int32>, isTarget: some Sequence<Bool>) {
    self.ids = Array(ids)
    var targets = Array(isTarget)
    if !targets.isEmpty { targets[0] = false }
    self.isTarget = targets
  }
}

/// What one row of a batch holds.
public struct PackedRow: Sendable, Equatable {
  public let segments: [Segment]

  public var tokenCount: Int { segments.reduce(0) { $0 + $1.ids.count } }
  public var targetCount: Int { segments.reduce(0) { $0 + $1.isTarget.count { $0 } } }
}
