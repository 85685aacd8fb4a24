import PluginABI

/// A failure of a plugin. The host gets its sentence and the status of its kind.
public struct PluginError: Error, CustomStringConvertible {
  public enum Kind: Sendable {
    case failed
    /// The options do not fit each other or the model.
    case invalidOptions
    /// The plugin does not support this model, family or statistic.
    case unsupported
    /// The user asked to stop.
    case cancelled
  }

  public var kind: Kind
  public var description: String

  public init(_ sentence: String, kind: Kind = .failed) {
    self.kind = kind
    self.description = sentence
  }
}

/// The host's services (section 2 of the header). They are valid during one call.
public struct Host {
  public enum LogLevel: Int32, Sendable { case debug, info, warning, error }

  let pointer: UnsafePointer<ap_host>

  public func log(_ sentence: String, level: LogLevel = .info) {
    pointer.pointee.log(pointer, level.rawValue, sentence)
  }

  public func progress(_ done: Int, of total: Int) {
    pointer.pointee.progress(pointer, Int64(done), Int64(total))
  }

  /// Throws after the user has asked to stop. Long loops call it.
  public func checkCancellation() throws(PluginError) {
    if pointer.pointee.is_cancelled(pointer) != 0 {
      throw PluginError("stopped on request", kind: .cancelled)
    }
  }

  /// Returns `count` numbers, uniform in [0, 1). They depend only on the run's seed, the plugin and the stream.
  public func random(stream: UInt64, count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      if let start = buffer.baseAddress {
        pointer.pointee.random_uniform(pointer, stream, start, Int64(count))
      }
      filled = count
    }
  }

  /// Returns A · B [m, n] for A [m, k] and B [k, n], in float32, on the host's threads.
  public func product(_ a: [Float], _ b: [Float], m: Int, n: Int, k: Int) throws -> [Float] {
    var c = [Float](repeating: 0, count: m * n)
    try addProduct(a, b, scale: 1, to: &c, m: m, n: n, k: k)
    return c
  }

  /// C ← C + scale · A · B for A [m, k], B [k, n] and C [m, n], in float32, on the host's threads.
  public func addProduct(
    _ a: [Float], _ b: [Float], scale: Float, to c: inout [Float], m: Int, n: Int, k: Int
  ) throws {
    guard a.count == m * k, b.count == k * n, c.count == m * n else {
      throw PluginError("the sizes of a product do not fit")
    }
    try check(
      pointer.pointee.sgemm(
        pointer, 0, 0, Int64(m), Int64(n), Int64(k), scale, a, Int64(k), b, Int64(n), 1, &c, Int64(n)))
  }

  /// Returns B A⁻¹ for B [rows, n] and A [n, n], symmetric and positive definite. Only A's lower triangle is read.
  public func solve(_ b: [Double], rows: Int, by a: [Double], n: Int) throws -> [Double] {
    var solution = b
    guard a.count == n * n, b.count == rows * n else {
      throw PluginError("the sizes of a solution do not fit")
    }
    try check(pointer.pointee.solve_positive(pointer, Int64(n), a, Int64(rows), &solution))
    return solution
  }

  /// Returns A⁻¹ for A [n, n], symmetric and positive definite. Only A's lower triangle is read.
  public func invert(_ a: [Double], n: Int) throws -> [Double] {
    var inverse = a
    guard a.count == n * n else { throw PluginError("the matrix to invert is not \(n) × \(n)") }
    try check(pointer.pointee.invert_positive(pointer, Int64(n), &inverse))
    return inverse
  }

  /// Returns the eigenvalues of a symmetric matrix A [n, n], largest first, and its eigenvectors, one per row.
  public func eigen(_ a: [Double], n: Int) throws -> (values: [Double], vectors: [Double]) {
    var vectors = a
    var values = [Double](repeating: 0, count: n)
    guard a.count == n * n else { throw PluginError("the matrix to decompose is not \(n) × \(n)") }
    try check(pointer.pointee.eigen_symmetric(pointer, Int64(n), &vectors, &values))
    return (values, vectors)
  }

  private func setError(_ sentence: String) { pointer.pointee.set_error(pointer, sentence) }

  /// Runs a plugin's method at the border. Its error becomes a sentence and a status.
  func status(of body: () throws -> Void) -> ap_status {
    do {
      try body()
      return ap_status(AP_OK)
    } catch let refusal as ServiceRefusal {
      return refusal.status
    } catch let error as PluginError {
      setError(error.description)
      switch error.kind {
      case .failed: return ap_status(AP_FAILED)
      case .invalidOptions: return ap_status(AP_INVALID_OPTIONS)
      case .unsupported: return ap_status(AP_UNSUPPORTED)
      case .cancelled: return ap_status(AP_CANCELLED)
      }
    } catch {
      setError("\(error)")
      return ap_status(AP_FAILED)
    }
  }

  func check(_ status: ap_status) throws(ServiceRefusal) {
    if status != ap_status(AP_OK) { throw ServiceRefusal(status: status) }
  }
}

/// The status of a service of the host that failed. The host has noted its own sentence.
struct ServiceRefusal: Error { let status: ap_status }

/// The model's sizes, as it is now.
public struct Model: Sendable {
  public var architecture: String
  public var layerCount: Int
  public var hiddenSize: Int
  public var vocabularySize: Int
  public var parameters: Int
  public var originalParameters: Int

  init(_ model: UnsafePointer<ap_model>) {
    architecture = String(cString: model.pointee.architecture)
    layerCount = Int(model.pointee.layer_count)
    hiddenSize = Int(model.pointee.hidden_size)
    vocabularySize = Int(model.pointee.vocabulary_size)
    parameters = Int(model.pointee.parameters)
    originalParameters = Int(model.pointee.original_parameters)
  }
}
