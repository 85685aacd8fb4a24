/// Numbers a model's layers without empty ones, which have neither attention nor an MLP. An empty layer's output is its
/// input, and other programs read the model without it as an ordinary one.
public struct LayerRenumbering: Sendable {
  /// The configuration of the layers that stay.
  public let configuration: ModelConfiguration
  /// The old numbers of the layers that stay.
  private let kept: [Int]

  public init(_ configuration: ModelConfiguration) {
    kept = configuration.layers.indices.filter { !configuration.sizes($0).isEmpty }
    var result = configuration
    result.layers = kept.map { configuration.layers[$0] }
    result.residualWidths = configuration.residualWidths?.keeping(kept)
    self.configuration = result
  }

  /// Puts the layer's new number into `model.layers.<i>.…`. Other names don't change.
  public func name(of tensor: String) -> String {
    let parts = tensor.split(separator: ".", maxSplits: 3)
    guard parts.count == 4, parts[0] == "model", parts[1] == "layers", let old = Int(parts[2]),
      let new = kept.firstIndex(of: old)
    else { return tensor }
    return "model.layers.\(new).\(parts[3])"
  }
}
