import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// Against PyTorch: every architecture, its logits, its loss and all of its gradients.
@Suite(.enabled(if: Reference.folder != nil, Reference.missing))
struct GoldenTests {
  static let bar: Float = 2e-4

  @Test(arguments: Reference.models + Reference.newer)
  func logitsAreThoseOfPyTorch(_ name: String) throws {
    let decoder = try Reference.model(name)
    let golden = try Reference.golden(name)
    let workers = Workers(count: 2)
    let logits = try golden.sequences().flatMap { try decoder.logits($0, workers: workers) }
    let error = relativeError(logits, try golden.floats("logits"))
    #expect(logits.count == (try golden.floats("logits").count))
    #expect(error < Self.bar, "\(name): \(error)")
  }

  @Test(arguments: Reference.models + Reference.newer, [0, 1 << 30])
  func lossAndEveryGradientAreThoseOfPyTorch(_ name: String, activationLimit: Int) throws {
    let decoder = try Reference.model(name)
    let golden = try Reference.golden(name)
    var checked = 0
    // PyTorch has one gradient of Phi-3's projections that lie under one another.
    var fused: [String: [Float]] = [:]
    func check(_ parameter: String, _ found: some Sequence<Float>) throws {
      if golden.tensors["grad.\(parameter)"] == nil {
        let name = parameter.replacing(/[qkv]_proj/, with: "qkv_proj").replacing(
          /(gate|up)_proj/, with: "gate_up_proj")
        fused[name, default: []] += found
        return
      }
      let error = relativeError(found, try golden.floats("grad.\(parameter)"))
      #expect(error < Self.bar, "\(name) \(parameter): \(error)")
      checked += 1
    }
    let result = try decoder.calibrate(
      CalibrationRequest(
        sequences: golden.sequences(), batchSize: 2, gradients: .sum, activationLimit: activationLimit),
      workers: Workers(count: 2)
    ) { layer in
      let gradients = try #require(layer.gradients)
      for parameter in gradients.named {
        let name = "model.layers.\(layer.layer).\(parameter.name)"
        guard name != Decoder.firstNorm else { continue }
        try check(
          name, UnsafeBufferPointer(start: parameter.base, count: parameter.rows * parameter.columns))
      }
    }
    for (name, values) in try decoder.endGradients(golden.sequences(), batchSize: 2) {
      try check(name, values)
    }
    for (name, values) in fused { try check(name, values) }
    #expect(checked == golden.tensors.keys.filter { $0.hasPrefix("grad.") }.count)

    let loss = try #require(golden.floats("loss").first)
    #expect(abs(Float(result.losses[0]) - loss) < Self.bar * loss, "\(name): \(result.losses) and \(loss)")
    guard golden.tensors["layer_cosine_mean"] != nil else { return }
    let cosines = try golden.floats("layer_cosine_mean")
    #expect(result.distances.cosine.count == cosines.count)
    for (found, expected) in zip(result.distances.cosine, cosines) {
      #expect(abs(Float(found) - expected) < 1e-4, "\(name)")
    }
  }
}
