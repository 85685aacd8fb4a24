import ChatTemplates
import Checkpoints
import Foundation
import JSON
import Tokenizers
import TrainingData
import Transformer

/// The endless stream of rows that a stage trains on.
final class TrainingRows {
  private var stream: TrainingStream
  private let stage: String

  init(_ stream: TrainingStream, stage: String) {
    self.stream = stream
    self.stage = stage
  }

  /// The segments of the next row with something to predict. A row that a long prompt fills has nothing. Segments are
  /// documents or parts of them, which attention does not cross.
  /// - Throws: `TrainingDataError`; `TrainingError.nothingToPredict` after `mostRowsWithoutTarget` rows without a target.
  func next() throws -> [TrainingSequence] {
    for _ in 0..<TrainingRows.mostRowsWithoutTarget {
      guard let row = try stream.next() else { throw TrainingError.endOfData(stage: stage) }
      guard row.targetCount > 0 else { continue }
      return row.segments.map { TrainingSequence(tokens: $0.ids, isTarget: $0.isTarget) }
    }
    throw TrainingError.nothingToPredict(stage: stage, rows: TrainingRows.mostRowsWithoutTarget)
  }

  private static let mostRowsWithoutTarget = 10_000

  /// The position of the stream. A stream that resumes from here continues with the same rows.
  var state: JSONValue { stream.state }

  /// The number of broken documents left out, in this round and those before it.
  var skipped: Int { stream.progress.skipped }
}

extension TrainStage {
  /// Whether the optimizer's moments go on in the next round. Adapters start afresh in each.
  var canCarryMoments: Bool {
    if case .lowRank = recovery { return false }
    return optimizer.carriesMoments
  }

  /// - Parameter state: the position at which an earlier round, or an interrupted one, left the stream.
  /// - Throws: `TrainingDataError`, `TokenizerError`, `LoadedModelError`.
  func rows(of model: LoadedModel, label: String, seed: UInt64, resuming state: JSONValue?) throws
    -> TrainingRows
  {
    let stream = try TrainingStream(
      sources: sources(of: model, label: label),
      options: StreamOptions(length: length, packing: packs, seed: seed),
      tokenizer: try tokenizer(model, label: label), resuming: state)
    return TrainingRows(stream, stage: label)
  }

  /// The files as the model reads them.
  func sources(of model: LoadedModel, label: String) throws -> [TrainingSource] {
    try data.map { input in
      TrainingSource(
        name: (input.path as NSString).lastPathComponent, path: input.path,
        format: try input.format(model, label: label), weight: input.weight, skipsBroken: input.skipsBroken)
    }
  }

  private func tokenizer(_ model: LoadedModel, label: String) throws -> TrainingTokenizer {
    let needsText = data.contains { $0.format != .tokens }
    let end = try model.documentEnd(ofText: needsText)
    let tokenizer = needsText ? try model.tokenizer() : nil
    if needsText, end.appended == nil { throw TrainingError.noEndOfSequence(stage: label) }
    let begin = tokenizer?.encode("", addSpecialTokens: true).first
    return TrainingTokenizer(
      vocabularySize: model.decoder.vocabulary, endOfSequence: end.appended, endings: end.known,
      beginOfSequence: begin == tokenizer?.bosID ? begin : nil
    ) { tokenizer?.encode($0) ?? [] }
  }
}

extension TrainingInput {
  fileprivate func format(_ model: LoadedModel, label: String) throws -> TrainingSource.Format {
    let loss: LossTarget = completionsOnly ? .completions : .all
    switch format {
    case .text, .auto: return .text(separator: separator)
    case .jsonl: return .jsonl(field: field)
    case .tokens: return .tokens
    case .instruction:
      var format = InstructionFormat(loss: loss)
      (format.instruction, format.input, format.output) = (parts.instruction, parts.input, parts.output)
      format.promptWithInput = parts.promptWithInput ?? format.promptWithInput
      format.promptWithoutInput = parts.promptWithoutInput ?? format.promptWithoutInput
      return .instruction(format)
    case .chat:
      guard let source = try model.chatTemplate() else {
        throw TrainingError.noChatTemplate(stage: label, model: model.path)
      }
      do {
        let template = try ChatTemplate(parsing: source.text)
        return .chat(
          ChatFormat(
            template: template, variables: source.variables, loss: loss, date: date ?? .usual,
            file: source.file))
      } catch {
        throw TrainingDataError.template(reason: error.description(of: source.file))
      }
    }
  }
}

extension LoadedModel {
  /// The model's chat template. Nil if it has none.
  func chatTemplate() throws -> ChatTemplateSource? {
    switch source.format {
    case .gguf(let file): return ChatTemplateSource(gguf: file)
    case .huggingFace(let folder):
      var template = try ChatTemplateSource(folder: folder.path)
      // transformers hands a template every role that any of the tokenizer's files names.
      if let tokenizer = try? tokenizer() {
        for (role, token) in tokenizer.tokensByRole { template?.variables[role] = .string(token) }
      }
      return template
    }
  }
}
