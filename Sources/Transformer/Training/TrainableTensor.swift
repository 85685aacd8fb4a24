import Checkpoints
import Tensors

/// One tensor that training changes: its value and its gradient, in memory that its `Trainee` owns.
struct TrainableTensor {
  /// As Hugging Face names it; of an adapter, with `.lora_A.weight` or `.lora_B.weight` at its end.
  let name: String
  let rows: Int
  let columns: Int
  let isVector: Bool
  /// What its rows and columns count, in `layer`; nil outside of layers.
  let rowOwner: LayerDimension?
  let columnOwner: LayerDimension?
  let layer: Int?
  /// [rows, columns]
  let value: UnsafeMutablePointer<Float>
  let gradient: UnsafeMutablePointer<Float>

  var count: Int { rows * columns }
  var shape: [Int] { isVector ? [rows] : [rows, columns] }
}

/// The part of a model that training changes, where it lies, and how passes see the model with it.
///
/// A protocol since three stand behind it: all parameters, low-rank adapters, norms and biases.
protocol Trainee: AnyObject {
  /// In a fixed order.
  var tensors: [TrainableTensor] { get }
  var ends: any ModelEnds { get }
  var endGradients: Head.Gradients { get }
  /// [vocabulary, hidden]; nil where the embedding is not trained, the head's where both are one.
  var embeddingGradient: Buffer? { get }
  /// A layer's weights as they are now, in memory of the trainee's own or in `workspace`.
  func weights(_ layer: Int, workspace: LayerParameters, workers: Workers) throws -> LayerParameters
  /// Where the layer's gradients are added up.
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
