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
      let (from, to) = (gateUp + rows.lowerBound * 2 * width, activated + rows.lowerBound * width)
      switch activation {
      case .silu: ap_swiglu(from, Int64(rows.count), Int64(width), to)
      case .geluTanh: ap_geglu(from, Int64(rows.count), Int64(width), to)
      }
    }
  }

  func backwardCore(_ block: SequenceBlock, _ sums: LayerParameters, _ space: GradientSpace) {
    let width = sizes.intermediate
    let gateUp = activations.products
    let activation = sizes.design.activation
    // [tokens, width] and [tokens, 2 · width]
    let (dActivated, dGateUp) = (space.mlp.inputs.base, space.mlp.products.base)
    layer.workers.ranges(block.tokens, grain: LayerContext.grain) { rows, _ in
      let (first, da) = (rows.lowerBound * 2 * width, dActivated + rows.lowerBound * width)
      switch activation {
      case .silu: ap_swiglu_backward(gateUp + first, da, Int64(rows.count), Int64(width), dGateUp + first)
      case .geluTanh: ap_geglu_backward(gateUp + first, da, Int64(rows.count), Int64(width), dGateUp + first)
      }
    }
  }
}
