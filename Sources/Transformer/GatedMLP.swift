import Checkpoints
import Kernels
import Tensors

/// The gated MLP (Shazeer, arXiv 2002.05202, equation 6):
///
///     a = silu(g) ∘ u,   with gates g = G n and ups u = U n
///
/// Backward, with s = σ(g):   du = silu(g) ∘ da,   dg = s (1 + g (1 − s)) ∘ u ∘ da. Some models have GELU in place of silu.
struct GatedMLP: Sublayer {
  static let kind = ParameterSpec.Sublayer.mlp
  static let slots = SublayerSlots(
    norm: .mlpNorm, shortcut: .mlpShortcut, input: .gateUp, output: .down, outputNorm: .mlpOutputNorm)
  static let units = LayerDimension.channels

  let layer: LayerContext
  var activations: SublayerActivations { layer.activations.mlp }

  func finishProducts(_ block: SequenceBlock) {}

  func forwardCore(_ block: SequenceBlock) {
    let width = sizes.intermediate
    // [tokens, 2 · width], gates first in each row
    let gateUp = activations.products
    // [tokens, width]
    let activated = activations.inputs.base
    let activation = sizes.design.activation
    layer.workers.ranges(block.tokens, grain: LayerContext.grain) { rows, _ in
      activation.forward(
        gateUp + rows.lowerBound * 2 * width, rows: rows.count, width: width,
        into: activated + rows.lowerBound * width)
    }
  }

  func backwardCore(_ block: SequenceBlock, _ sums: LayerParameters, _ space: GradientSpace) {
    let width = sizes.intermediate
    let gateUp = activations.products
    let activation = sizes.design.activation
    // [tokens, width] and [tokens, 2 · width]
    let (dActivated, dGateUp) = (space.mlp.inputs.base, space.mlp.products.base)
    layer.workers.ranges(block.tokens, grain: LayerContext.grain) { rows, _ in
      activation.backward(
        gateUp + rows.lowerBound * 2 * width, dActivated + rows.lowerBound * width, rows: rows.count,
        width: width, into: dGateUp + rows.lowerBound * 2 * width)
    }
  }
}

/// The function of gates, and its gradient.
extension DecoderDesign.Activation {
  /// - Parameters:
  ///   - gateUp: [rows, 2 · width]
  ///   - a: [rows, width]
  fileprivate func forward(
    _ gateUp: UnsafePointer<Float>, rows: Int, width: Int, into a: UnsafeMutablePointer<Float>
  ) {
    switch self {
    case .silu: ap_swiglu(gateUp, Int64(rows), Int64(width), a)
    case .geluTanh: ap_geglu(gateUp, Int64(rows), Int64(width), a)
    }
  }

  fileprivate func backward(
    _ gateUp: UnsafePointer<Float>, _ da: UnsafePointer<Float>, rows: Int, width: Int,
    into dGateUp: UnsafeMutablePointer<Float>
  ) {
    switch self {
    case .silu: ap_swiglu_backward(gateUp, da, Int64(rows), Int64(width), dGateUp)
    case .geluTanh: ap_geglu_backward(gateUp, da, Int64(rows), Int64(width), dGateUp)
    }
  }
}
