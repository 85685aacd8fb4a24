/// Why pipelines can't be compared.
public enum CompareError: Error, Equatable, CustomStringConvertible {
  case noModel(pipeline: String)
  case sameName(name: String, first: String, second: String)
  case reservedName(name: String, pipeline: String)
  case noShareOfOriginal(pipeline: String)
  case noSuchInput(setting: String, input: String)
  case tooManySeeds(first: Int, count: Int)
  case differs(run: String, what: String, recorded: String, found: String)
  case notARun(path: String, reason: String)
  case notEmpty(path: String)

  public var description: String {
    switch self {
    case .noModel(let pipeline): "\(pipeline) is a pipeline, and needs a model to run on: give --model"
    case .sameName(let name, let first, let second):
      "\(first) and \(second) are both called \"\(name)\", so their runs can't be told apart; give one of them another "
        + "\"name\""
    case .reservedName(let name, let pipeline):
      "\(pipeline): \"\(name)\" is what the unpruned model is called here; give the pipeline another \"name\""
    case .noShareOfOriginal(let pipeline):
      "\(pipeline): --targets replaces targets that are a share of the original model, and no prune or transform stage has one; "
        + "leave --targets out, or give a stage such a target"
    case .noSuchInput(let setting, let input):
      "\(setting): none of the pipelines has an input \"\(input)\""
    case .tooManySeeds(let first, let count): "there are no \(count) seeds from \(first) on"
    case .differs(let run, let what, let recorded, let found):
      "\(run) is there already and was made otherwise: \(what) is \(recorded) there, and \(found) here; choose another "
        + "--output, or move that run away"
    case .notARun(let path, let reason):
      "\(path) stands where a run is to be, and \(reason); choose another --output"
    case .notEmpty(let path):
      "\(path) is not empty and holds no comparison, and nothing is overwritten; choose another folder for --output"
    }
  }
}
