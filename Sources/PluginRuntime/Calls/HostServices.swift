import JSON
import RandomNumbers

/// The services of the host for a plugin's calls. A service that is nil answers "unsupported".
public struct HostServices {
  /// The seed of the run. Seed, plugin and stream determine the random numbers.
  public var seed: UInt64 = 0
  /// Called when a plugin draws random numbers: its answers depend on the seed then. Any thread.
  public var drewRandomNumbers: @Sendable () -> Void = {}
  /// Any thread.
  public var log: @Sendable (_ plugin: String, _ level: LogLevel, _ sentence: String) -> Void = { _, _, _ in }
  /// Any thread.
  public var progress: @Sendable (_ plugin: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
  /// Any thread.
  public var isCancelled: @Sendable () -> Bool = { false }
  /// Any thread.
  public var sgemm: (@Sendable (MatrixProduct) throws -> Void)?
  /// Any thread.
  public var linearAlgebra: (any LinearAlgebra)?
  /// Opens the data that `value`, the value of the option `option`, names. For evaluators, on the thread of the call.
  public var openData: ((_ option: String, _ value: JSONValue) throws -> Corpus)?
  /// Returns, for each sequence, ln p(tokens[t] | tokens[0 ..< t]) for t in first ..< tokens.count. For evaluators, on
  /// the thread of the call.
  public var logLikelihood: ((_ sequences: [ScoredSequence]) throws -> [[Float]])?

  /// The kind of memory for calls.
  package var memory = CallMemory()

  public init(seed: UInt64 = 0) { self.seed = seed }

  public enum LogLevel: Int, Sendable { case debug, info, warning, error }

  /// Token sequences, and their name for metrics.
  public struct Corpus: Sendable {
    public var name: String
    public var documents: [[Int32]]

    public init(name: String, documents: [[Int32]]) {
      self.name = name
      self.documents = documents
    }
  }

  public struct ScoredSequence: Sendable {
    public var tokens: [Int32]
    /// The index of the first token to predict, at least 1.
    public var first: Int
  }

  /// C = alpha · op(A) · op(B) + beta · C with op(A) [m, k], op(B) [k, n], C [m, n], row-major.
  public struct MatrixProduct: @unchecked Sendable {
    public var transposeA: Bool
    public var transposeB: Bool
    public var m: Int
    public var n: Int
    public var k: Int
    public var alpha: Float
    public var a: UnsafePointer<Float>
    public var lda: Int
    public var b: UnsafePointer<Float>
    public var ldb: Int
    public var beta: Float
    public var c: UnsafeMutablePointer<Float>
    public var ldc: Int
  }
}

/// Linear algebra on symmetric matrices A [n, n], row-major. Only the lower triangle is read.
public protocol LinearAlgebra: Sendable {
  /// `b` [rows, n] becomes B A⁻¹.
  func solve(_ a: UnsafeBufferPointer<Double>, n: Int, _ b: UnsafeMutableBufferPointer<Double>, rows: Int)
    throws
  /// `a` becomes A⁻¹.
  func invert(_ a: UnsafeMutableBufferPointer<Double>, n: Int) throws
  /// `a` becomes its eigenvectors, one per row. `values` [n] become its eigenvalues, largest first.
  func eigen(_ a: UnsafeMutableBufferPointer<Double>, n: Int, _ values: UnsafeMutableBufferPointer<Double>)
    throws
}

/// Random numbers by `SplitMix64` that depend on (seed, plugin, stream, index) alone. The key mixes the seed, the
/// 64-bit FNV-1a hash of the plugin's id, and the stream, one after another. A float is the upper 24 bits of an output
/// over 2²⁴.
public struct RandomStream: Sendable {
  let key: UInt64

  public init(seed: UInt64, plugin: String, stream: UInt64) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in plugin.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    key = SplitMix64.mix(SplitMix64.mix(SplitMix64.mix(seed) ^ hash) ^ stream)
  }

  /// Uniform in [0, 1).
  public func uniform(_ index: Int) -> Float {
    var random = SplitMix64(state: key &+ UInt64(bitPattern: Int64(index)) &* SplitMix64.step)
    return Float(random.next() >> 40) * 0x1p-24
  }
}
