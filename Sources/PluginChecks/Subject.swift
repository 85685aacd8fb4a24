import Foundation
import JSON
import PluginRuntime
import Synchronization

/// An instance of any kind, asked what its kind is asked, about a whole sample model. Its answer is a list of numbers.
final class Subject {
  private let instance: Instance
  private let memory: CallMemory
  private let data: SampleData

  private enum Instance {
    case criterion(CriterionInstance)
    case allocator(AllocatorInstance)
    case compensator(CompensatorInstance)
    case transform(TransformInstance)
    case evaluator(EvaluatorInstance)
  }

  /// - Parameters:
  ///   - own: data of the plugin's author, by option.
  ///   - services: what the host offers; other data and all log-likelihoods are the sample's.
  init(_ plugin: LoadedPlugin, options: JSONValue, own: OwnTestData, services: HostServices) throws {
    memory = services.memory
    let data = SampleData()
    self.data = data
    var services = services
    services.openData = { option, _ in own.corpora[option] ?? data.corpus }
    services.logLikelihood = { sequences in data.logLikelihoods(of: sequences) }
    instance =
      switch plugin.kind {
      case .criterion: .criterion(try CriterionInstance(of: plugin, options: options, services: services))
      case .allocator: .allocator(try AllocatorInstance(of: plugin, options: options, services: services))
      case .compensator:
        .compensator(try CompensatorInstance(of: plugin, options: options, services: services))
      case .transform: .transform(try TransformInstance(of: plugin, options: options, services: services))
      case .evaluator: .evaluator(try EvaluatorInstance(of: plugin, options: options, services: services))
      }
  }

  func ask(about model: SampleModel, goal: Double = 0.9) throws -> [Double] {
    switch instance {
    case .criterion(let criterion): return try scores(criterion, model)
    case .allocator(let allocator):
      let request = model.allocation(goal: goal)
      // Scores of either sort of criterion.
      return try [true, false].flatMap { scoresCompare in
        let shares = try allocator.allocate(
          model: model.summary, budget: request.budget, layers: request.layers, scoresCompare: scoresCompare)
        return shares.joined().flatMap { [$0.sparsity, Double($0.keep)] }
      }
    case .compensator(let compensator): return try compensated(compensator, model)
    case .transform(let transform):
      let residual = model.residual(goal: transform.fixesWidths ? nil : goal)
      let widths = try transform.widths(model: model.summary, residual)
      var answer = widths.map(Double.init)
      for (index, place) in residual.places.enumerated() {
        let random = RandomStream(seed: 6, plugin: "", stream: UInt64(index))
        answer += try transform.orient(
          model: model.summary,
          OrientRequest(
            place: place, hidden: model.hidden, width: widths[index], tokens: model.hidden + 3,
            gram: model.gram(model.hidden, random)))
      }
      return answer
    case .evaluator(let evaluator):
      data.use(model.numbers)
      let result = try evaluator.evaluate(model: model.summary)
      return result.metrics.flatMap { [$0.value, $0.standardError ?? -1] } + result.items.flatMap(\.values)
    }
  }

  private func scores(_ criterion: CriterionInstance, _ model: SampleModel) throws -> [Double] {
    var answer: [Double] = []
    for layer in (0..<model.layers).reversed() {
      for family in model.families {
        let arena = Arena(memory)
        let units = model.units(family, layer: layer, statistics: criterion.statistics, arena)
        arena.seal()
        answer += try withExtendedLifetime(arena) {
          try criterion.score(model: model.summary, units: units).map(Double.init)
        }
      }
    }
    return answer
  }

  private func compensated(_ compensator: CompensatorInstance, _ model: SampleModel) throws -> [Double] {
    var answer: [Double] = []
    for layer in 0..<model.layers {
      for family in [SampleFamily.attention, .mlp] {
        let arena = Arena(memory)
        let projection = model.projection(family, layer: layer, arena)
        arena.seal()
        let changed = try withExtendedLifetime(arena) {
          try compensator.compensate(model: model.summary, projection)
        }
        answer += changed.weight.map(Double.init) + (changed.bias ?? []).map(Double.init)
      }
    }
    return answer
  }
}

/// What evaluators read, and what a model says of it.
private final class SampleData: Sendable {
  private let numbers = Mutex(SampleModel.Numbers.ordinary)

  func use(_ numbers: SampleModel.Numbers) { self.numbers.withLock { $0 = numbers } }

  /// Two long documents and, among numbers that are not ordinary, an empty one and one of a single token.
  var corpus: HostServices.Corpus {
    let long = [Array(0..<1000 as Range<Int32>), Array(17..<700)]
    let isOrdinary = numbers.withLock { $0 } == .ordinary
    return HostServices.Corpus(name: "sample", documents: isOrdinary ? long : [[], [5]] + long)
  }

  func logLikelihoods(of sequences: [HostServices.ScoredSequence]) -> [[Float]] {
    let numbers = numbers.withLock { $0 }
    return sequences.map { sequence in
      sequence.tokens[sequence.first...].indices.map { index in
        let token = sequence.tokens[index]
        let random = RandomStream(seed: 7, plugin: "", stream: UInt64(UInt32(bitPattern: token)))
        return -4 * abs(numbers.value(index, of: random))
      }
    }
  }
}

extension OptionsSchema {
  /// Options with which an instance can be made: defaults, and something that fits where there is none.
  var sampleOptions: JSONObject {
    var options = JSONObject()
    for property in properties where property.isRequired || (property.isData && property.defaultValue == nil)
    {
      options[property.name] = property.sample
    }
    return options
  }
}

extension OptionsSchema.Property {
  /// A value that fits.
  var sample: JSONValue {
    if isData { return "sample.txt" }
    if let allowed, let first = allowed.first { return first }
    switch types.first {
    case .integer: return .integer(Int((minimum ?? exclusiveMinimum.map { $0 + 1 } ?? 1).rounded(.up)))
    case .number: return .number(minimum ?? exclusiveMinimum.map { $0 + 0.5 } ?? 0.5)
    case .boolean: return false
    case .array: return .array((0..<(minItems ?? 0)).map { _ in items.first?.sample ?? 1 })
    case .object: return [:]
    case .null: return .null
    default: return "sample"
    }
  }

  /// Values at the edges of what fits: every choice, both bounds.
  var edges: [JSONValue] {
    if isData { return [] }
    if let allowed { return allowed }
    var edges: [JSONValue] = types.contains(.null) ? [.null] : []
    if types.contains(.boolean) { edges += [true, false] }
    if types.contains(.integer) {
      edges += [minimum, maximum].compactMap { $0.flatMap { Int(exactly: $0) } }.map { .integer($0) }
      if maximum == nil { edges.append(.integer(1 << 40)) }
    } else if types.contains(.number) {
      edges += [minimum, maximum, exclusiveMinimum.map { $0.nextUp }].compactMap { $0 }.map { .number($0) }
      if maximum == nil { edges.append(.number(1e30)) }
    }
    if types.contains(.string) { edges += ["", "\u{1F33B}"] }
    if types.contains(.array) { edges += [.array([]), sample] }
    return edges
  }

  /// One value of each type that JSON has.
  static let ofEachType: [JSONValue] = [
    .null, true, 3, -2.5, "words", [], [1, 2], ["a": 1],
  ]
}
