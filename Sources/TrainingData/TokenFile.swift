import Checkpoints

/// A mapped safetensors file of token ids.
struct TokenFile: Sendable {
  let path: String
  private let ids: StoredTensor
  /// The start of each document, and the end of the last.
  private let bounds: Bounds
  let count: Int

  private enum Bounds {
    case every(Int)
    case offsets([Int])
  }

  init(path: String) throws(TrainingDataError) {
    self.path = path
    do {
      let file = try SafetensorsFile(path: path)
      ids = try file.tensor(named: "input_ids")
      func broken(_ reason: String) -> TrainingDataError {
        .brokenTokens(path: path, place: "input_ids", reason: reason)
      }
      guard ids.type == .int32 || ids.type == .int64 else {
        throw broken("its type is \(ids.type.rawValue), expected int32 or int64")
      }
      switch ids.shape.count {
      case 2:
        bounds = .every(ids.shape[1])
        count = ids.shape[1] == 0 ? 0 : ids.shape[0]
      case 1:
        guard file.tensorNames.contains("offsets") else {
          throw broken("it is one row of ids, and there is no \"offsets\" to tell where its documents start")
        }
        let offsets = try file.tensor(named: "offsets").integers()
        try Self.check(offsets, tokens: ids.shape[0], path: path)
        bounds = .offsets(offsets)
        count = offsets.count - 1
      default:
        throw broken(
          "its shape is \(ids.shape), expected [documents, length], or [tokens] with \"offsets\"")
      }
    } catch let error as TrainingDataError {
      throw error
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
    if count == 0 { throw .empty(path: path) }
  }

  private static func check(_ offsets: [Int], tokens: Int, path: String) throws(TrainingDataError) {
    guard offsets.count > 1 else { throw .empty(path: path) }
    var last = 0
    for (index, offset) in offsets.enumerated() {
      guard offset >= last, offset <= tokens else {
        throw .brokenTokens(
          path: path, place: "offsets[\(index)]", reason: "\(offset), expected \(last) to \(tokens)")
      }
      last = offset
    }
  }

  /// The ids of a document. `index` is below `count`.
  func ids(at index: Int, vocabularySize: Int) throws(TrainingDataError) -> [Int32] {
    let range =
      switch bounds {
      case .every(let length): index * length..<(index + 1) * length
      case .offsets(let offsets): offsets[index]..<offsets[index + 1]
      }
    let values: [Int64] = ids.withBytes { bytes in
      range.map {
        ids.type == .int32
          ? Int64(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
          : bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)
      }
    }
    return try values.enumerated().map { (place, value) throws(TrainingDataError) in
      guard value >= 0, value < vocabularySize, let id = Int32(exactly: value) else {
        throw .brokenTokens(
          path: path, place: "document \(index), token \(place)",
          reason: "\(value) is no token id of this model, whose ids are 0 to \(vocabularySize - 1)")
      }
      return id
    }
  }
}
