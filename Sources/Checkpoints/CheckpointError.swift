import Files
import Wording

/// An error about a checkpoint. `description` puts it into words.
public enum CheckpointError: Error, Equatable, Sendable {
  // Finding and reading files.
  case cannotRead(file: String, reason: String)
  case changed(FileError)
  case notACheckpoint(location: String, found: String)
  case missingFile(file: String, advice: String)
  case missingShard(index: String, shard: String, tensor: String)
  case unsafeShardPath(index: String, shard: String)
  case adapter(file: String, isAlone: Bool)

  // The container.
  case truncated(file: String, place: String, needed: Int, available: Int)
  case headerTooLong(file: String, length: UInt64, available: Int)
  case notJSON(file: String, place: String, problem: String)
  case malformed(file: String, place: String, expected: String, found: String)
  case unknownType(file: String, tensor: String, found: String)
  case duplicateTensor(file: String, tensor: String)
  case outOfBounds(file: String, tensor: String, begin: UInt64, end: UInt64, available: Int)
  case overlap(file: String, first: String, second: String)
  case hole(file: String, begin: Int, end: Int)
  case sizeMismatch(file: String, tensor: String, shape: [Int], type: StorageType, expected: Int, found: Int)
  case sizeOverflow(file: String, tensor: String, shape: String)
  case unalignedBlocks(file: String, tensor: String, columns: Int, type: StorageType)
  case countTooLarge(file: String, place: String, count: UInt64, possible: Int)
  case misaligned(file: String, tensor: String, offset: UInt64, alignment: Int)
  case wrongMagic(file: String, found: String)
  case unsupportedVersion(file: String, found: String)

  // The model.
  case unsupportedArchitecture(file: String, found: String)
  case unsupportedSetting(file: String, key: String, found: String, advice: String)
  case missingTensor(file: String, tensor: String, expected: [Int], advice: String)
  case shapeMismatch(file: String, tensor: String, expected: [Int], found: [Int], advice: String)
  case undeclaredTensor(file: String, tensor: String, configuration: String, advice: String)
  case noSuchTensor(file: String, tensor: String)

  // Using what was read.
  case notFinite(file: String, tensor: String, place: [Int], value: Float)
  case cannotDequantize(file: String, tensor: String, type: StorageType)
  case notIntegers(file: String, tensor: String, type: StorageType)
  case badSelection(tensor: String, problem: String)

  // Writing.
  case cannotWrite(FileError)
  case badWrite(file: String, tensor: String, problem: String)
  case valueTooLarge(file: String, tensor: String, count: Int, type: StorageType)
}

extension CheckpointError: CustomStringConvertible {
  public var description: String { ShownText.oneLine(sentence) }

  private var sentence: String {
    switch self {
    case .cannotRead(let file, let reason):
      "\(file) cannot be read: \(reason)."
    case .changed(let error): "\(error)."
    case .notACheckpoint(let location, let found):
      "\(location) is no checkpoint: expected a .gguf file or a folder with config.json and "
        + "model.safetensors (or model.safetensors.index.json), found \(found)."
    case .missingFile(let file, let advice):
      "\(file) is missing: \(advice)."
    case .missingShard(let index, let shard, let tensor):
      "\(index) says that \(tensor) is in \(shard), which is not beside it: download it, or repair the index."
    case .unsafeShardPath(let index, let shard):
      "\(index) names the shard “\(shard)”: expected the name of a file in the same folder."
    case .adapter(let file, let isAlone):
      "\(file) belongs to an adapter, which is not applied here"
        + (isAlone
          ? ", and there is no model beside it: give the model's folder. To have the adapter in it, "
          : ". To work with the model as it is, put the adapter into another folder. To have it in the model, ")
        + "merge it first: load both with peft, call merge_and_unload(), and save what that returns."

    case .truncated(let file, let place, let needed, let available):
      "\(file) ends within \(place): \(needed) bytes expected, \(available) left. Was the download cut short?"
    case .headerTooLong(let file, let length, let available):
      "\(file) claims a header of \(length) bytes, but \(available) bytes follow: "
        + "it is truncated or not a safetensors file."
    case .notJSON(let file, let place, let problem):
      "\(file): \(place) is not JSON: \(problem)."
    case .malformed(let file, let place, let expected, let found):
      "\(file): \(place): expected \(expected), found \(found)."
    case .unknownType(let file, let tensor, let found):
      "\(file): tensor \(tensor) has the type \(found), which is not supported; supported are "
        + "\(StorageType.allCases.map(\.rawValue).joined(separator: ", "))."
    case .duplicateTensor(let file, let tensor):
      "\(file) names \(tensor) twice."
    case .outOfBounds(let file, let tensor, let begin, let end, let available):
      "\(file): the bytes \(begin)..<\(end) of tensor \(tensor) lie outside of the "
        + "\(available) bytes of data."
    case .overlap(let file, let first, let second):
      "\(file): the tensors \(first) and \(second) share bytes."
    case .hole(let file, let begin, let end):
      "\(file): the bytes \(begin)..<\(end) of the data belong to no tensor."
    case .sizeMismatch(let file, let tensor, let shape, let type, let expected, let found):
      "\(file): tensor \(tensor) of shape \(shape) and type \(type) takes \(expected) bytes, "
        + "but is given \(found)."
    case .sizeOverflow(let file, let tensor, let shape):
      "\(file): tensor \(tensor) has the shape \(shape), whose size does not fit in 64 bits."
    case .unalignedBlocks(let file, let tensor, let columns, let type):
      "\(file): tensor \(tensor) has rows of \(columns) values, which are not whole blocks of \(type) "
        + "(\(type.blockSize) values)."
    case .countTooLarge(let file, let place, let count, let possible):
      "\(file): \(place) is \(count), but the rest of the file has room for \(possible) at most."
    case .misaligned(let file, let tensor, let offset, let alignment):
      "\(file): tensor \(tensor) starts at \(offset), which is no multiple of the alignment \(alignment)."
    case .wrongMagic(let file, let found):
      "\(file) is not a GGUF file: it starts with \(found) instead of “GGUF”."
    case .unsupportedVersion(let file, let found):
      "\(file) has GGUF version \(found): expected 2 or 3, little-endian."

    case .unsupportedArchitecture(let file, let found):
      "\(file): the architecture “\(found)” is not supported; supported are "
        + "\(ModelConfiguration.Architecture.allCases.map(\.rawValue).joined(separator: ", "))."
    case .unsupportedSetting(let file, let key, let found, let advice):
      "\(file): \(key) is \(found): \(advice)."
    case .missingTensor(let file, let tensor, let expected, let advice):
      "\(file) has no tensor \(tensor), expected with shape \(expected)"
        + (advice.isEmpty ? "." : ": \(advice)")
    case .shapeMismatch(let file, let tensor, let expected, let found, let advice):
      "\(file): tensor \(tensor) has shape \(found), but the configuration says \(expected)"
        + "\(advice.isEmpty ? "" : " (\(advice))")."
    case .undeclaredTensor(let file, let tensor, let configuration, let advice):
      "\(file) has the tensor \(tensor), which \(configuration) does not declare: \(advice)"
    case .noSuchTensor(let file, let tensor):
      "\(file) has no tensor \(tensor)."

    case .notFinite(let file, let tensor, let place, let value):
      "\(file): the model's own weights are not finite: tensor \(tensor) has "
        + "\(value.isNaN ? "nan" : "\(value)") at \(place). "
        + "Fetch the model anew, or take a checkpoint from before its training diverged."
    case .cannotDequantize(let file, let tensor, let type):
      "\(file): tensor \(tensor) holds \(type), which are not weights: "
        + "floating-point or quantised values expected."
    case .notIntegers(let file, let tensor, let type):
      "\(file): tensor \(tensor) holds \(type): integers expected."
    case .badSelection(let tensor, let problem):
      "Tensor \(tensor): \(problem)."

    case .cannotWrite(let error):
      "\(error). What was there before is untouched."
    case .badWrite(let file, let tensor, let problem):
      "\(file): tensor \(tensor) was not written: \(problem)."
    case .valueTooLarge(let file, let tensor, let count, let type):
      "\(file): \(count) values of tensor \(tensor) are too large for \(type): write float32 or bfloat16."
    }
  }
}

/// Runs `body` and turns its error into `.cannotWrite`.
func writing<Result>(
  _ body: @autoclosure () throws(FileError) -> Result
) throws(CheckpointError) -> Result {
  do { return try body() } catch { throw .cannotWrite(error) }
}

/// Runs `body` and turns its error into `.cannotRead`.
func reading<Result>(
  _ body: @autoclosure () throws(FileError) -> Result
) throws(CheckpointError) -> Result {
  do { return try body() } catch { throw .cannotRead(file: error.path, reason: error.reason) }
}
