import Foundation
import PluginRuntime
import Testing

@Suite struct ChildSignalsTests {
  /// A plugin's process finds what every program does, whatever this one ignores for itself.
  @Test func aProcessThatIsStartedIgnoresNoSignal() async {
    await #expect(processExitsWith: .success) {
      let ignored = [SIGINT, SIGPIPE, SIGXFSZ]
      for number in ignored { signal(number, SIG_IGN) }
      let child = try ChildProcess(starting: ["/bin/cat", "/proc/self/status"], passing: [])
      while !child.hasEnded { usleep(1000) }
      var bytes = [UInt8](repeating: 0, count: 1 << 14)
      let count = read(child.output, &bytes, bytes.count)
      let line = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").first {
        $0.hasPrefix("SigIgn:")
      }
      // proc(5): a mask in hexadecimal, signal 1 in the lowest bit.
      let digits = try #require(line?.split(whereSeparator: \.isWhitespace).last)
      let mask = try #require(UInt64(digits, radix: 16))
      for number in ignored { #expect(mask >> UInt64(number - 1) & 1 == 0, "signal \(number)") }
    }
  }
}
