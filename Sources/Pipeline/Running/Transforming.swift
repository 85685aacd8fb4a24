import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// One transform stage under way: the widths of the residual stream are settled, and then the model is sliced to them
/// place by place.
struct Transforming {
  let stage: TransformStage
  let label: String
  let model: LoadedModel
  let sequences: [[Int32]]
  let transform: TransformInstance
  let workers: Workers
  let reporter: any ProgressReporter
  let cancellation: Cancellation

  /// Writes the sliced model: its widths, and every parameter, which the closure that it is handed goes through.
  typealias Rewrite<Result> = (
    _ widths: ResidualWidths,
    _ forEachParameter: ((String, UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
  ) throws -> Result

  func run<Result>(rewrite: Rewrite<Result>) throws -> Result {
    let decoder = model.decoder
    let summary = ModelSummary(model)
    let places = try decoder.residualPlaces()
    let requests = try requests(places)
    let widths = try transform.widths(model: summary, residual(places, requests))
    var next = 0
    defer { reporter.end() }
    return try rewrite(places.widths(widths)) { body in
      reporter.begin(ProgressTask(title: label + ": slicing", total: decoder.layerCount, unit: "layers"))
      try decoder.slice(
        request, widths: widths, workers: workers, observer: { try tell($0) },
        orient: { gram in
          try cancellation.check()
          defer { next += 1 }
          return try transform.orient(
            model: summary, place: requests[next], hidden: decoder.hidden, width: gram.width,
            tokens: gram.tokens, gram: gram.gram)
        }, body: body)
    }
  }

  private var request: SlicingRequest {
    SlicingRequest(
      sequences: sequences, centersEmbeddings: transform.centersEmbeddings,
      normalisesTokens: transform.normalisesTokens)
  }

  private func tell(_ progress: PassProgress) throws {
    try cancellation.check()
    reporter.advance(to: progress.done)
  }

  private var measure: Target.Measure { stage.target?.measure ?? .parameters }

  /// The places as a transform sees them, with the energies that it asked for.
  private func requests(_ places: ResidualPlaces) throws -> [PlaceRequest] {
    var energies: [[Double]]?
    if transform.statistics.contains("residual_energies") {
      let decoder = model.decoder
      reporter.begin(ProgressTask(title: label + ": energies", total: decoder.layerCount, unit: "layers"))
      defer { reporter.end() }
      energies = try decoder.residualEnergies(request, workers: workers, observer: { try tell($0) })
    }
    return places.places.enumerated().map { index, place in
      PlaceRequest(
        name: place.kind.rawValue, layer: place.layer,
        cost: measure == .parameters ? place.parameters : place.multiplyAccumulates,
        energies: energies?[index])
    }
  }

  private func residual(_ places: ResidualPlaces, _ requests: [PlaceRequest]) -> ResidualRequest {
    let isOfParameters = measure == .parameters
    let original = isOfParameters ? model.originalParameters : model.originalMultiplyAccumulates
    let now = isOfParameters ? model.decoder.parameters : model.decoder.multiplyAccumulates
    return ResidualRequest(
      measure: measure.rawValue, hidden: places.hidden, fixed: isOfParameters ? places.fixedParameters : 0,
      original: original, goal: stage.target?.goal(original: original, now: now), places: requests)
  }
}
