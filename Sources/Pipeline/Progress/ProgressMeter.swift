import Wording

/// Computes the progress, the rate and the remaining time of one task. The caller passes the time.
struct ProgressMeter {
  let task: ProgressTask
  /// Seconds on the reporter's clock.
  let started: Double
  private(set) var done = 0

  init(task: ProgressTask, started: Double) {
    self.task = task
    self.started = started
  }

  mutating func advance(to count: Int) {
    let known = max(0, count)
    done = task.total > 0 ? min(known, task.total) : known
  }

  var fraction: Double { task.total > 0 ? Double(done) / Double(task.total) : 0 }

  /// Units a second; nil before the first unit.
  func rate(at now: Double) -> Double? {
    let elapsed = now - started
    return done > 0 && elapsed > 0 ? Double(done) / elapsed : nil
  }

  /// Seconds to the end at the current rate.
  func secondsLeft(at now: Double) -> Double? {
    guard task.total > 0, let rate = rate(at: now) else { return nil }
    return Double(task.total - done) / rate
  }

  /// `12/30 layers, 4.1 layers/s, 4.4 s left`, and a plugin's progress within the next unit.
  func numbers(at now: Double, _ plugin: PluginProgress? = nil) -> String {
    var parts = [task.total > 0 ? "\(done)/\(task.total) \(task.unit)" : "\(done) \(task.unit)"]
    if let rate = rate(at: now) {
      // A rate below one a second is shown as its inverse.
      parts.append(
        rate >= 1
          ? HumanFormat.fixed(rate, 1) + " \(task.unit)/s"
          : HumanFormat.duration(seconds: 1 / rate) + " each")
    }
    if let left = secondsLeft(at: now) { parts.append(HumanFormat.duration(seconds: left) + " left") }
    if let plugin { parts.append(plugin.words) }
    return parts.joined(separator: ", ")
  }

  /// `prune: 30 layers in 7.3 s`, or `12 of 30 layers` for an abandoned task.
  func summary(at now: Double) -> String {
    let took = HumanFormat.duration(seconds: now - started)
    let whole = task.total == 0 || done == task.total
    let amount = whole ? "\(done) \(task.unit)" : "\(done) of \(task.total) \(task.unit)"
    return "\(task.title): \(amount) in \(took)"
  }

  /// One line of at most `width` characters: title, bar, numbers. A narrow line loses the bar first, then the end of the
  /// title.
  func bar(width: Int, at now: Double, _ plugin: PluginProgress? = nil) -> String {
    let numbers = numbers(at: now, plugin)
    let whole = "\(task.title)  \(numbers)"
    let room = width - whole.count - 4
    if task.total > 0, room >= 10 {
      let length = min(room, 30)
      let filled = min(length, Int((fraction * Double(length)).rounded(.down)))
      let strip = String(repeating: "#", count: filled) + String(repeating: "-", count: length - filled)
      return "\(task.title)  [\(strip)]  \(numbers)"
    }
    if whole.count <= width { return whole }
    let left = width - numbers.count - 3
    if left >= 8 { return task.title.prefix(left) + "…  " + numbers }
    return String(numbers.prefix(max(0, width)))
  }
}
