/// What a decoder refuses, in words.
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
      "\(file): no layer has attention or an MLP, or would have one left; at least one sublayer must stay"
    case .badSelection(let layer, let family):
      "layer \(layer): the units to keep of family \(family.rawValue) must be ascending, "
        + (family.isWhole ? "" : "at least one, ") + "and among those it has"
    case .tokenOutOfRange(let token, let vocabulary):
      "token id \(token) is outside the model's vocabulary of \(vocabulary); was the text tokenized for another model?"
    case .sequenceTooShort(let index, let length):
      "sequence \(index) has \(length) token(s); at least 2 are needed to predict one"
    case .cancelled:
      "stopped on request"
    case .tooLarge(let file):
      "\(file): the embedding has more elements than this machine can count"
    case .noRoom(let tokens, let longest, let room):
      "a micro-batch of \(tokens) tokens with a sequence of \(longest) does not fit the \(room.tokens) tokens in sequences "
        + "of at most \(room.longest) that training was set up for"
    case .normsBehind(let file):
      "\(file): the residual stream of this model can't be sliced, since norms stand behind its sublayers: "
        + "they divide by the size of what a sublayer adds, which a narrower stream changes"
    case .wrongOrigin(let file): "\(file) is not the model that the run's records describe"
    case .noTargets:
      "a training step has no token to predict: every token of it is a prompt's or a document's first"
    case .nothingToTrain:
      "there is nothing to train: no layer has any of the projections that adapters were asked for, since the sublayers "
        + "that had them were removed"
    case .notFinite(step: 1):
      "the loss or the gradient of step 1 is not finite, though this training has changed no weight yet: what the model "
        + "computes is too large for float32; did a stage before this one leave weights that are too large?"
    case .notFinite(let step):
      "the loss or the gradient of step \(step) is not finite; try a lower learning rate or a smaller max_grad_norm"
    case .unlikeTeacher(let what, let teacher, let student):
      "the teacher's \(what) is \(teacher), the student's \(student); they must be equal to be compared"
    case .sliced(let file):
      "\(file) is a model whose residual stream was sliced: it can be run, measured and saved, and neither pruned nor "
        + "trained nor transformed; take the model from before"
    case .badWidths(let places, let hidden):
      "a sliced residual stream needs \(places) widths from 1 to \(hidden), and bases of \(hidden) × \(hidden)"
    }
  }
}
