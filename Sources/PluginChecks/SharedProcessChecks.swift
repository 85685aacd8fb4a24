import Foundation
import PluginRuntime
import Processes

/// Checks of the state that a plugin shares with the whole process, and so with the host.
extension Checks {
  static let leavesProcessAlone = Check(
    name: "leaves_process_alone", strictness: 5,
    sentence:
      "It leaves the process's folder, environment, signals, limits, locale, rounding, standard descriptors and "
      + "threads as they were.",
    remedy:
      "Do not change the state of the whole process, not even in constructors. If a call must change it, let the "
      + "call change it back."
  ) { checked in
    let threads = ProcessMarks.now.threads
    _ = try checked.answer()
    if let disturbance = ProcessMarks.takenDisturbance() { throw Wrong(disturbance) }
    var before = checked.processBefore
    before.threads = threads
    if let (old, new) = before.firstDifference(from: ProcessMarks.now) {
      throw Wrong("before it was called \(old), and afterwards \(new)")
    }
  }

  static let exportedNames = Check(
    name: "exported_names", strictness: 3,
    sentence: "The library exports no name that the host's libraries have too.",
    remedy:
      "Hide all names but adapt_pruner_plugin: use -fvisibility=hidden and static functions, or a version script "
      + "like Plugins/exports.map."
  ) { checked in
    if checked.isFunction { throw Skipped("it is a function of a library that is not a plugin's") }
    guard let symbols = ELFSymbols(file: checked.plugin.library) else {
      throw Skipped("its library is no ELF file of 64 bits, or has no table of names")
    }
    for name in symbols.exported where name != "adapt_pruner_plugin" {
      // The plugin was loaded with private names. So a name found here belongs to the host or its libraries.
      guard let address = dlsym(nil, name) else { continue }
      let owner = ap_file_of_function(address).map { String(cString: $0) } ?? "the host"
      if owner == checked.plugin.library { continue }
      throw Wrong("it exports \(name), which is a name of \(owner) too: a call may reach the other one")
    }
  }
}

/// The state that a plugin shares with the rest of the process.
struct ProcessMarks: Sendable {
  /// Pairs of a thing and its state: `signal 15`, `is ignored`.
  private var states: [(what: String, how: String)]

  static var now: ProcessMarks {
    var states = text(of: 1 << 16, ap_process_marks).split(separator: "\n").map { line in
      let halves = line.split(separator: "\t", maxSplits: 1)
      return (what: String(halves.first ?? ""), how: String(halves.dropFirst().first ?? ""))
    }
    // LLVM's OpenMP runtime sets a variable to find other copies of itself.
    let variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("__KMP_REGISTERED_LIB") }
    states += variables.sorted { $0.key < $1.key }.map {
      ("the variable \($0.key)", "is \"\($0.value)\"")
    }
    return ProcessMarks(states: states)
  }

  /// The number of threads, in words.
  var threads: String {
    get { states.first { $0.what == Self.threads }?.how ?? "" }
    set {
      if let place = states.firstIndex(where: { $0.what == Self.threads }) { states[place].how = newValue }
    }
  }

  private static let threads = "the number of threads"

  /// The first difference from `other`: the state here and the state there.
  func firstDifference(from other: ProcessMarks) -> (String, String)? {
    let (here, there) = (byName, other.byName)
    let names = states.map(\.what) + other.states.map(\.what).filter { here[$0] == nil }
    guard let name = names.first(where: { here[$0] != there[$0] }) else { return nil }
    return ("\(name) \(here[name] ?? "is not set")", "\(name) \(there[name] ?? "is not set")")
  }

  private var byName: [String: String] { Dictionary(states.map { ($0.what, $0.how) }) { first, _ in first } }

  /// The first state that the plugin changed and the host put back after the call. nil if there is none.
  static func takenDisturbance() -> String? {
    let text = text(of: 8192, ap_take_disturbance)
    return text.isEmpty ? nil : text
  }

  /// A text of at most `size` bytes that `write` puts into a buffer. It returns the length.
  private static func text(of size: Int, _ write: (UnsafeMutablePointer<CChar>, Int) -> Int) -> String {
    let bytes = [CChar](unsafeUninitializedCapacity: size) { buffer, count in
      count = buffer.baseAddress.map { write($0, buffer.count) } ?? 0
    }
    return String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
