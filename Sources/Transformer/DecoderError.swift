/// Why a decoder refuses a model, a text or a cut.
public enum DecoderError: Error, Equatable, CustomStringConvertible {
  case emptyModel(file: String)
  case badSelection(layer: Int, family: Family)
  case tokenOutOfRange(token: Int, vocabulary: Int)
  case sequenceTooShort(index: Int, length: Int)
  case cancelled
  case tooLarge(file: String)
  case noRoom(tokens: Int, longest: Int, room: TrainingRoom)
  case wrongOrigin(file: String)
  case noTargets
  case nothingToTrain
  case notFinite(step: Int)
  case unlikeTeacher(what: String, teacher: Int, student: Int)
  case sliced(file: String)
  case badWidths(places: Int, hidden: Int)
  case normsBehind(file: String)

  public var description: String {
    switch self {
    case .emptyModel(let file):
      "\(file): no layer has, or would keep, attention or an MLP; at least one sublayer must stay"
    case .badSelection(let layer, let family):
      "layer \(layer): the units to keep of family \(family.rawValue) must be "
        + "\(family.isWhole ? "" : "at least one, ")ascending, and units that the layer has"
    case .tokenOutOfRange(let token, let vocabulary):
      "token id \(token) is outside the model's vocabulary of \(vocabulary); was the text tokenized for another model?"
    case .sequenceTooShort(let index, let length):
      "sequence \(index) has \(length) token(s); at least 2 are needed to predict one"
    case .cancelled:
      "stopped on request"
    case .tooLarge(let file):
      "\(file): the embedding has more elements than this machine can count"
    case .noRoom(let tokens, let longest, let room):
      "a micro-batch has \(tokens) tokens and a sequence of \(longest); training has room for \(room.tokens) tokens in "
        + "sequences of at most \(room.longest)"
    case .normsBehind(let file):
      "\(file): the residual stream of this model can't be sliced: norms follow its sublayers, and divide by a size that "
        + "slicing changes"
    case .wrongOrigin(let file): "\(file) is not the model that the run's records describe"
    case .noTargets:
      "a training step has no token to predict: each of its tokens is in a prompt or is a document's first"
    case .nothingToTrain:
      "there is nothing to train: all sublayers with the projections that the adapters name were removed"
    case .notFinite(step: 1):
      "the loss or the gradient of step 1 is not finite, before training has changed a weight: the model's values are too "
        + "large for float32; did an earlier stage leave too large weights?"
    case .notFinite(let step):
      "the loss or the gradient of step \(step) is not finite; try a lower learning rate or a smaller max_grad_norm"
    case .unlikeTeacher(let what, let teacher, let student):
      "the teacher's \(what) is \(teacher), the student's \(student); they must be equal to be compared"
    case .sliced(let file):
      "\(file) has a sliced residual stream: it can be run, measured and saved, but not pruned, trained or transformed; use "
        + "the model from before slicing"
    case .badWidths(let places, let hidden):
      "a sliced residual stream needs \(places) widths from 1 to \(hidden), and bases of \(hidden) × \(hidden)"
    }
  }
}
