import PluginABI
import Wording

/// An error of a plugin, as data. `description` puts it into words. The caller adds the stage of the pipeline.
public enum PluginError: Error, Equatable, Sendable {
  // Finding
  case notFound(id: String, kind: PluginKind?, nearest: String?, tried: [TriedPath])
  case badManifest(path: String, reason: String)
  case writableByAll(path: String)

  // Loading
  case cannotLoad(library: String, reason: String)
  case noEntry(library: String, symbol: String)
  case noFunction(plugin: String, library: String, symbol: String)
  case otherMajor(library: String, plugin: String, expected: ABIVersion, got: ABIVersion)
  case truncated(library: String, structure: String, expected: Int, got: Int)
  case badDescriptor(library: String, plugin: String, field: String, expected: String, got: String)
  case unknownStatistic(plugin: String, statistic: String, kind: PluginKind, known: [String])

  // Configuring
  case badOptions(plugin: String, OptionsError)
  case wrongKind(plugin: String, expected: PluginKind, got: PluginKind)

  // Calling
  case refused(plugin: String, function: String, status: CallStatus, sentence: String?)
  case tooFewScores(plugin: String, place: String, expected: Int, got: Int)
  case tooManyScores(plugin: String, place: String, expected: Int)
  case notFinite(plugin: String, place: String, index: Int, value: String)
  case outOfRange(plugin: String, place: String, field: String, expected: String, got: String)
  case goalMissed(plugin: String, goal: Int, got: Int, tolerance: Int)
  case noMetrics(plugin: String)
  case badMetric(plugin: String, metric: String, reason: String)

  // In a process of its own
  case cannotIsolate(plugin: String, reason: String)
  case crashed(plugin: String, function: String, how: String, lastLine: String?)
  case timedOut(plugin: String, function: String, seconds: Double, lastLine: String?)
  case overMemory(plugin: String, function: String, limit: Int, used: Int, lastLine: String?)
  case printed(plugin: String, function: String, text: String)
  case garbled(plugin: String, function: String)
  /// Any other error, found in the worker process.
  case inWorker(sentence: String)
}

/// A folder that was searched for a plugin.
public struct TriedPath: Equatable, Sendable {
  public var path: String
  /// The ids found there; nil if the folder is missing or refused.
  public var found: [String]?
  /// Whether it was refused because every user can write to it.
  public var isRefused = false
}

public struct ABIVersion: Equatable, Comparable, Sendable, CustomStringConvertible {
  public var major: Int
  public var minor: Int

  public init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  public var description: String { "\(major).\(minor)" }
  public static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}

/// An `ap_status` other than AP_OK.
public enum CallStatus: Equatable, Sendable {
  case failed, invalidOptions, unsupported, cancelled, outOfMemory
  case unknown(Int)
}

extension PluginError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notFound(let id, let kind, let nearest, let tried):
      let name = ShownText.value(id)
      let what = kind.map { "\($0.rawValue) \"\(name)\"" } ?? "plugin \"\(name)\""
      let hint = nearest.map { " Did you mean \"\($0)\"?" } ?? ""
      let list = tried.map { place in
        switch place.found {
        case nil:
          "\n  \(place.path): \(place.isRefused ? "refused, since every user can change it" : "no such folder")"
        case let ids? where ids.isEmpty: "\n  \(place.path): no plugin.json"
        case let ids?: "\n  \(place.path): \(ids.joined(separator: ", "))"
        }
      }
      let shown = list.prefix(Self.mostFolders).joined()
      let rest = list.count > Self.mostFolders ? "\n  and \(list.count - Self.mostFolders) folders more" : ""
      return "There is no \(what).\(hint) Looked in:" + (list.isEmpty ? " no folder at all" : shown + rest)
    case .badManifest(let path, let reason): return "\(path): \(reason)"
    case .writableByAll(let path):
      return
        "\(path) can be changed by every user of this machine, and so could what this program loads from it; "
        + "take that right away (chmod o-w \(path)), or put the plugin elsewhere"

    case .cannotLoad(let library, let reason): return "\(library) could not be loaded: \(reason)"
    case .noEntry(let library, let symbol):
      return "\(library) is no plugin library: it exports no function \(symbol). Is it exported with "
        + "default visibility, and as a C function?"
    case .noFunction(let plugin, let library, let symbol):
      return "\(library) has no function \(symbol), which \(plugin) is to call. `nm -D` lists what it has."
    case .otherMajor(let library, let plugin, let expected, let got):
      return "\(plugin) (\(library)) was built for version \(got) of the plugin ABI, this host speaks "
        + "\(expected): the first number must be the same. Rebuild the plugin with this host's header."
    case .truncated(let library, let structure, let expected, let got):
      return "\(library): \(structure) says it is \(got) bytes long, version 1.0 of the ABI has \(expected). "
        + "Set struct_size to sizeof(\(structure))."
    case .badDescriptor(let library, let plugin, let field, let expected, let got):
      return
        "\(library): \(field) of \(plugin) should be \(ShownText.value(expected)), but is \(ShownText.value(got))."
    case .unknownStatistic(let plugin, let statistic, let kind, let known):
      let hint = NearestName.hint(for: statistic, among: known)
      return
        "\(plugin) asks for the statistic \"\(ShownText.value(statistic))\", which the host does not have for "
        + "\(kind.withArticle).\(hint) It has: \(known.joined(separator: ", "))"

    case .badOptions(let plugin, let error): return "options of \(plugin): \(error)"
    case .wrongKind(let plugin, let expected, let got):
      return "\(plugin) is \(got.withArticle), and \(expected.withArticle) is wanted here."

    case .refused(let plugin, let function, let status, let sentence):
      let reason = sentence ?? "it gave no reason"
      return "\(plugin): \(function) \(status.words): \(reason)"
    case .tooFewScores(let plugin, let place, let expected, let got):
      return "\(plugin): too few scores for \(place): \(got) were written, \(expected) are needed."
    case .tooManyScores(let plugin, let place, let expected):
      return "\(plugin): too many scores for \(place): \(expected) are needed, and more were written."
    case .notFinite(let plugin, let place, let index, let value):
      return "\(plugin): the score of unit \(index) of \(place) is \(value), and must be finite."
    case .outOfRange(let plugin, let place, let field, let expected, let got):
      return "\(plugin): \(field) of \(place) must be \(expected), but is \(got)."
    case .goalMissed(let plugin, let goal, let got, let tolerance):
      return "\(plugin) says that it meets goals, but ended at \(got), which is not within \(tolerance) "
        + "below the iteration's goal of \(goal)."
    case .noMetrics(let plugin): return "\(plugin) gave no metric."
    case .badMetric(let plugin, let metric, let reason):
      return "\(plugin): metric \"\(ShownText.value(metric))\": \(reason)"

    case .cannotIsolate(let plugin, let reason):
      return "\(plugin) cannot have a process of its own: \(reason)"
    case .crashed(let plugin, let function, let how, let lastLine):
      return "\(plugin): \(function) \(how)." + Self.heard(lastLine)
    case .timedOut(let plugin, let function, let seconds, let lastLine):
      return "\(plugin): \(function) did not end within its \(seconds.plain) s and was stopped."
        + Self.heard(lastLine)
    case .overMemory(let plugin, let function, let limit, let used, let lastLine):
      return
        "\(plugin): \(function) took \(used >> 20) MB of memory, of the \(limit >> 20) MB that it may have, "
        + "and was stopped." + Self.heard(lastLine)
    case .printed(let plugin, let function, let text):
      let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
      return "\(plugin): \(function) wrote to standard output, which belongs to the host: \"\(line)\""
    case .garbled(let plugin, let function):
      return "\(plugin): what came back from its process in answer to \(function) is no answer."
    case .inWorker(let sentence): return sentence
    }
  }
}

extension PluginError {
  /// The most folders that an error lists.
  private static let mostFolders = 20

  private static func heard(_ line: String?) -> String {
    line.map { " Its last words: \($0)" } ?? " Nothing was heard of it before."
  }
}

extension Double {
  /// The number, without ".0" if it is an integer.
  var plain: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}

extension CallStatus {
  /// - Parameter number: an `ap_status` other than AP_OK.
  init(number: Int) {
    self =
      switch number {
      case AP_FAILED: .failed
      case AP_INVALID_OPTIONS: .invalidOptions
      case AP_UNSUPPORTED: .unsupported
      case AP_CANCELLED: .cancelled
      case AP_OUT_OF_MEMORY: .outOfMemory
      default: .unknown(number)
      }
  }

  var number: Int {
    switch self {
    case .failed: AP_FAILED
    case .invalidOptions: AP_INVALID_OPTIONS
    case .unsupported: AP_UNSUPPORTED
    case .cancelled: AP_CANCELLED
    case .outOfMemory: AP_OUT_OF_MEMORY
    case .unknown(let number): number
    }
  }

  var words: String {
    switch self {
    case .failed: "failed"
    case .invalidOptions: "refused the options"
    case .unsupported: "does not support this"
    case .cancelled: "was cancelled"
    case .outOfMemory: "ran out of memory"
    case .unknown(let number): "answered the unknown status \(number)"
    }
  }
}
