import Foundation
import PluginRuntime
import Processes

/// Checks of what a plugin does to what belongs to the whole process, and so to the host.
extension Checks {
  static let leavesProcessAlone = Check(
    name: "leaves_process_alone", strictness: 5,
    sentence:
      "Folder, environment, signals, limits, locale, rounding, standard descriptors and threads of the process are "
      + "afterwards as before.",
    remedy:
      "Leave to the host what is the whole process's, in constructors too; undo at the end of a call what you cannot "
      + "do without."
  ) { checked in
    let threads = ProcessMarks.now.threads
    _ = try checked.subject().ask(about: checked.model)
    if let disturbance = ProcessMarks.takenDisturbance() { throw Wrong(disturbance) }
    var before = checked.processBefore
    before.threads = threads
    if let (old, new) = before.firstDifference(from: ProcessMarks.now) {
      throw Wrong("before it was called \(old), and afterwards \(new)")
    }
    return nil
  }

  static let exportedNames = Check(
    name: "exported_names", strictness: 3,
    sentence: "The library exports no name that the host's libraries have too.",
    remedy:
      "Hide all but adapt_pruner_plugin: -fvisibility=hidden and static functions, or a version script as "
      + "Plugins/exports.map is."
  ) { checked in
    if checked.isFunction { return "it is a function of a library that is not a plugin's" }
    guard let symbols = ELFSymbols(file: checked.plugin.library) else {
      return "its library is no ELF file of 64 bits, or has no table of names"
    }
    for name in symbols.exported where name != "adapt_pruner_plugin" {
      // The library itself is loaded for itself alone: what is found belongs to the host or to what it is linked with.
      guard let address = dlsym(nil, name) else { continue }
      let owner = ap_file_of_function(address).map { String(cString: $0) } ?? "the host"
      if owner == checked.plugin.library { continue }
      throw Wrong("it exports \(name), which is a name of \(owner) too: a call may end in the other's")
    }
    return nil
  }
}

/// What a plugin shares with the rest of the process.
struct ProcessMarks: Sendable {
  /// How each of them is, by what it is: `signal 15`, `is ignored`.
  private var states: [(what: String, how: String)]

  static var now: ProcessMarks {
    let text = [CChar](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      count = buffer.baseAddress.map { ap_process_marks($0, buffer.count) } ?? 0
    }
    var states = String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: "\n")
      .map {
        line in
        let halves = line.split(separator: "\t", maxSplits: 1)
        return (what: String(halves.first ?? ""), how: String(halves.dropFirst().first ?? ""))
      }
    // LLVM's OpenMP runtime tells other copies of itself of it by a variable of its own.
    let variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("__KMP_REGISTERED_LIB") }
    states += variables.sorted { $0.key < $1.key }.map {
      ("the variable \($0.key)", "is \"\($0.value)\"")
    }
    return ProcessMarks(states: states)
  }

  /// How many threads there are, in words.
  var threads: String {
    get { states.first { $0.what == Self.threads }?.how ?? "" }
    set {
      if let place = states.firstIndex(where: { $0.what == Self.threads }) { states[place].how = newValue }
    }
  }

  private static let threads = "the number of threads"

  /// The first that is otherwise in `other`, as it is here and as it is there.
  func firstDifference(from other: ProcessMarks) -> (String, String)? {
    let (here, there) = (byName, other.byName)
    let names = states.map(\.what) + other.states.map(\.what).filter { here[$0] == nil }
    guard let name = names.first(where: { here[$0] != there[$0] }) else { return nil }
    return ("\(name) \(here[name] ?? "is not set")", "\(name) \(there[name] ?? "is not set")")
  }

  private var byName: [String: String] { Dictionary(states.map { ($0.what, $0.how) }) { first, _ in first } }

  /// The first that the plugin changed and that was put back after its call; nil if there was none.
  static func takenDisturbance() -> String? {
    let text = [CChar](unsafeUninitializedCapacity: 8192) { buffer, count in
      count = buffer.baseAddress.map { ap_take_disturbance($0, buffer.count) } ?? 0
    }
    return text.isEmpty ? nil : String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
