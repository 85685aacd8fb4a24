import Checkpoints
import Tensors

/// The places of a layer's parameters in memory, one matrix and one bias each. Projections that read the same input share a
/// matrix, one under another, so that one product serves them.
enum ParameterSlot: Int, CaseIterable {
  /// [hidden]; ones where the model is sliced.
  case attentionNorm
  /// [inputWidth, middleWidth]: takes the residual stream to the next basis; only of a sliced model.
  case attentionShortcut
  /// [queryWidth + 2 · keyValueWidth, inputWidth]; bias [queryWidth + 2 · keyValueWidth]
  case queryKeyValue
  /// [middleWidth, queryWidth]; bias [middleWidth]
  case attentionOutput
  /// [headDimension], or [queryWidth] and [keyValueWidth]
  case queryNorm, keyNorm
  /// [hidden]
  case attentionOutputNorm
  /// [hidden]; ones where the model is sliced.
  case mlpNorm
  /// [middleWidth, outputWidth]: as `attentionShortcut`.
  case mlpShortcut
  /// [2 · intermediate, middleWidth]; bias [2 · intermediate]
  case gateUp
  /// [outputWidth, intermediate]; bias [outputWidth]
  case down
  /// [hidden]
  case mlpOutputNorm

  init(_ role: ParameterSpec.Role) {
    self =
      switch role {
      case .attentionNorm: .attentionNorm
      case .attentionShortcut: .attentionShortcut
      case .query, .key, .value: .queryKeyValue
      case .attentionOutput: .attentionOutput
      case .queryNorm: .queryNorm
      case .keyNorm: .keyNorm
      case .attentionOutputNorm: .attentionOutputNorm
      case .mlpNorm: .mlpNorm
      case .mlpShortcut: .mlpShortcut
      case .gate, .up: .gateUp
      case .down: .down
      case .mlpOutputNorm: .mlpOutputNorm
      }
  }

  /// The norms before sublayers.
  static let norms = [SelfAttention.slots.norm, GatedMLP.slots.norm]
}

/// The places of a sublayer's parameters.
struct SublayerSlots {
  /// The norm before the sublayer.
  let norm: ParameterSlot
  let shortcut: ParameterSlot
  /// The projections that read the residual stream.
  let input: ParameterSlot
  /// The projection that writes it.
  let output: ParameterSlot
  /// The norm behind the output projection.
  let outputNorm: ParameterSlot
}

/// One value for each parameter of a decoder layer: weights in float32, gradients, or their squares. Passes make one such set,
/// as large as the largest layer, and fill it for each layer.
public final class LayerParameters {
  public internal(set) var sizes: LayerSizes

  private let weights: [Buffer]
  private let biases: [Buffer]

  /// False in a set of norms and biases. Its `named` lists the matrices too, without memory behind them.
  private let hasMatrices: Bool

  /// - Parameters:
  ///   - layers: the layers that must fit; not empty.
  ///   - matrices: whether to make room for the projections' weights.
  public init(roomFor layers: [LayerSizes], matrices: Bool = true) {
    hasMatrices = matrices
    sizes = layers.first ?? .empty
    var weights = ParameterSlot.allCases.map { _ in 1 }
    var biases = weights
    for layer in layers {
      // A compensator may add a bias, and a sliced model has ones for its norms.
      for slot in ParameterSlot.norms { weights[slot.rawValue] = max(weights[slot.rawValue], layer.hidden) }
      for slot in [SelfAttention.slots.output, GatedMLP.slots.output] {
        biases[slot.rawValue] = max(biases[slot.rawValue], layer.hidden)
      }
      for place in LayerParameters.places(layer) where matrices || place.spec.columns == nil {
        let (slot, end) = (place.slot.rawValue, place.firstElement + place.rows * place.columns)
        if place.spec.isBias {
          biases[slot] = max(biases[slot], end)
        } else {
          weights[slot] = max(weights[slot], end)
        }
      }
    }
    self.weights = weights.map { Buffer($0) }
    self.biases = biases.map { Buffer($0) }
  }

  func weight(_ slot: ParameterSlot) -> Buffer { weights[slot.rawValue] }
  func bias(_ slot: ParameterSlot) -> Buffer { biases[slot.rawValue] }

  public func zero() { for buffer in weights + biases { buffer.zero() } }
}

extension LayerSizes {
  static let empty = LayerSizes(
    hidden: 1, shape: LayerShape(queryHeads: 1, keyValueHeads: 1, headDimension: 1, intermediateSize: 1))
}

/// A parameter of a layer with its values.
public struct NamedParameter {
  public let spec: ParameterSpec
  public let rows: Int
  /// 1 of a vector.
  public let columns: Int
  /// Packed, [rows, columns].
  public let base: UnsafeMutablePointer<Float>
  let slot: ParameterSlot
  /// The first row in the slot's matrix.
  let firstRow: Int

  /// As in `model.layers.<i>.<name>`.
  public var name: String { spec.name }
  public var isVector: Bool { spec.columns == nil }
  var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: base, count: rows * columns) }
}

extension LayerParameters {
  /// The place of a parameter in its slot's matrix or bias.
  private struct Place {
    let spec: ParameterSpec
    let slot: ParameterSlot
    let firstRow: Int
    let rows: Int
    let columns: Int
    var firstElement: Int { firstRow * columns }
  }

  private static func places(_ sizes: LayerSizes) -> [Place] {
    var places: [Place] = []
    for spec in sizes.specs where sizes.has(spec.role.sublayer) {
      let slot = ParameterSlot(spec.role)
      let above = places.last { $0.slot == slot && $0.spec.isBias == spec.isBias }
      places.append(
        Place(
          spec: spec, slot: slot, firstRow: above.map { $0.firstRow + $0.rows } ?? 0, rows: sizes[spec.rows],
          columns: spec.columns.map { sizes[$0] } ?? 1))
    }
    return places
  }

  /// All parameters of the layer, in the order of their roles, as views of this memory. A removed sublayer has none.
  public var named: [NamedParameter] {
    LayerParameters.places(sizes).map { place in
      let buffer = place.spec.isBias ? bias(place.slot) : weight(place.slot)
      return NamedParameter(
        spec: place.spec, rows: place.rows, columns: place.columns,
        base: hasMatrices || place.spec.columns == nil ? buffer.at(place.firstElement) : buffer.base,
        slot: place.slot, firstRow: place.firstRow)
    }
  }
}
