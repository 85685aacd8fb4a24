import Kernels
import Tensors

/// How a dense teacher guides the training of a pruned student, as in Minitron (Muralidharan et al., arXiv 2407.14679):
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

/// The teacher's side of a training pass: its residual stream for the sequences at hand. Its weights stay in its
/// checkpoint's own type and are widened a layer at a time.
final class TeacherPass {
  let options: DistillationOptions
  private let teacher: Decoder
  private let workers: Workers
  private let head: Head
  private let workspace: LayerWorkspace
  private let stream: ResidualStream

  /// - Throws: `DecoderError.unlikeTeacher` if the two cannot be compared.
  init(
    _ teacher: Decoder, student: Decoder, _ options: DistillationOptions, room: TrainingRoom, workers: Workers
  ) throws {
    guard teacher.vocabulary == student.vocabulary else {
      throw DecoderError.unlikeTeacher(
        what: "vocabulary", teacher: teacher.vocabulary, student: student.vocabulary)
    }
    if options.hiddenWeight != 0 {
      guard teacher.layerCount == student.layerCount else {
        throw DecoderError.unlikeTeacher(
          what: "layer count", teacher: teacher.layerCount, student: student.layerCount)
      }
      guard teacher.hidden == student.hidden else {
        throw DecoderError.unlikeTeacher(
          what: "hidden size", teacher: teacher.hidden, student: student.hidden)
      }
    }
    self.options = options
    self.teacher = teacher
    self.workers = workers
    head = try Head(teacher, workers: workers)
    workspace = LayerWorkspace(teacher, tokens: room.blockTokens, longest: room.longest, workers: workers)
    // Of a forward pass alone two are enough; the hidden term asks for each layer's output.
    stream = ResidualStream(
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

  /// Adds the hidden term's gradient with respect to what leaves `layer`, all but the last.
  ///
  /// - Parameters:
  ///   - student, gradient: [rows, hidden]
  ///   - tokens: of the whole step, over which the mean is taken.
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
    let grain = 256
    var parts = [Double](repeating: 0, count: (rows + grain - 1) / grain)
    parts.withUnsafeMutableBufferPointer { parts in
      guard let parts = parts.baseAddress else { return }
      workers.ranges(rows, grain: grain) { range, _ in
        let offset = range.lowerBound * hidden
        parts[range.lowerBound / grain] = ap_squared_difference(
          student + offset, reference + offset, Int64(range.count * hidden), scale, gradient + offset)
      }
    }
    return parts.reduce(0, +)
  }
}
