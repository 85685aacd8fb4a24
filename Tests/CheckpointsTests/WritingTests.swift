import Checkpoints
import Foundation
import Testing

@Suite("Writing", .serialized)
struct WritingTests {
  private func declaration(_ name: String, _ shape: [Int], _ type: StorageType = .float32)
    -> TensorDeclaration
  {
    TensorDeclaration(name: name, shape: shape, type: type)
  }

  @Test("gives back the values, whatever the order of tensors and the pieces of rows")
  func roundTrip() throws {
    let scratch = try Scratch()
    let values = (0..<200_000).map { Float($0) / 7 }
    func write(to path: String, pieces: [Int], order: [String]) throws {
      let writer = try SafetensorsWriter(
        path: path, tensors: [declaration("narrow", [3], .bfloat16), declaration("wide", [400, 500])],
        metadata: ["made": "for \"tests\""])
      for name in order {
        var start = 0
        let count = name == "wide" ? 200_000 : 3
        for piece in pieces + [count] where start < count {
          let end = min(count, start + piece)
          try writer.append(Array(values[start..<end]), to: name)
          start = end
        }
      }
      try writer.finish()
    }
    try write(to: scratch.file("a"), pieces: [], order: ["wide", "narrow"])
    try write(to: scratch.file("b"), pieces: [1, 70_000, 3], order: ["narrow", "wide"])
    let bytes = try Data(contentsOf: URL(filePath: scratch.file("a")))
    #expect(try Data(contentsOf: URL(filePath: scratch.file("b"))) == bytes, "the same bytes each time")
    #expect(bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } % 8 == 0, "the data are aligned")
    let file = try SafetensorsFile(path: scratch.file("a"))
    #expect(file.metadata == ["made": "for \"tests\""])
    #expect(file.tensorNames.elements == ["wide", "narrow"], "wider types first")
    #expect(try file.tensor(named: "wide").shape == [400, 500])
    #expect(try file.tensor(named: "wide").floats() == values)
    #expect(scratch.names == ["a", "b"])
  }

  @Test("arrays of scores in one call")
  func arrays() throws {
    let scratch = try Scratch()
    try SafetensorsWriter.write(
      ["scores": ([2, 2], [1, 2, 3, 4]), "none": ([0], []), "one": ([], [5])], to: scratch.file("s"),
      metadata: ["criterion": "magnitude"])
    let file = try SafetensorsFile(path: scratch.file("s"))
    #expect(try file.tensor(named: "scores").floats() == [1, 2, 3, 4])
    #expect(try file.tensor(named: "none").floats() == [])
    #expect(try file.tensor(named: "one").floats() == [5])
    let complaint = scratch.complaint { () throws(CheckpointError) in
      try SafetensorsWriter.write(["x": ([3], [1])], to: scratch.file("t"))
    }
    #expect(complaint == "…/t: tensor x was not written: 3 values were declared, 1 given.")
    #expect(scratch.names == ["s"])
  }

  @Test("is refused in words, and leaves what was there")
  func misuse() throws {
    let scratch = try Scratch()
    let path = try scratch.write("old", to: "f")
    func complaint(_ tensors: [TensorDeclaration], _ values: [Float], to name: String = "x") -> String {
      scratch.complaint { () throws(CheckpointError) in
        let writer = try SafetensorsWriter(path: path, tensors: tensors)
        try writer.append(values, to: name)
        try writer.finish()
      }
    }
    let x = declaration("x", [2])
    #expect(complaint([x], [1, 2, 3]) == "…/f: tensor x was not written: 3 values were given, 2 declared.")
    #expect(complaint([x], [1]) == "…/f: tensor x was not written: 2 values were declared, 1 given.")
    #expect(complaint([x], [1], to: "y") == "…/f: tensor y was not written: it was not declared.")
    #expect(complaint([x, x], []) == "…/f: tensor x was not written: its name is declared twice.")
    #expect(
      complaint([declaration("x", [-2])], []) == "…/f: tensor x was not written: its shape [-2] is no size.")
    #expect(
      complaint([declaration("x", [32], .q8_0)], [])
        == "…/f: tensor x was not written: q8_0 cannot be written: expected float32, float16 or bfloat16.")
    #expect(
      complaint([declaration("x", [2], .float16)], [1, 70_000])
        == "…/f: 1 values of tensor x are too large for float16: write float32 or bfloat16.")
    #expect(scratch.names == ["f"])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(complaint([x], [1, 2]) == "no complaint")
    #expect(try SafetensorsFile(path: path).tensor(named: "x").floats() == [1, 2])
  }

  @Test("that fails half-way leaves the old file and no other")
  func fileSizeLimit() throws {
    // The limit holds for the whole process, but no other test writes a file as large. This one does not
    // either: it writes across the limit, behind a hole.
    signal(SIGXFSZ, SIG_IGN)
    var old = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
    var limit = rlimit(rlim_cur: 1 << 30, rlim_max: old.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    defer { setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old) }
    let scratch = try Scratch()
    let path = try scratch.write("old", to: "f")
    let complaint = scratch.complaint { () throws(CheckpointError) in
      let writer = try SafetensorsWriter(
        path: path, tensors: [declaration("hole", [1 << 28 - 1024]), declaration("x", [5000])])
      try writer.append([Float](repeating: 1, count: 5000), to: "x")
      try writer.finish()
    }
    #expect(complaint == "can't write …/f: File too large. What was there before is untouched.")
    #expect(scratch.names == ["f"])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
  }

  @Test("on a full disk says so", .enabled(if: geteuid() == 0, "mounting a small file system takes root"))
  func fullDisk() throws {
    let scratch = try Scratch()
    func run(_ arguments: [String]) throws -> Bool {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = arguments
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
    guard try run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", scratch.path]) else {
      return print("not checked: a container may not mount a small file system")
    }
    defer { _ = try? run(["umount", scratch.path]) }
    let path = try scratch.write("old", to: "f")
    let complaint = scratch.complaint { () throws(CheckpointError) in
      let writer = try SafetensorsWriter(path: path, tensors: [declaration("x", [100_000])])
      for _ in 0..<100 { try writer.append([Float](repeating: 1, count: 1000), to: "x") }
      try writer.finish()
    }
    #expect(complaint == "can't write …/f: No space left on device. What was there before is untouched.")
    #expect(scratch.names == ["f"])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
  }

  @Test("into a place that cannot be named says so")
  func unnameable() throws {
    let scratch = try Scratch()
    func complaint(_ path: String) -> String {
      scratch.complaint { () throws(CheckpointError) in try SafetensorsWriter.write([:], to: path) }
    }
    #expect(
      complaint(scratch.file("none/f"))
        == "can't create …/none/f: No such file or directory. What was there before is untouched.")
    try FileManager.default.createDirectory(
      atPath: scratch.file("taken/x"), withIntermediateDirectories: true)
    #expect(
      complaint(scratch.file("taken"))
        == "can't rename a finished file to …/taken: Is a directory. What was there before is untouched.")
    #expect(scratch.names == ["taken"])
  }

  @Test("given up leaves nothing")
  func discarded() throws {
    let scratch = try Scratch()
    do {
      let writer = try SafetensorsWriter(path: scratch.file("f"), tensors: [declaration("x", [2])])
      try writer.append([1], to: "x")
      #expect(scratch.names.count == 1)
    }
    #expect(scratch.names == [])
  }

  private func save(_ source: Checkpoint, to folder: String, shardBytes: Int) throws -> [String] {
    var configuration = source.configuration
    configuration.declaredType = .float32
    let writer = try ModelWriter(folder: folder, configuration: configuration, shardBytes: shardBytes)
    for name in configuration.parameters.keys.reversed() {
      try writer.append(try source.tensor(named: name).floats(), to: name)
    }
    try writer.finish()
    return writer.files
  }

  @Test("a model in shards gives the model back, and a later one replaces it")
  func model() throws {
    let scratch = try Scratch()
    let source = try Checkpoint.open(fixture("llama.gguf"))
    let folder = scratch.file("model")
    let shards = try save(source, to: folder, shardBytes: 30_000)
    #expect(shards.count > 1)
    #expect(shards.first == "model-00001-of-0000\(shards.count).safetensors")
    let sharded = try Checkpoint.open(folder)
    for name in source.configuration.parameters.keys {
      #expect(try sharded.tensor(named: name).floats() == source.tensor(named: name).floats())
    }
    for shard in shards {
      let size = try SafetensorsFile(path: "\(folder)/\(shard)").tensors.values.reduce(0) {
        $0 + $1.byteCount
      }
      #expect(size <= 30_000)
    }
    #expect(try save(sharded, to: folder, shardBytes: .max) == ["model.safetensors"])
    let single = try Checkpoint.open(folder)
    #expect(single.configuration == sharded.configuration)
    #expect(single.totalBytes == sharded.totalBytes)
  }
}
