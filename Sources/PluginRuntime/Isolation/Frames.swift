import Foundation

/// The kind of a frame. This comment is the protocol of worker processes, version 1.
///
/// A worker starts with these descriptors:
/// - 3: a socket, over which both sides send frames
/// - 4: the host's tray, shared memory that the worker can only read
/// - 5: the worker's tray, shared memory that the host only reads
/// - 6: a pipe; when it ends the host is gone, and the worker ends too
///
/// A frame is the number of bytes of its contents (UInt32), its kind (UInt8), and the contents. Contents are fields
/// without gaps. `WireFunctions` lists the functions, `WireFields.swift` the fields of their contents and answers:
/// - a number: 8 bytes (Int64, UInt64, Double); a Bool: 1 byte
/// - a text: its number of bytes (Int64), then UTF-8
/// - an optional value: a Bool whether it is there, then the value
/// - a list: its count (Int64), then its values; a dictionary: the list of its keys, sorted, then the values
/// - an array of numbers (Int64, Int32, Float, Double): its count and its offset in the sender's tray (Int64 each)
/// - a struct: its fields
///
/// A `call` and a `notice` begin with the function's name as a text. The other side answers a call with one `done` or
/// one `failed` (`CallFailure`). The host calls first, with `load`. The worker may call the host in the middle of a
/// call. Any thread of the worker may send a notice at any time.
///
/// A tray holds its writer's last call or answer. Arrays lie at multiples of 64, from byte 4096 on. The first four
/// bytes (UInt32) are not 0 if the host cancels its call.
enum FrameKind: UInt8 {
  case call = 1
  case done, failed
  /// A call without an answer.
  case notice

  static let protocolVersion = 1
}

/// A stream of frames over a socket.
struct FrameInbox {
  private var bytes: [UInt8] = []
  private var start = 0

  private static let headerBytes = 5
  /// A longer frame is invalid, since arrays are not in frames.
  private static let mostBytes = 1 << 28

  mutating func append(_ piece: UnsafeRawBufferPointer) {
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      start = 0
    }
    bytes.append(contentsOf: piece)
  }

  /// The next whole frame; nil if there is none yet.
  mutating func next() throws(WireError) -> (kind: FrameKind, contents: [UInt8])? {
    guard bytes.count - start >= Self.headerBytes else { return nil }
    let count = bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: start, as: UInt32.self)) }
    guard count <= Self.mostBytes, let kind = FrameKind(rawValue: bytes[start + 4]) else { throw .garbled }
    let end = start + Self.headerBytes + count
    guard bytes.count >= end else { return nil }
    defer { start = end }
    return (kind, Array(bytes[(start + Self.headerBytes)..<end]))
  }
}

enum FrameSocket {
  /// - Returns: whether the whole frame was sent.
  static func send(_ kind: FrameKind, _ contents: [UInt8], to socket: Int32) -> Bool {
    var frame = withUnsafeBytes(of: UInt32(truncatingIfNeeded: contents.count)) { Array($0) }
    frame.append(kind.rawValue)
    frame.append(contentsOf: contents)
    return frame.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[sent...])
        let count = Glibc.send(socket, piece.baseAddress, piece.count, Int32(MSG_NOSIGNAL))
        if count > 0 { sent += count } else if errno != EINTR { return false }
      }
      return true
    }
  }

  enum Arrival { case some, none, ended }

  /// Reads what is there. If nothing is there and the descriptor blocks, this waits.
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
