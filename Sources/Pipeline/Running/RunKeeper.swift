import Checkpoints
import Files
import Foundation
import JSON
import RunRecords
import Transformer

/// Keeps a run's state on the disk, so that the run can be taken up again after any end.
final class RunKeeper {
  private(set) var state: RunState
  private let folder: RunFolder
  /// No file of a model's weights takes more, unless a single tensor does.
  private let shardBytes: Int

  init(_ state: RunState, folder: RunFolder, shardBytes: Int = ModelWriter.standardShardBytes) {
    self.state = state
    self.folder = folder
    self.shardBytes = shardBytes
  }

  /// Changes the state, puts it on the disk, and removes what it no longer names. In this order: whenever the machine
  /// stops, the state on the disk names files that are there.
  func update(_ change: (inout RunState) -> Void) throws {
    change(&state)
    try AtomicFile.write(state.json.compact, to: try folder.place(RunLayout.state))
    removeUnneeded()
  }

  /// Removes what was left by checkpoints that no longer count, or were never finished. What can't be removed now is
  /// tried again after the next stage.
  private func removeUnneeded() {
    let needed = state.names
    let names = (try? Folder.names(in: folder.path + "/" + RunLayout.stateFolder)) ?? []
    for name in names where !needed.contains(RunLayout.stateFolder + "/" + name) {
      discard(RunLayout.stateFolder + "/" + name)
    }
  }

  /// Removes what nobody needs any more. It is in nobody's way either, so that a failure ends no run.
  func discard(_ name: String) { try? Folder.remove(folder.path + "/" + name) }

  /// Removes what a process that was killed had begun to write.
  func removeLeftovers() {
    removeUnneeded()
    for name in (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    where RunLayout.isLeftover((name as NSString).lastPathComponent) {
      discard(name)
    }
  }

  /// A finished run has nothing to resume. The state goes at once, whenever the machine stops.
  /// - Returns: why some of what it was made of is still there, under a hidden name.
  func removeAll() throws -> FileError? {
    let leftover = folder.path + "/.partial-" + RunLayout.stateFolder
    try Folder.remove(leftover)
    guard rename(folder.path + "/" + RunLayout.stateFolder, leftover) == 0 else {
      throw FileError.last("remove", folder.path + "/" + RunLayout.stateFolder)
    }
    do throws(FileError) { try Folder.remove(leftover) } catch { return error }
    return nil
  }

  /// Writes what training made of the model as a checkpoint of its own, on which the run goes on.
  ///
  /// - Parameter number: of the execution, for the file's name.
  /// - Returns: the model's place, and the moments' file where there is one to keep.
  func write(
    _ trainer: Trainer, of model: LoadedModel, number: Int, moments: Bool
  ) throws -> (place: RunState.ModelPlace, moments: RunState.StoredFile?) {
    let place = try write(model, name: "model-\(number)") { try trainer.forEachParameter(body: $0) }
    var stored: RunState.StoredFile?
    if moments {
      let file = "\(RunLayout.stateFolder)/moments-\(number).safetensors"
      try trainer.writeMoments(to: try folder.place(file))
      stored = try storedFile(file)
    }
    return (place, stored)
  }

  /// Writes the model with other values as a checkpoint of its own, on which the run goes on.
  ///
  /// - Parameters:
  ///   - configure: what is different in the values' configuration, biases for instance.
  ///   - name: of the folder in `state/`.
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

  /// Goes on with the model at a place.
  func open(_ place: RunState.ModelPlace, in model: LoadedModel) throws {
    if let stage = place.folder {
      let checkpoint = try Checkpoint.open(folder.path + "/" + stage)
      model.replace(with: try Decoder(checkpoint, origin: place.origin))
    }
    try model.decoder.select(place.selected.map { $0.units() })
  }
}
