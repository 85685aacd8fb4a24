import JSON
import RandomNumbers

/// What the host gives to a plugin's calls. What is left out answers "unsupported".
public struct HostServices {
  /// The run's seed: with plugin and stream it settles the random numbers.
  public var seed: UInt64 = 0
  /// Told when a plugin draws random numbers, so that its answers depend on the seed. Any thread.
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
  /// Evaluators only, on the thread of the call: the data that the option `option`, set to `value`, names.
  public var openData: ((_ option: String, _ value: JSONValue) throws -> Corpus)?
  /// Evaluators only, on the thread of the call: for each sequence ln p(tokens[t] | tokens[0 ..< t]) for t
  /// in first ..< tokens.count.
  public var logLikelihood: ((_ sequences: [ScoredSequence]) throws -> [[Float]])?

  /// Of what calls' memory is made.
  package var memory = CallMemory()

  public init(seed: UInt64 = 0) { self.seed = seed }

  public enum LogLevel: Int, Sendable { case debug, info, warning, error }

  /// Token sequences with the name that metrics carry.
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
    /// The first token to be predicted, at least 1.
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

/// What a host computes of symmetric matrices A [n, n], row-major, whose lower triangle counts.
public protocol LinearAlgebra: Sendable {
  /// `b` [rows, n] becomes B A⁻¹.
  func solve(_ a: UnsafeBufferPointer<Double>, n: Int, _ b: UnsafeMutableBufferPointer<Double>, rows: Int)
    throws
  /// `a` becomes A⁻¹.
  func invert(_ a: UnsafeMutableBufferPointer<Double>, n: Int) throws
  /// `a` becomes its eigenvectors, one a row, `values` [n] theirs, the largest first.
  func eigen(_ a: UnsafeMutableBufferPointer<Double>, n: Int, _ values: UnsafeMutableBufferPointer<Double>)
    throws
}

/// Random numbers that depend on (seed, plugin, stream, index) alone: `SplitMix64`, whose key is the mix of the seed, of
/// the plugin id's 64-bit FNV-1a hash and of the stream, each mixed in turn. A float is an output's upper 24 bits over
/// 2²⁴: every value is exact and below 1.
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
