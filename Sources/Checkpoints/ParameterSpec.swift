/// A dimension of a layer's parameters.
public enum LayerDimension: Sendable, Hashable, CaseIterable {
  /// Columns of the residual stream at the layer's input, between its sublayers, and at its output: the hidden size,
  /// unless the stream is sliced.
  case input, middle, output
  /// Columns of the residual stream, sliced or not.
  case hidden
  /// Elements of one head.
  case head
  /// Elements of all query heads; the heads that share a key head go with it.
  case queryHeads
  /// Elements of all key heads, or of all value heads.
  case keyValueHeads
  /// Channels of the MLP.
  case channels

  /// The sublayer whose units own the rows or columns; nil if none does.
  public var owner: ParameterSpec.Sublayer? {
    switch self {
    case .input, .middle, .output, .hidden, .head: nil
    case .queryHeads, .keyValueHeads: .attention
    case .channels: .mlp
    }
  }
}

/// One parameter of a decoder layer: its role, its names in files, its symbolic shape, and the owners of its rows and
/// columns.
///
/// The list of these gives shapes of a checkpoint, memory, gathering, counts of parameters and multiplications, adapters,
/// and what a criterion sees.
public struct ParameterSpec: Sendable, Hashable {
  public enum Sublayer: Sendable, Hashable, CaseIterable { case attention, mlp }

  /// In the order in which a layer's parameters are listed.
  public enum Role: Int, Sendable, Hashable, CaseIterable {
    case attentionNorm, attentionShortcut, query, key, value, attentionOutput, queryNorm, keyNorm
    case attentionOutputNorm
    case mlpNorm, mlpShortcut, gate, up, down, mlpOutputNorm

    public var sublayer: Sublayer { rawValue < Role.mlpNorm.rawValue ? .attention : .mlp }

    /// Whether it is the matrix that writes to the residual stream.
    public var isOutput: Bool { self == .attentionOutput || self == .down }

    /// Whether it carries the residual stream of a sliced model past the sublayer, into the next basis.
    public var isShortcut: Bool { self == .attentionShortcut || self == .mlpShortcut }

    /// The name in a GGUF file: `TENSOR_NAMES` of llama.cpp's gguf-py, constants.py. It knows no shortcuts.
    var gguf: String? {
      switch self {
      case .attentionNorm: "attn_norm"
      case .query: "attn_q"
      case .key: "attn_k"
      case .value: "attn_v"
      case .attentionOutput: "attn_output"
      case .queryNorm: "attn_q_norm"
      case .keyNorm: "attn_k_norm"
      case .attentionOutputNorm: "post_attention_norm"
      case .mlpNorm: "ffn_norm"
      case .gate: "ffn_gate"
      case .up: "ffn_up"
      case .down: "ffn_down"
      case .mlpOutputNorm: "post_ffw_norm"
      case .attentionShortcut, .mlpShortcut: nil
      }
    }
  }

  /// A tensor of a file that holds several parameters, one under another.
  public struct Fused: Sendable, Hashable {
    let module: String
    let gguf: String
    /// Rows of the parameters above this one.
    public let above: [LayerDimension]
  }

  public let role: Role
  public let isBias: Bool
  /// As in `model.layers.<i>.<module>.weight`.
  public let module: String
  public let rows: LayerDimension
  /// nil for a vector.
  public let columns: LayerDimension?
  /// nil where the parameter is a tensor by itself.
  public let fused: Fused?

  private var suffix: String { role.isShortcut ? "" : isBias ? ".bias" : ".weight" }
  /// As in `model.layers.<i>.<name>`.
  public var name: String { module + suffix }
  /// The same of the tensor that holds it in Hugging Face's files.
  public var tensor: String { fused.map { $0.module + suffix } ?? name }
  /// The module's last word: `q_proj`.
  public var shortName: String { String(module.split(separator: ".").last ?? "") }

  /// Whether it is the weight of a linear map that units own. Pruning, adapters and criteria work on these.
  public var isProjection: Bool {
    columns != nil && !isBias && (rows.owner != nil || columns?.owner != nil)
  }
}

extension ParameterSpec {
  /// All parameters that a layer has while both sublayers are there, in the order of their roles.
  ///
  /// - Parameter isSliced: norms have no weights then, and shortcuts stand in their place.
  public static func list(_ design: DecoderDesign, _ biases: Biases, isSliced: Bool = false)
    -> [ParameterSpec]
  {
    var list: [ParameterSpec] = []
    func add(
      _ role: Role, _ module: String, _ rows: LayerDimension, _ columns: LayerDimension? = nil,
      bias: Bool = false, fused: Fused? = nil
    ) {
      for isBias in bias ? [false, true] : [false] {
        let columns = isBias ? nil : columns
        list.append(
          ParameterSpec(
            role: role, isBias: isBias, module: module, rows: rows, columns: columns, fused: fused))
      }
    }
    func fused(_ module: String, _ gguf: String, above: LayerDimension...) -> Fused? {
      design.fusesProjections ? Fused(module: module, gguf: gguf, above: above) : nil
    }
    let placement = design.normPlacement

    if isSliced {
      add(.attentionShortcut, "attn_shortcut_Q", .input, .middle)
    } else if placement.hasBefore {
      add(.attentionNorm, "input_layernorm", .hidden)
    }
    let (qkv, gguf) = ("self_attn.qkv_proj", "attn_qkv")
    add(
      .query, "self_attn.q_proj", .queryHeads, .input, bias: biases.queryKeyValue, fused: fused(qkv, gguf))
    add(
      .key, "self_attn.k_proj", .keyValueHeads, .input, bias: biases.queryKeyValue,
      fused: fused(qkv, gguf, above: .queryHeads))
    add(
      .value, "self_attn.v_proj", .keyValueHeads, .input, bias: biases.queryKeyValue,
      fused: fused(qkv, gguf, above: .queryHeads, .keyValueHeads))
    add(.attentionOutput, "self_attn.o_proj", .middle, .queryHeads, bias: biases.attentionOutput)
    if design.queryKeyNorm != .none {
      let isWhole = design.queryKeyNorm == .wholeWidth
      add(.queryNorm, "self_attn.q_norm", isWhole ? .queryHeads : .head)
      add(.keyNorm, "self_attn.k_norm", isWhole ? .keyValueHeads : .head)
    }
    if placement.hasAfter { add(.attentionOutputNorm, "post_attention_layernorm", .hidden) }

    if isSliced {
      add(.mlpShortcut, "mlp_shortcut_Q", .middle, .output)
    } else if placement.hasBefore {
      // Hugging Face calls the norm before the MLP by what stands before it, unless that has a norm of its own.
      add(.mlpNorm, placement.hasAfter ? "pre_feedforward_layernorm" : "post_attention_layernorm", .hidden)
    }
    add(
      .gate, "mlp.gate_proj", .channels, .middle, bias: biases.gateUp,
      fused: fused("mlp.gate_up_proj", "ffn_up"))
    add(
      .up, "mlp.up_proj", .channels, .middle, bias: biases.gateUp,
      fused: fused("mlp.gate_up_proj", "ffn_up", above: .channels))
    add(.down, "mlp.down_proj", .output, .channels, bias: biases.down)
    if placement.hasAfter { add(.mlpOutputNorm, "post_feedforward_layernorm", .hidden) }
    return list
  }
}
