import Foundation

/// A stream of frames over a socket: length, kind, contents.
struct FrameInbox {
  private var bytes: [UInt8] = []
  private var start = 0

  private static let headerBytes = 5
  /// Arrays are not in frames: more is no frame of ours.
  private static let mostBytes = 1 << 28

  mutating func append(_ piece: UnsafeRawBufferPointer) {
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      start = 0
    }
    bytes.append(contentsOf: piece)
  }

  /// The next whole frame; nil if there is none yet.
  mutating func next() throws(PacketReader.Garbled) -> (kind: FrameKind, contents: [UInt8])? {
    guard bytes.count - start >= Self.headerBytes else { return nil }
    let count = bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: start, as: UInt32.self)) }
    guard count <= Self.mostBytes, let kind = FrameKind(rawValue: bytes[start + 4]) else {
      throw PacketReader.Garbled()
    }
    let end = start + Self.headerBytes + count
    guard bytes.count >= end else { return nil }
    defer { start = end }
    return (kind, Array(bytes[(start + Self.headerBytes)..<end]))
  }
}

enum FrameSocket {
  /// - Returns: whether the other side took all of it.
  static func send(_ kind: FrameKind, _ contents: [UInt8], to socket: Int32) -> Bool {
    var frame = withUnsafeBytes(of: UInt32(truncatingIfNeeded: contents.count)) { Array($0) }
    frame.append(kind.rawValue)
    frame.append(contentsOf: contents)
    return frame.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[sent...])
        let count = Glibc.send(socket, piece.baseAddress, piece.count, Int32(MSG_NOSIGNAL))
        if count > 0 {
          sent += count
        } else if errno != EINTR {
          return false
        }
      }
      return true
    }
  }

  enum Arrival { case some, none, ended }

  /// Reads what is there, or waits for something if nothing is and the descriptor blocks.
  static func receive(from descriptor: Int32, into take: (UnsafeRawBufferPointer) -> Void) -> Arrival {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { room in
      while true {
        let count = read(descriptor, room.baseAddress, room.count)
        if count > 0 {
          take(UnsafeRawBufferPointer(rebasing: room[..<count]))
          return .some
        }
        if count == 0 { return .ended }
        switch errno {
        case EINTR: continue
        case EAGAIN: return .none
        default: return .ended
        }
      }
    }
  }
}
