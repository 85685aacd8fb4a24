import Checkpoints
import Files
import Foundation
import JSON
import RunRecords
import Transformer

/// Keeps a run's state on the disk, so that the run can be resumed after any interruption.
final class RunKeeper {
  private(set) var state: RunState
  private let folder: RunFolder
  /// The most bytes of a weights file with several tensors.
  private let shardBytes: Int

  init(_ state: RunState, folder: RunFolder, shardBytes: Int = ModelWriter.standardShardBytes) {
    self.state = state
    self.folder = folder
    self.shardBytes = shardBytes
  }

  /// Changes the state, writes it, and removes the files that it no longer names. In this order the state on the disk
  /// always names files that exist.
  func update(_ change: (inout RunState) -> Void) throws {
    change(&state)
    try AtomicFile.write(state.json.compact, to: try folder.place(RunLayout.state))
    removeUnneeded()
  }

  /// Removes old and unfinished checkpoints. A failure is tried again after the next stage.
  private func removeUnneeded() {
    let needed = state.names
    let names = (try? Folder.names(in: folder.path + "/" + RunLayout.stateFolder)) ?? []
    for name in names where !needed.contains(RunLayout.stateFolder + "/" + name) {
      discard(RunLayout.stateFolder + "/" + name)
    }
  }

  /// Removes a file that nobody needs. A failure does no harm.
  func discard(_ name: String) { try? Folder.remove(folder.path + "/" + name) }

  /// Removes the unfinished files of a killed process.
  func removeLeftovers() {
    removeUnneeded()
    for name in (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    where RunLayout.isLeftover((name as NSString).lastPathComponent) {
      discard(name)
    }
  }

  /// Removes the state of a finished run. It disappears in one step, even if the machine stops meanwhile.
  /// - Returns: why files of the state remain under a hidden name.
  func removeAll() throws -> FileError? {
    let leftover = folder.path + "/.partial-" + RunLayout.stateFolder
    try Folder.remove(leftover)
    guard rename(folder.path + "/" + RunLayout.stateFolder, leftover) == 0 else {
      throw FileError.last("remove", folder.path + "/" + RunLayout.stateFolder)
    }
    do throws(FileError) { try Folder.remove(leftover) } catch { return error }
    return nil
  }

  /// Writes the trained model as a checkpoint, from which the run continues.
  /// - Parameter number: the execution's number, for the file's name.
  /// - Returns: the model's place, and the file of the optimizer's moments if they are kept.
  func write(
    _ trainer: Trainer, of model: LoadedModel, number: Int, moments: Bool
  ) throws -> (place: RunState.ModelPlace, moments: RunState.StoredFile?) {
    let place = try write(model, name: "model-\(number)") { try trainer.forEachParameter(body: $0) }
    guard moments else { return (place, nil) }
    let file = "\(RunLayout.stateFolder)/moments-\(number).safetensors"
    try trainer.writeMoments(to: try folder.place(file))
    return (place, try storedFile(file))
  }

  /// Writes the model with new values as a checkpoint, from which the run continues.
  /// - Parameters:
  ///   - configure: changes the configuration to fit the values, for instance new biases.
  ///   - name: the folder's name in `state/`.
  func write(
    _ model: LoadedModel, configure: (inout ModelConfiguration) -> Void = { _ in }, name: String,
    forEachParameter: ((String, UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
  ) throws -> RunState.ModelPlace {
    let name = "\(RunLayout.stateFolder)/\(name)"
    let path = try folder.place(name)
    try Folder.remove(path)
    try model.save(
      to: path, type: .float32, keepingEmptyLayers: true, shardBytes: shardBytes, configure: configure,
      forEachParameter: forEachParameter)
    return RunState.ModelPlace(
      folder: name, files: try LoadedModel.files(in: path).map { try storedFile(name + "/" + $0) },
      origin: model.decoder.origin)
  }

  private func storedFile(_ name: String) throws -> RunState.StoredFile {
    RunState.StoredFile(name: name, sha256: try FileHash.sha256(folder.path + "/" + name))
  }

  /// Continues with the model at a place.
  func open(_ place: RunState.ModelPlace, in model: LoadedModel) throws {
    if let stage = place.folder {
      let checkpoint = try Checkpoint.open(folder.path + "/" + stage)
      model.replace(with: try Decoder(checkpoint, origin: place.origin))
    }
    try model.decoder.select(place.selected.map { $0.units() })
  }
}
