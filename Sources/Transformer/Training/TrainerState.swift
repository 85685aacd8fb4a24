import Checkpoints
import Tensors

/// What a trainer has beyond the decoder's checkpoint, as a safetensors file: trained values under Hugging Face's
/// names, and the moments as `exp_avg.<name>` and `exp_avg_sq.<name>`, as PyTorch's state calls them.
extension Trainer {
  private static let prefixes = (first: "exp_avg.", second: "exp_avg_sq.")

  /// Steps that the moments have seen.
  public var optimizerSteps: Int { optimizer.steps }

  /// Writes values and moments, enough to go on as if nothing had been.
  /// - Throws: `CheckpointError`.
  public func writeState(to path: String) throws { try write(to: path, values: true) }

  /// Writes the moments alone, for a later stage to take up.
  /// - Throws: `CheckpointError`.
  public func writeMoments(to path: String) throws { try write(to: path, values: false) }

  private func write(to path: String, values: Bool) throws {
    var parts: [(name: String, shape: [Int], base: UnsafePointer<Float>, count: Int)] = []
    for (index, tensor) in trainee.tensors.enumerated() {
      func add(_ name: String, _ base: UnsafePointer<Float>) {
        parts.append((name, tensor.shape, base, tensor.count))
      }
      if values { add(tensor.name, UnsafePointer(tensor.value)) }
      add(Self.prefixes.first + tensor.name, UnsafePointer(optimizer.firstMoments[index].base))
      add(Self.prefixes.second + tensor.name, UnsafePointer(optimizer.secondMoments[index].base))
    }
    let writer = try SafetensorsWriter(
      path: path,
      tensors: parts.map { TensorDeclaration(name: $0.name, shape: $0.shape, type: .float32) },
      metadata: ["format": "pt", "optimizer_steps": String(optimizer.steps)])
    for part in parts {
      try writer.append(UnsafeBufferPointer(start: part.base, count: part.count), to: part.name)
    }
    try writer.finish()
  }

  /// Puts back what `writeState` wrote.
  /// - Throws: `CheckpointError` if the file has other tensors or shapes.
  public func restoreState(from path: String, optimizerSteps: Int) throws {
    let file = try SafetensorsFile(path: path)
    for (index, tensor) in trainee.tensors.enumerated() {
      try read(tensor, named: tensor.name, from: file, into: tensor.value)
      try readMoments(index, from: file) { try self.read(tensor, named: $0, from: file, into: $1) }
    }
    optimizer.steps = optimizerSteps
  }

  /// Puts trained values in place, the moments left as they are.
  package func restoreValues(from path: String) throws {
    let file = try SafetensorsFile(path: path)
    for tensor in trainee.tensors { try read(tensor, named: tensor.name, from: file, into: tensor.value) }
  }

  /// Takes up the moments of an earlier stage, whose model the decoder's checkpoint is. Rows and columns of units that
  /// have left since then stay behind, so the optimizer goes on with what it knows of those that stayed.
  /// - Throws: `CheckpointError`.
  public func adoptMoments(from path: String, optimizerSteps: Int) throws {
    let file = try SafetensorsFile(path: path)
    for (index, tensor) in trainee.tensors.enumerated() {
      func rows(_ owner: NamedParameter.Owner) -> [Int]? {
        tensor.layer.flatMap { decoder.rows(of: owner, $0) }
      }
      try readMoments(index, from: file) { name, target in
        let stored = try file.tensor(named: name)
        let (kept, keptColumns) = (rows(tensor.rowOwner), rows(tensor.columnOwner))
        guard kept != nil || stored.rows == tensor.rows,
          keptColumns != nil || stored.columns == tensor.columns
        else {
          throw CheckpointError.shapeMismatch(
            file: path, tensor: name, expected: tensor.shape, found: stored.shape,
            advice: "the moments belong to another model")
        }
        try stored.widen(
          rows: kept.map { .rows($0) } ?? .all, columns: keptColumns,
          into: UnsafeMutableBufferPointer(start: target, count: tensor.count))
        stored.releasePages()
      }
    }
    optimizer.steps = optimizerSteps
  }

  /// The optimizer's moments under the tensors' names: for checks.
  package var namedMoments: [(name: String, first: [Float], second: [Float])] {
    trainee.tensors.indices.map { index in
      let tensor = trainee.tensors[index]
      return (
        tensor.name, Array(optimizer.firstMoments[index].values.prefix(tensor.count)),
        Array(optimizer.secondMoments[index].values.prefix(tensor.count))
      )
    }
  }

  private func readMoments(
    _ index: Int, from file: SafetensorsFile, _ read: (String, UnsafeMutablePointer<Float>) throws -> Void
  ) throws {
    let name = trainee.tensors[index].name
    try read(Self.prefixes.first + name, optimizer.firstMoments[index].base)
    try read(Self.prefixes.second + name, optimizer.secondMoments[index].base)
  }

  private func read(
    _ tensor: TrainableTensor, named name: String, from file: SafetensorsFile,
    into target: UnsafeMutablePointer<Float>
  ) throws {
    let stored = try file.tensor(named: name)
    guard stored.shape == tensor.shape else {
      throw CheckpointError.shapeMismatch(
        file: file.path, tensor: name, expected: tensor.shape, found: stored.shape,
        advice: "the file belongs to another model or stage")
    }
    try stored.widen(into: UnsafeMutableBufferPointer(start: target, count: tensor.count))
    stored.releasePages()
  }
}
