import Checkpoints
import OrderedCollections
import Tensors

/// The state of a trainer as a safetensors file: trained values under Hugging Face's names, and PyTorch's moments
/// `exp_avg.<name>` and `exp_avg_sq.<name>`. The metadata name the units (`StoredUnits`) and the steps of tensors younger
/// than the others, as `step.<name>`.
extension Trainer {
  private static let prefixes = (first: "exp_avg.", second: "exp_avg_sq.", step: "step.")

  /// Steps that the moments have seen.
  public var optimizerSteps: Int { optimizer.steps }

  /// Writes values and moments, which is all that a resumed run needs.
  /// - Throws: `CheckpointError`.
  public func writeState(to path: String) throws { try write(to: path, values: true) }

  /// Writes the moments, for a later round.
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
    var metadata: OrderedDictionary = ["format": "pt", "optimizer_steps": String(optimizer.steps)]
    for (tensor, missed) in zip(trainee.tensors, optimizer.stepsMissed) where missed > 0 {
      metadata[Self.prefixes.step + tensor.name] = String(optimizer.steps - missed)
    }
    StoredUnits(decoder.kept).add(to: &metadata)
    let writer = try SafetensorsWriter(
      path: path,
      tensors: parts.map { TensorDeclaration(name: $0.name, shape: $0.shape, type: .float32) },
      metadata: metadata)
    for part in parts {
      try writer.append(UnsafeBufferPointer(start: part.base, count: part.count), to: part.name)
    }
    try writer.finish()
  }

  /// Restores what `writeState` wrote.
  /// - Throws: `CheckpointError` if the file has other tensors, shapes or units.
  public func restoreState(from path: String, optimizerSteps: Int) throws {
    let file = try SafetensorsFile(path: path)
    try StoredUnits(of: file, layers: decoder.layerCount).require(decoder.kept, in: path)
    for (index, tensor) in trainee.tensors.enumerated() {
      try read(tensor, named: tensor.name, from: file, into: tensor.value)
      try readMoments(index, from: file) { try self.read(tensor, named: $0, from: file, into: $1) }
      try readSteps(index, from: file, of: optimizerSteps)
    }
    optimizer.steps = optimizerSteps
  }

  /// Restores the trained values, and leaves the moments.
  package func restoreValues(from path: String) throws {
    let file = try SafetensorsFile(path: path)
    for tensor in trainee.tensors { try read(tensor, named: tensor.name, from: file, into: tensor.value) }
  }

  /// Restores the moments that this stage wrote in an earlier round. Rows and columns of units that have left since are dropped.
  /// Both sides have original numbers, so it does not matter what happened to the model in between.
  ///
  /// A bias that a compensator has added since starts as in PyTorch, with moments of 0 and its own step count
  /// (`torch.optim.AdamW` makes an empty state for a new parameter).
  /// - Throws: `CheckpointError`.
  public func adoptMoments(from path: String, optimizerSteps: Int) throws {
    let file = try SafetensorsFile(path: path)
    let then = try StoredUnits(of: file, layers: decoder.layerCount)
    let now = decoder.kept
    for (index, tensor) in trainee.tensors.enumerated() {
      if isNewBias(tensor, in: file) {
        optimizer.firstMoments[index].zero()
        optimizer.secondMoments[index].zero()
        optimizer.stepsMissed[index] = optimizerSteps
        continue
      }
      func places(_ owner: LayerDimension?) throws -> StoredUnits.Places? {
        try tensor.layer.flatMap { try then.places(of: owner, in: decoder, $0, now: now[$0], file: path) }
      }
      let (rows, columns) = (try places(tensor.rowOwner), try places(tensor.columnOwner))
      try readMoments(index, from: file) { name, target in
        let stored = try file.tensor(named: name)
        let expected = (rows: rows?.count ?? tensor.rows, columns: columns?.count ?? tensor.columns)
        guard stored.rows == expected.rows, stored.columns == expected.columns else {
          throw CheckpointError.shapeMismatch(
            file: path, tensor: name,
            expected: tensor.isVector ? [expected.rows] : [expected.rows, expected.columns],
            found: stored.shape, advice: "the moments belong to another model")
        }
        try stored.dequantize(
          rows: rows.map { .rows($0.kept) } ?? .all, columns: columns?.kept,
          into: UnsafeMutableBufferPointer(start: target, count: tensor.count))
        stored.releasePages()
      }
      try readSteps(index, from: file, of: optimizerSteps)
    }
    optimizer.steps = optimizerSteps
  }

  /// Only biases of output projections can be added during a run.
  private func isNewBias(_ tensor: TrainableTensor, in file: SafetensorsFile) -> Bool {
    tensor.isVector && tensor.name.hasSuffix(".bias")
      && [Self.prefixes.first, Self.prefixes.second].allSatisfy { file.tensors[$0 + tensor.name] == nil }
  }

  private func readSteps(_ index: Int, from file: SafetensorsFile, of steps: Int) throws {
    let key = Self.prefixes.step + trainee.tensors[index].name
    guard let text = file.metadata[key] else {
      optimizer.stepsMissed[index] = 0
      return
    }
    guard let own = Int(text), (0...max(0, steps)).contains(own) else {
      throw CheckpointError.malformed(
        file: file.path, place: "__metadata__.\(key)", expected: "a number of steps up to \(steps)",
        found: text)
    }
    optimizer.stepsMissed[index] = steps - own
  }

  /// The optimizer's moments under the tensors' names: for tests.
  package var namedMoments: [(name: String, first: [Float], second: [Float])] {
    zip(trainee.tensors, zip(optimizer.firstMoments, optimizer.secondMoments)).map { tensor, moments in
      (tensor.name, Array(moments.0.prefix(tensor.count)), Array(moments.1.prefix(tensor.count)))
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
    try stored.dequantize(into: UnsafeMutableBufferPointer(start: target, count: tensor.count))
    stored.releasePages()
  }
}
