/// A model's layers without those that have neither attention nor an MLP, numbered anew: such a layer hands on what it
/// gets, and without it other programs read the model as an ordinary one of fewer layers.
public struct LayerRenumbering: Sendable {
  /// Of the layers that stay.
  public let configuration: ModelConfiguration
  /// [layers before]: the new number, nil of a layer that is left out.
  private let numbers: [Int?]

  public init(_ configuration: ModelConfiguration) {
    var result = configuration
    result.layers = []
    var numbers: [Int?] = []
    for layer in configuration.layers {
      let isEmpty = layer.keyValueHeads == 0 && layer.intermediateSize == 0
      numbers.append(isEmpty ? nil : result.layers.count)
      if !isEmpty { result.layers.append(layer) }
    }
    result.residualWidths = configuration.residualWidths?.keeping(
      numbers.indices.filter { numbers[$0] != nil })
    self.configuration = result
    self.numbers = numbers
  }

  /// `model.layers.<i>.…` with the layer's new number; any other name as it is.
  public func name(of tensor: String) -> String {
    let parts = tensor.split(separator: ".", maxSplits: 3)
    guard parts.count == 4, parts[0] == "model", parts[1] == "layers", let old = Int(parts[2]),
      numbers.indices.contains(old), let new = numbers[old]
    else { return tensor }
    return "model.layers.\(new).\(parts[3])"
  }
}
