import Foundation
import PluginRuntime
import Processes
import Synchronization

/// Checks of a plugin's threads, time and memory. A plugin shares its process with the host.
extension Checks {
  // MARK: - Threads and stops

  static let threads = Check(
    name: "threads", strictness: 9,
    sentence:
      "Several instances can work at the same time on several threads, and one can move from thread to thread.",
    remedy:
      "Keep no state outside of instances, not even static buffers. Do not rely on thread-local variables."
  ) { checked in
    let answer = try checked.answer()
    let moved = try checked.subject()
    let found = Mutex<[String]>([])
    nonisolated(unsafe) let shared = moved
    for turn in 0..<3 {
      onThreads(turn == 0 ? 4 : 1) { _ in
        do {
          // In the first turn each thread has its own instance. Later turns move one instance to a new thread.
          let subject = turn == 0 ? try checked.subject() : shared
          for _ in 0..<(turn == 0 ? 20 : 1) {
            try same(try subject.ask(about: checked.model), answer, "on a thread of its own, an instance")
          }
        } catch { found.withLock { $0.append("\(error)") } }
      }
    }
    if let first = found.withLock({ $0.first }) { throw Wrong(first) }
  }

  private static func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let done = DispatchGroup()
    for index in 0..<count {
      done.enter()
      let thread = Thread {
        body(index)
        done.leave()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    done.wait()
  }

  /// The seconds in which a call must end after it was told to stop.
  private static let patience = 5.0

  static let cancelled = Check(
    name: "cancelled", strictness: 9,
    sentence: "A call that is told to stop ends soon, with AP_OK or AP_CANCELLED.",
    remedy: "In long loops, call host->is_cancelled now and then, and return AP_CANCELLED."
  ) { checked in
    let subject = try checked.subject { $0.isCancelled = { true } }
    var model = checked.model
    (model.layers, model.channels, model.hidden) = (1, 96, 64)
    let began = ContinuousClock.now
    do { _ = try subject.ask(about: model) } catch PluginError.refused(_, _, .cancelled, _) {
    } catch let error as PluginError {
      try checked.allowingRefusal("told to stop") { throw error }
    }
    let took = (ContinuousClock.now - began) / .seconds(1)
    if took > patience { throw Wrong("it went on for \((took * 10).rounded() / 10) s") }
  }

  // MARK: - Time and room

  static let neverGrows = Check(
    name: "never_grows", strictness: 10,
    sentence:
      "A thousand instances and a thousand answers leave no memory, open file or thread behind.",
    remedy:
      "Free in destroy what create took, and at the end of a call what the call took. Valgrind finds what is left."
  ) { checked in
    let subject = try checked.subject()
    try leavesNothing("1000 instances") { _ = try checked.subject() }
    try leavesNothing("1000 answers") { _ = try subject.ask(about: checked.model) }
  }

  private static func leavesNothing(_ what: String, _ body: () throws -> Void) throws {
    func count(_ folder: String) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: folder).count
    }
    for _ in 0..<20 { try body() }
    let (files, threads) = (try count("/proc/self/fd"), try count("/proc/self/task"))
    let memory = ap_mapped_bytes()
    let heap = try growth(body)
    if heap > mostGrowth { throw Wrong("\(what) left \(heap) bytes behind") }
    let moreFiles = try count("/proc/self/fd") - files
    let moreThreads = try count("/proc/self/task") - threads
    if moreFiles > 100 { throw Wrong("\(what) left \(moreFiles) open files behind") }
    if moreThreads > 100 { throw Wrong("\(what) left \(moreThreads) threads behind") }
    let mapped = ap_mapped_bytes() - memory
    if mapped > mostMapped { throw Wrong("\(what) left \(mapped) bytes of mapped memory behind") }
  }

  /// The most bytes of address space that the heap may keep for later.
  private static let mostMapped = 48 << 20

  /// The most bytes that the allocator's own lists may take.
  private static let mostGrowth = 16 << 10

  /// The growth of the heap over a thousand calls, in bytes. The first calls do not count.
  private static func growth(_ body: () throws -> Void) throws -> Int {
    for _ in 0..<20 { try body() }
    var least = Int.max
    // A leak repeats. Other threads of the process may change the heap too, so the smallest growth counts.
    for _ in 0..<3 where least > mostGrowth {
      let before = Int(ap_heap_bytes())
      for _ in 0..<1000 { try body() }
      least = min(least, Int(ap_heap_bytes()) - before)
    }
    return least
  }

  static let largeLayer = Check(
    name: "large_layer", strictness: 10,
    sentence: "It judges a layer of twenty thousand channels within the time limit of a check.",
    remedy: "Look for loops over all pairs of units."
  ) { checked in
    guard checked.plugin.kind == .criterion || checked.plugin.kind == .allocator else {
      throw Skipped("only criteria and allocators see so many units")
    }
    // The host would have to make gigabytes for a statistic of columns squared.
    if checked.plugin.statistics.contains(where: { $0.shape == .columnsSquared }) {
      throw Skipped("its statistics grow with the square of the channels")
    }
    var model = checked.model
    (model.channels, model.hidden) = (20_000, 4)
    _ = try checked.subject().ask(about: model)
  }
}
