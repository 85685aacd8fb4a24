import JSON
import PluginABI
import Processes
import Synchronization

/// `ap_host` for one instance of a plugin: the host's C functions and their state. It lives as long as the instance.
///
/// Any thread may call `set_error`, `log`, `progress`, `is_cancelled`, `random_uniform` and `sgemm`. They use only
/// constants and the locked sentence. The others are called on the thread of the call.
final class HostTable {
  let services: HostServices
  let plugin: String
  /// Defaults are filled in.
  let options: JSONObject
  let pointer: UnsafeMutablePointer<ap_host>
  private let own: Arena
  private let sentence = Mutex<String?>(nil)
  /// Holds what `open_data` returned, until the call ends.
  private var lent: Arena
  /// Services for evaluators answer "unsupported" outside of an evaluator's call.
  private var isEvaluating = false

  init(_ services: HostServices, plugin: String, options: JSONObject) {
    self.services = services
    self.plugin = plugin
    self.options = options
    own = Arena(services.memory)
    lent = Arena(services.memory)
    pointer = own.structure(Self.template)
    if services.memory.isLaterHost { pointer.pointee.abi_minor += 1 }
    if services.memory.isOlderHost { pointer.pointee.abi_minor = 0 }
    pointer.pointee.context = Unmanaged.passUnretained(self).toOpaque()
    own.seal()
  }

  /// Memory for one call.
  func arena() -> Arena { Arena(services.memory) }

  /// Calls the plugin. A status other than AP_OK becomes an error with the plugin's sentence.
  func call(
    _ function: String, evaluating: Bool = false, _ body: (UnsafePointer<ap_host>) -> ap_status
  ) throws(PluginError) {
    sentence.withLock { $0 = nil }
    isEvaluating = evaluating
    let status = inCall(of: plugin, function) { body(UnsafePointer(pointer)) }
    isEvaluating = false
    lent = arena()
    guard status != ap_status(AP_OK) else { return }
    throw .refused(
      plugin: plugin, function: function, status: CallStatus(number: Int(status)),
      sentence: sentence.withLock { $0 })
  }

  /// Runs a service. Its error becomes the sentence of the call.
  private func serve(_ body: () throws -> Void) -> ap_status {
    do {
      try body()
      return ap_status(AP_OK)
    } catch {
      sentence.withLock { $0 = "\(error)" }
      return ap_status(error is CancellationError ? AP_CANCELLED : AP_FAILED)
    }
  }

  private func unsupported(_ service: String) -> ap_status {
    sentence.withLock { $0 = "the host does not offer \(service) here" }
    return ap_status(AP_UNSUPPORTED)
  }

  private func openData(_ option: String, _ out: UnsafeMutablePointer<ap_corpus>) -> ap_status {
    guard isEvaluating, let open = services.openData else { return unsupported("open_data") }
    return serve {
      guard let value = options[option] else { throw Misuse("no option \"\(option)\" is set") }
      try requireSize(out.pointee.struct_size, ap_corpus.self, in: plugin)
      let corpus = try open(option, value)
      out.pointee.name = lent.text(corpus.name)
      out.pointee.document_count = Int64(corpus.documents.count)
      out.pointee.tokens = UnsafePointer(
        lent.array(corpus.documents.map { Optional(UnsafePointer(lent.array($0))) }))
      out.pointee.lengths = UnsafePointer(lent.array(corpus.documents.map { Int64($0.count) }))
      lent.seal()
    }
  }

  private func logLikelihood(
    _ count: Int, _ tokens: UnsafePointer<UnsafePointer<Int32>?>, _ lengths: UnsafePointer<Int64>,
    _ first: UnsafePointer<Int64>, _ out: UnsafePointer<UnsafeMutablePointer<Float>?>
  ) -> ap_status {
    guard isEvaluating, let score = services.logLikelihood else { return unsupported("log_likelihood") }
    return serve {
      guard count >= 0 else { throw Misuse("log_likelihood: count is \(count), and must not be negative") }
      let sequences = try (0..<count).map { index in
        let (length, first) = (Int(lengths[index]), Int(first[index]))
        guard let start = tokens[index], first >= 1, first <= length else {
          throw Misuse("sequence \(index): first is \(first), and must be in 1 ... \(length)")
        }
        return HostServices.ScoredSequence(
          tokens: Array(UnsafeBufferPointer(start: start, count: length)), first: first)
      }
      let answers = try score(sequences)
      for (index, sequence) in sequences.enumerated() {
        let expected = sequence.tokens.count - sequence.first
        guard index < answers.count, answers[index].count == expected, let place = out[index] else {
          throw Misuse("sequence \(index) should have \(expected) log-likelihoods")
        }
        for (offset, value) in answers[index].enumerated() { place[offset] = value }
      }
    }
  }

  /// Describes what is wrong with the sizes of a product; nil if nothing is.
  private static func misuse(_ product: HostServices.MatrixProduct) -> Misuse? {
    let sizes = [product.m, product.n, product.k, product.lda, product.ldb, product.ldc]
    let isRight =
      sizes.allSatisfy { (0...Int(Int32.max)).contains($0) } && product.ldc >= max(1, product.n)
      && product.lda >= max(1, product.transposeA ? product.m : product.k)
      && product.ldb >= max(1, product.transposeB ? product.k : product.n)
    if isRight { return nil }
    return Misuse(
      "sgemm: m, n, k are \(product.m), \(product.n), \(product.k) and lda, ldb, ldc \(product.lda), \(product.ldb), "
        + "\(product.ldc); none may be negative or beyond 2³¹, and rows no longer than ld…")
  }

  /// The largest order of a matrix. The number of its elements does not overflow, and fits LAPACK's integers.
  private static let largestOrder: Int64 = 1 << 20

  private func algebra(
    _ service: String, _ n: Int64, _ rows: Int64 = 0, _ body: (any LinearAlgebra, Int, Int) throws -> Void
  ) -> ap_status {
    guard let algebra = services.linearAlgebra else { return unsupported(service) }
    return serve {
      guard (1...Self.largestOrder).contains(n), (0...Self.largestOrder).contains(rows) else {
        throw Misuse(
          "\(service): n is \(n) and rows \(rows); n must be from 1 to \(Self.largestOrder), rows at least 0")
      }
      try body(algebra, Int(n), Int(rows))
    }
  }

  /// A wrong use of a service.
  private struct Misuse: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private static func of(_ host: UnsafePointer<ap_host>?) -> HostTable? {
    host?.pointee.context.map { Unmanaged<HostTable>.fromOpaque($0).takeUnretainedValue() }
  }

  private static var template: ap_host {
    ap_host(
      struct_size: UInt32(MemoryLayout<ap_host>.size), abi_major: UInt16(AP_ABI_MAJOR),
      abi_minor: UInt16(AP_ABI_MINOR), context: nil,
      set_error: { host, sentence in
        guard let table = HostTable.of(host), let sentence else { return }
        let text = oneLine(sentence)
        table.sentence.withLock { $0 = text }
      },
      log: { host, level, sentence in
        guard let table = HostTable.of(host), let sentence else { return }
        let level = HostServices.LogLevel(rawValue: Int(level)) ?? .info
        table.services.log(table.plugin, level, oneLine(sentence))
      },
      progress: { host, done, total in
        guard let table = HostTable.of(host) else { return }
        table.services.progress(table.plugin, Int(done), Int(total))
      },
      is_cancelled: { host in HostTable.of(host)?.services.isCancelled() == true ? 1 : 0 },
      random_uniform: { host, stream, out, count in
        guard let table = HostTable.of(host), let out, count > 0 else { return }
        table.services.drewRandomNumbers()
        let random = RandomStream(seed: table.services.seed, plugin: table.plugin, stream: stream)
        for index in 0..<Int(count) { out[index] = random.uniform(index) }
      },
      sgemm: { host, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
        guard let table = HostTable.of(host), let a, let b, let c else { return ap_status(AP_FAILED) }
        guard let multiply = table.services.sgemm else { return table.unsupported("sgemm") }
        let product = HostServices.MatrixProduct(
          transposeA: transposeA != 0, transposeB: transposeB != 0, m: Int(m), n: Int(n), k: Int(k),
          alpha: alpha, a: a, lda: Int(lda), b: b, ldb: Int(ldb), beta: beta, c: c, ldc: Int(ldc))
        return table.serve {
          if let misuse = HostTable.misuse(product) { throw misuse }
          try multiply(product)
        }
      },
      open_data: { host, option, out in
        guard let table = HostTable.of(host), let option, let out else { return ap_status(AP_FAILED) }
        return table.openData(String(cString: option), out)
      },
      log_likelihood: { host, count, tokens, lengths, first, out in
        guard let table = HostTable.of(host), let tokens, let lengths, let first, let out else {
          return ap_status(AP_FAILED)
        }
        return table.logLikelihood(Int(count), tokens, lengths, first, out)
      },
      solve_positive: { host, n, a, rows, b in
        guard let table = HostTable.of(host), let a, let b else { return ap_status(AP_FAILED) }
        return table.algebra("solve_positive", n, rows) { algebra, n, rows in
          try algebra.solve(
            UnsafeBufferPointer(start: a, count: n * n), n: n,
            UnsafeMutableBufferPointer(start: b, count: rows * n), rows: rows)
        }
      },
      invert_positive: { host, n, a in
        guard let table = HostTable.of(host), let a else { return ap_status(AP_FAILED) }
        return table.algebra("invert_positive", n) { algebra, n, _ in
          try algebra.invert(UnsafeMutableBufferPointer(start: a, count: n * n), n: n)
        }
      },
      eigen_symmetric: { host, n, a, values in
        guard let table = HostTable.of(host), let a, let values else { return ap_status(AP_FAILED) }
        return table.algebra("eigen_symmetric", n) { algebra, n, _ in
          try algebra.eigen(
            UnsafeMutableBufferPointer(start: a, count: n * n), n: n,
            UnsafeMutableBufferPointer(start: values, count: n))
        }
      })
  }
}

/// The first 4000 characters of a plugin's text, for a log or a terminal. Blanks replace control characters.
func oneLine(_ text: UnsafePointer<CChar>) -> String {
  var scalars = String.UnicodeScalarView()
  for scalar in String(cString: text).unicodeScalars.prefix(4000) {
    scalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
  }
  return String(scalars)
}

/// Runs a plugin's function. If the process ends in it, the crash report can name it. Rounding is restored afterwards.
func inCall<Answer>(of plugin: String, _ function: String, _ body: () -> Answer) -> Answer {
  plugin.withCString { plugin in
    function.withCString { function in
      var call = ap_call()
      return withUnsafeMutablePointer(to: &call) { call in
        ap_enter_call(call, plugin, function)
        defer { ap_leave_call(call) }
        return body()
      }
    }
  }
}
