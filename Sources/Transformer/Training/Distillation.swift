import Kernels
import Tensors

/// The loss with a dense teacher, as in Minitron (Muralidharan et al., arXiv 2407.14679):
///
///     (1 − weight) · cross-entropy + weight · T² · KL(softmax(teacher / T) ‖ softmax(student / T))
///       + hiddenWeight · mean over layers but the last of mean((student's residual stream − teacher's)²)
public struct DistillationOptions: Equatable, Sendable {
  public var temperature: Double
  public var weight: Double
  public var hiddenWeight: Double

  public init(temperature: Double, weight: Double, hiddenWeight: Double) {
    self.temperature = temperature
    self.weight = weight
    self.hiddenWeight = hiddenWeight
  }
}

/// The teacher's forward pass in a training pass. Its weights stay in the checkpoint's type, and are dequantized one layer at a
/// time.
final class TeacherPass {
  let options: DistillationOptions
  private let teacher: Decoder
  private let head: Head
  private let workspace: LayerWorkspace
  private let stream: ResidualStream

  /// - Throws: `DecoderError.unlikeTeacher` if teacher and student cannot be compared.
  init(
    _ teacher: Decoder, student: Decoder, _ options: DistillationOptions, room: TrainingRoom, workers: Workers
  ) throws {
    func requireEqual(_ what: String, _ size: KeyPath<Decoder, Int>) throws {
      let (teacher, student) = (teacher[keyPath: size], student[keyPath: size])
      guard teacher == student else {
        throw DecoderError.unlikeTeacher(what: what, teacher: teacher, student: student)
      }
    }
    try requireEqual("vocabulary", \.vocabulary)
    if options.hiddenWeight != 0 {
      try requireEqual("layer count", \.layerCount)
      try requireEqual("hidden size", \.hidden)
    }
    self.options = options
    self.teacher = teacher
    head = try Head(teacher, workers: workers)
    workspace = LayerWorkspace(teacher, tokens: room.blockTokens, longest: room.longest, workers: workers)
    // Only the hidden term needs the output of each layer.
    stream = try ResidualStream(
      layers: options.hiddenWeight == 0 ? 2 : teacher.layerCount + 1, count: room.tokens * teacher.hidden)
  }

  func run(_ tokens: [Int32], _ blocks: Blocks) throws {
    try teacher.embed(tokens, into: stream.entering(0))
    let hidden = teacher.hidden
    for layer in 0..<teacher.layerCount {
      let pass = try workspace.at(layer)
      for block in blocks.all {
        let offset = block.firstRow * hidden
        pass.forward(
          Rows(stream.entering(layer) + offset, stride: hidden), block.sequences,
          .output(Rows(stream.entering(layer + 1) + offset, stride: hidden)))
      }
    }
  }

  var headTeacher: Head.Teacher {
    Head.Teacher(
      head: head, stream: UnsafePointer(stream.entering(teacher.layerCount)),
      temperature: Float(options.temperature), weight: Float(options.weight))
  }

  /// Adds the hidden term's gradient with respect to the output of a layer, of all but the last.
  ///
  /// - Parameters:
  ///   - student, gradient: [rows, hidden]
  ///   - tokens: the tokens of the whole step, for the mean.
  /// - Returns: Σ (student − teacher)².
  func addHiddenGradient(
    layer: Int, student: UnsafePointer<Float>, rows: Int, tokens: Int,
    into gradient: UnsafeMutablePointer<Float>
  ) -> Double {
    guard options.hiddenWeight != 0, layer < teacher.layerCount - 1 else { return 0 }
    let hidden = teacher.hidden
    let elements = Double(teacher.layerCount - 1) * Double(tokens) * Double(hidden)
    let scale = Float(2 * options.hiddenWeight / elements)
    let reference = stream.entering(layer + 1)
    return workspace.workers.sum(rows, grain: 256) { range in
      let offset = range.lowerBound * hidden
      return ap_squared_difference(
        student + offset, reference + offset, Int64(range.count * hidden), scale, gradient + offset)
    }
  }
}
