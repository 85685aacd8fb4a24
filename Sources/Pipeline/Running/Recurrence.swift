import ChatTemplates
import Checkpoints
import PluginRuntime
import Tokenizers
import TrainingData
import Transformer

enum Recurrence {
  /// Whether a run that this ended would end in the same way if it were taken up: its pipeline, its model and its data are
  /// what they are. A disk can be made room on, a plugin can be mended.
  static func isCertain(after error: any Error) -> Bool {
    switch error {
    case is PruningError, is RehearsalError, is EvaluationError, is LoadedModelError, is DecoderError,
      is TrainingError, is TokenizerError, is ChatTemplateError, is WorkRefused:
      true
    case DataError.unreadable, TrainingDataError.unreadable: false
    case is DataError, is TrainingDataError: true
    case CheckpointError.cannotRead, CheckpointError.cannotWrite: false
    case is CheckpointError: true
    case let error as PluginError: error.isAboutWhatIsAsked
    default: false
    }
  }
}
