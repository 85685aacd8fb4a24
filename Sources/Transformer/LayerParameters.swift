import Checkpoints
import Tensors

/// Where a layer's parameters lie in memory, one matrix and one bias each. Projections that read the same input lie under
/// one another in one matrix, so that one product serves them.
enum ParameterSlot: Int, CaseIterable {
  /// [hidden]; ones where the model is sliced.
  case attentionNorm
  /// [inputWidth, middleWidth]: takes the residual stream to the next basis, of a sliced model alone.
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
  /// [middleWidth, outputWidth]: as attention's.
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

/// Where a sublayer's parameters lie, by what they are to it.
struct SublayerSlots {
  /// Before it.
  let norm: ParameterSlot
  let shortcut: ParameterSlot
  /// What reads the residual stream.
  let input: ParameterSlot
  /// What writes it.
  let output: ParameterSlot
  /// Norms inside and behind it.
  let otherNorms: [ParameterSlot]

  var all: [ParameterSlot] { [norm, shortcut, input, output] + otherNorms }
}

/// One value for each parameter of a decoder layer: its weights in float32, or their gradients, or the
/// gradients' squares. There is one such set at a time, made as large as the largest layer and filled anew for each.
public final class LayerParameters {
  public internal(set) var sizes: LayerSizes

  private let weights: [Buffer]
  private let biases: [Buffer]

  /// False in a set of norms and biases alone, whose `named` lists the matrices too, without memory behind them.
  private let hasMatrices: Bool

  /// - Parameters:
  ///   - layers: the layers it must have room for; not empty.
  ///   - matrices: whether there is room for the projections' weights.
  public init(roomFor layers: [LayerSizes], matrices: Bool = true) {
    hasMatrices = matrices
    sizes = layers.first ?? .empty
    var weights = ParameterSlot.allCases.map { _ in 1 }
    var biases = weights
    for layer in layers {
      // A compensator's bias has room also where the checkpoint has none, and a norm's ones in a sliced model.
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

/// A parameter of a layer, and where its values lie.
public struct NamedParameter {
  public let spec: ParameterSpec
  public let rows: Int
  /// 1 of a vector.
  public let columns: Int
  /// Packed, [rows, columns].
  public let base: UnsafeMutablePointer<Float>
  let slot: ParameterSlot
  /// Its first row in the slot's matrix.
  let firstRow: Int

  /// As in `model.layers.<i>.<name>`.
  public var name: String { spec.name }
  public var isVector: Bool { spec.columns == nil }
}

extension LayerParameters {
  /// Where a parameter lies in its slot's matrix or bias.
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

  /// All parameters of the layer, in the order of their roles, as views of this memory. A sublayer that is gone has
  /// none.
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
