import JSON
import PluginRuntime

/// A sample of a text: `sequences` × `length` tokens, taken in mini-batches of `batchSize` sequences.
public struct CalibrationSample: Sendable, Equatable {
  public internal(set) var data: DataSource
  public internal(set) var sequences: Int
  public internal(set) var length: Int
  public internal(set) var batchSize: Int

  public init(data: DataSource, sequences: Int = 64, length: Int = 64, batchSize: Int = 16) {
    (self.data, self.sequences, self.length, self.batchSize) = (data, sequences, length, batchSize)
  }
}

extension CalibrationSample {
  /// Stands for a sample that could not be read.
  static let unread = CalibrationSample(data: DataSource(path: "", format: .text, name: ""))

  static var fields: Fields<Self> {
    Fields(
      unread,
      [
        Field(
          "data", "The text: a file, or one of the pipeline's inputs.", schema: .reference("data"),
          definitions: DataSource.definitions, isRequired: true,
          read: { sample, reader, stage in
            guard let text = reader.required("data", expected: "a path, or {\"input\": NAME}") else { return }
            sample.data = stage.source(text, at: reader.path.key("data")) ?? sample.data
          }, write: { $0.data.json }
        ).late(),
        .integer(
          "sequences", \.sequences, 1...1_000_000,
          "How many sequences are taken, spread evenly over the text. Of lists of ids the first are taken."),
        // One token predicts the next: there is no loss in fewer than two.
        .integer("length", \.length, 2...1_000_000, "Tokens a sequence."),
        .integer(
          "batch_size", \.batchSize, 1...1_000_000,
          """
          Sequences a mini-batch. It changes the result: the gradients of the mini-batches' mean losses are summed.
          """),
      ])
  }

  /// - Parameter fields: the keys that may be there.
  /// - Returns: nil, with a problem noted, if there is no such text.
  static func read(
    _ value: JSONValue, at place: JSONPath, _ fields: Fields<Self>, _ stage: StageReading
  ) -> CalibrationSample? {
    guard let reader = ObjectReader(value, at: place, keys: fields.keys, reading: stage.reading) else {
      return nil
    }
    var sample = unread
    Self.fields.read(&sample, reader, stage)
    return sample.data == unread.data ? nil : sample
  }

  /// The number of mini-batches, of which the last may be smaller.
  var miniBatches: Int { (sequences - 1) / batchSize + 1 }

  var words: String { "calibrates on \(sequences) × \(length) tokens of \(data.path)" }

  static let memoryAdvice = "lower the calibration's \"sequences\" or \"length\""
}
