import Checkpoints
import Tensors

/// One tensor that training changes: its value and its gradient, in its `Trainee`'s memory.
struct TrainableTensor {
  /// Hugging Face's name. That of an adapter ends in `.lora_A.weight` or `.lora_B.weight`.
  let name: String
  let rows: Int
  let columns: Int
  var isVector = false
  /// What the rows and columns count; nil in adapters and outside of layers.
  var rowOwner: LayerDimension?
  var columnOwner: LayerDimension?
  /// nil outside of layers.
  var layer: Int?
  /// [rows, columns]
  let value: UnsafeMutablePointer<Float>
  let gradient: UnsafeMutablePointer<Float>

  var count: Int { rows * columns }
  var shape: [Int] { isVector ? [rows] : [rows, columns] }
}

/// The part of a model that training changes: all parameters, low-rank adapters, or norms and biases.
protocol Trainee: AnyObject {
  /// The tensors, in a fixed order.
  var tensors: [TrainableTensor] { get }
  var ends: any ModelEnds { get }
  var endGradients: Head.Gradients { get }
  /// [vocabulary, hidden]; nil if the embedding is not trained. A tied embedding has the head's.
  var embeddingGradient: Buffer? { get }
  /// A layer's weights as they are now, in the trainee's memory or in `workspace`.
  func weights(_ layer: Int, workspace: LayerParameters, workers: Workers) throws -> LayerParameters
  /// The sums of the layer's gradients.
  func target(_ layer: Int) -> GradientTarget
}

extension Trainee {
  func zeroGradients(_ workers: Workers) {
    let tensors = tensors
    workers.run(tensors.count) { index, _ in
      tensors[index].gradient.update(repeating: 0, count: tensors[index].count)
    }
  }
}
