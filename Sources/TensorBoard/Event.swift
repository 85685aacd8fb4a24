/// A record of an event file (tensorboard/compat/proto: event.proto, summary.proto, tensor.proto).
package struct Event {
  package enum Content {
    /// The first record of every file.
    case version
    /// The run goes on from this step. Earlier files no longer count from here on.
    case start
    case scalar(tag: String, value: Float)
  }

  /// Seconds since 1970.
  package var wallTime: Double
  package var step: Int64
  package var content: Content

  package init(wallTime: Double, step: Int64 = 0, _ content: Content) {
    self.wallTime = wallTime
    self.step = step
    self.content = content
  }

  /// The protobuf message.
  package var bytes: [UInt8] {
    var event = ProtobufMessage()
    event.put(1, wallTime)
    // Protobuf leaves out a 0 outside of a oneof.
    if step != 0 { event.put(2, step) }
    switch content {
    case .version: event.put(3, "brain.Event:2")
    case .start: event.put(7) { log in log.put(1, Int64(1)) }  // SessionLog.status = START
    case .scalar(let tag, let value):
      // A Summary of one Value.
      event.put(5) { summary in
        summary.put(1) { entry in
          entry.put(1, tag)
          entry.put(2, value)  // simple_value
        }
      }
    }
    return event.bytes
  }
}
