import Checkpoints
import PluginRuntime
import RunRecords
import Tensors
import Transformer

/// A transform stage at work. It decides the widths of the residual stream, and then slices the model to them.
struct Transforming {
  let stage: TransformStage
  let context: StageContext
  let sequences: [[Int32]]
  let transform: TransformInstance

  /// - Parameter sequences: calibration data.
  init(_ stage: TransformStage, in context: StageContext, sequences: [[Int32]]) throws {
    self.stage = stage
    self.context = context
    self.sequences = sequences
    transform = try context.transform(stage.transform)
  }

  var model: LoadedModel { context.model }

  /// Writes the sliced model. `forEachParameter` passes every parameter to its closure.
  typealias Rewrite<Result> = (
    _ widths: ResidualWidths,
    _ forEachParameter: ((String, UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
  ) throws -> Result

  func run<Result>(rewrite: Rewrite<Result>) throws -> Result {
    let decoder = model.decoder
    let summary = ModelSummary(model)
    let places = try decoder.residualPlaces()
    let requests = requests(places, energies: try energies())
    let widths = try transform.widths(model: summary, residual(places, requests))
    var next = 0
    return try rewrite(places.widths(widths)) { body in
      try context.followingLayers("\(context.label): slicing") { advance in
        try decoder.slice(
          request, widths: widths, workers: context.workers, observer: { try advance($0.done) },
          orient: { gram in
            try context.cancellation.check()
            defer { next += 1 }
            return try transform.orient(
              model: summary,
              OrientRequest(
                place: requests[next], hidden: decoder.hidden, width: gram.width, tokens: gram.tokens,
                gram: gram.gram))
          }, body: body)
      }
    }
  }

  private var request: SlicingRequest {
    SlicingRequest(
      sequences: sequences, centersEmbeddings: transform.centersEmbeddings,
      normalisesTokens: transform.normalisesTokens)
  }

  private var measure: Target.Measure { stage.target?.measure ?? .parameters }

  /// The energies of each place, if the transform asks for them.
  private func energies() throws -> [[Double]]? {
    guard needsEnergies else { return nil }
    return try context.followingLayers("\(context.label): energies") { advance in
      try model.decoder.residualEnergies(
        request, workers: context.workers, observer: { try advance($0.done) })
    }
  }

  var needsEnergies: Bool { transform.statistics.contains(.residualEnergies) }

  /// Returns the places as a transform sees them.
  func requests(_ places: ResidualPlaces, energies: [[Double]]?) -> [PlaceRequest] {
    places.places.enumerated().map { index, place in
      PlaceRequest(
        name: place.kind.rawValue, layer: place.layer,
        cost: measure == .parameters ? place.parameters : place.multiplyAccumulates,
        energies: energies?[index])
    }
  }

  func residual(_ places: ResidualPlaces, _ requests: [PlaceRequest]) -> ResidualRequest {
    let isOfParameters = measure == .parameters
    let original = isOfParameters ? model.originalParameters : model.originalMultiplyAccumulates
    let now = isOfParameters ? model.decoder.parameters : model.decoder.multiplyAccumulates
    return ResidualRequest(
      measure: measure.rawValue, hidden: places.hidden, fixed: isOfParameters ? places.fixedParameters : 0,
      original: original, goal: stage.target?.goal(original: original, now: now), places: requests)
  }
}

extension RunSession {
  /// Slices the model's residual stream, writes the new model, and continues with it.
  func execute(_ stage: TransformStage, in context: StageContext) throws {
    let clock = ContinuousClock.now
    let transforming = try Transforming(
      stage, in: context, sequences: context.sequences(of: stage.calibration))
    let hidden = model.decoder.hidden
    let (place, widths) = try transforming.run { widths, forEachParameter in
      let place = try keeper.write(
        model,
        configure: {
          $0.residualWidths = widths
          $0.tiedEmbeddings = false
        }, name: "model-\(number)", forEachParameter: forEachParameter)
      try keeper.open(place, in: model)
      return (place, widths)
    }
    let iterations = keeper.state.iterations + 1
    let seconds = (ContinuousClock.now - clock) / .seconds(1)
    try folder.write(
      IterationRecord {
        $0.number = iterations
        $0.stage = context.label
        $0.iteration = 1
        $0.layers = layers(widths, of: hidden)
        $0.parameters = model.decoder.parameters
        $0.macs = model.decoder.multiplyAccumulates
        $0.headWidth = widths.head
      })
    try tellIteration(iterations, seconds: seconds, title: context.label)
    Buffer.returnFreeMemory()
    atStageEnd { state in
      state.iterations = iterations
      state.model = place
    }
  }

  /// Returns the width of the residual stream at each layer's inputs.
  private func layers(_ widths: ResidualWidths, of hidden: Int) -> [IterationRecord.Layer] {
    model.decoder.allSizes.enumerated().map { layer, sizes in
      func stream(_ name: String, _ isThere: Bool, _ widths: [Int]) -> Named<IterationRecord.Removal>? {
        isThere ? Named(name, .init(originalCount: hidden, kept: .width(widths[layer]))) : nil
      }
      return IterationRecord.Layer(
        statistics: [],
        families: [
          stream("attention_stream", sizes.hasAttention, widths.attention),
          stream("mlp_stream", sizes.hasMLP, widths.mlp),
        ].compactMap(\.self))
    }
  }
}
