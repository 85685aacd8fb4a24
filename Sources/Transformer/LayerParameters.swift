import Tensors

/// One value for each parameter of a decoder layer: its weights in float32, or their gradients, or the
/// gradients' squares. There is one such set at a time, made as large as the largest layer and filled anew for each.
///
/// Projections that read the same input lie under one another in one matrix, so that one product serves them:
/// q, k, v in `queryKeyValue`, gate and up in `gateUp`.
public final class LayerParameters {
  public internal(set) var sizes: LayerSizes

  /// [hidden]; ones where the model is sliced.
  public let inputNorm: Buffer
  /// [inputWidth, middleWidth]: takes the residual stream to the next basis, of a sliced model alone.
  public let attentionShortcut: Buffer
  /// [queryWidth + 2 · keyValueWidth, inputWidth]
  public let queryKeyValue: Buffer
  /// [queryWidth + 2 · keyValueWidth]
  public let queryKeyValueBias: Buffer
  /// [headDimension]
  public let queryNorm: Buffer
  /// [headDimension]
  public let keyNorm: Buffer
  /// [middleWidth, queryWidth]
  public let output: Buffer
  /// [middleWidth]
  public let outputBias: Buffer
  /// [hidden]; ones where the model is sliced.
  public let postAttentionNorm: Buffer
  /// [middleWidth, outputWidth]: as attention's.
  public let mlpShortcut: Buffer
  /// [2 · intermediate, middleWidth]
  public let gateUp: Buffer
  /// [2 · intermediate]
  public let gateUpBias: Buffer
  /// [outputWidth, intermediate]
  public let down: Buffer
  /// [outputWidth]
  public let downBias: Buffer

  /// False in a set of norms and biases alone, whose `named` lists the matrices too, without memory behind them.
  let hasMatrices: Bool

  /// - Parameters:
  ///   - layers: the layers it must have room for; not empty.
  ///   - matrices: whether there is room for the projections' weights.
  public init(roomFor layers: [LayerSizes], matrices: Bool = true) {
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    func matrix(_ size: (LayerSizes) -> Int) -> Buffer { Buffer(matrices ? most(size) : 1) }
    hasMatrices = matrices
    sizes = layers.first ?? .empty
    let hidden = most(\.hidden)
    inputNorm = Buffer(hidden)
    attentionShortcut = matrix { $0.sliced == nil ? 1 : $0.inputWidth * $0.middleWidth }
    queryKeyValue = matrix { $0.queryKeyValueWidth * $0.inputWidth }
    queryKeyValueBias = Buffer(most { $0.queryKeyValueBias ? $0.queryKeyValueWidth : 1 })
    queryNorm = Buffer(most { $0.queryKeyNorm ? $0.headDimension : 1 })
    keyNorm = Buffer(most { $0.queryKeyNorm ? $0.headDimension : 1 })
    output = matrix { $0.middleWidth * $0.queryWidth }
    outputBias = Buffer(hidden)
    postAttentionNorm = Buffer(hidden)
    mlpShortcut = matrix { $0.sliced == nil ? 1 : $0.middleWidth * $0.outputWidth }
    gateUp = matrix { 2 * $0.intermediate * $0.middleWidth }
    gateUpBias = Buffer(most { $0.gateUpBias ? 2 * $0.intermediate : 1 })
    down = matrix { $0.outputWidth * $0.intermediate }
    downBias = Buffer(hidden)
  }

  public func zero() {
    for buffer in [
      inputNorm, attentionShortcut, queryKeyValue, queryKeyValueBias, queryNorm, keyNorm, output, outputBias,
      postAttentionNorm, mlpShortcut, gateUp, gateUpBias, down, downBias,
    ] { buffer.zero() }
  }
}

extension LayerSizes {
  static let empty = LayerSizes(
    hidden: 1, queryHeads: 1, keyValueHeads: 1, headDimension: 1, intermediate: 1, slidingWindow: nil,
    queryKeyNorm: false, queryKeyValueBias: false, outputBias: false, gateUpBias: false, downBias: false)
}

/// A parameter of a layer by the name that Hugging Face gives it.
public struct NamedParameter {
  /// As in `model.layers.<i>.<name>`.
  public let name: String
  public let rows: Int
  public let columns: Int
  /// A vector has one column.
  public let isVector: Bool
  /// Packed, [rows, columns].
  public let base: UnsafeMutablePointer<Float>
  /// Which units own its rows and columns.
  public let rowOwner: Owner
  public let columnOwner: Owner

  /// What a row or a column belongs to: it stays as long as that does.
  public enum Owner: Equatable, Sendable {
    /// The residual stream, or nothing that can be pruned.
    case none
    /// Query heads, `repeats` of them a KV group.
    case queryHeads
    case keyValueHeads
    case channels
  }
}

extension LayerParameters {
  /// All parameters of the layer, in Hugging Face's order of modules, as views of this memory. A sublayer that is gone has
  /// none.
  public var named: [NamedParameter] {
    let s = sizes
    let (q, kv, i) = (s.queryWidth, s.keyValueWidth, s.intermediate)
    let (h, m, o) = (s.inputWidth, s.middleWidth, s.outputWidth)
    var list: [NamedParameter] = []
    func add(
      _ name: String, _ base: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int?,
      row: NamedParameter.Owner = .none, column: NamedParameter.Owner = .none
    ) {
      list.append(
        NamedParameter(
          name: name, rows: rows, columns: columns ?? 1, isVector: columns == nil, base: base, rowOwner: row,
          columnOwner: column))
    }
    func projection(
      _ name: String, _ weight: UnsafeMutablePointer<Float>, _ bias: UnsafeMutablePointer<Float>?,
      _ rows: Int, _ columns: Int, row: NamedParameter.Owner = .none, column: NamedParameter.Owner = .none
    ) {
      add(name + ".weight", weight, rows, columns, row: row, column: column)
      if let bias { add(name + ".bias", bias, rows, nil, row: row) }
    }
    func rows(from row: Int, of matrix: Buffer, _ columns: Int) -> UnsafeMutablePointer<Float> {
      hasMatrices ? matrix.at(row * columns) : matrix.base
    }
    if s.hasAttention {
      let qkvBias = s.queryKeyValueBias ? queryKeyValueBias : nil
      if s.sliced == nil {
        add("input_layernorm.weight", inputNorm.base, s.hidden, nil)
      } else {
        add("attn_shortcut_Q", attentionShortcut.base, h, m)
      }
      projection("self_attn.q_proj", queryKeyValue.base, qkvBias?.base, q, h, row: .queryHeads)
      projection(
        "self_attn.k_proj", rows(from: q, of: queryKeyValue, h), qkvBias?.at(q), kv, h, row: .keyValueHeads)
      projection(
        "self_attn.v_proj", rows(from: q + kv, of: queryKeyValue, h), qkvBias?.at(q + kv), kv, h,
        row: .keyValueHeads)
      projection(
        "self_attn.o_proj", output.base, s.outputBias ? outputBias.base : nil, m, q, column: .queryHeads)
      if s.queryKeyNorm {
        add("self_attn.q_norm.weight", queryNorm.base, s.headDimension, nil)
        add("self_attn.k_norm.weight", keyNorm.base, s.headDimension, nil)
      }
    }
    if s.hasMLP {
      let upBias = s.gateUpBias ? gateUpBias : nil
      if s.sliced == nil {
        add("post_attention_layernorm.weight", postAttentionNorm.base, s.hidden, nil)
      } else {
        add("mlp_shortcut_Q", mlpShortcut.base, m, o)
      }
      projection("mlp.gate_proj", gateUp.base, upBias?.base, i, m, row: .channels)
      projection("mlp.up_proj", rows(from: i, of: gateUp, m), upBias?.at(i), i, m, row: .channels)
      projection("mlp.down_proj", down.base, s.downBias ? downBias.base : nil, o, i, column: .channels)
    }
    return list
  }
}
