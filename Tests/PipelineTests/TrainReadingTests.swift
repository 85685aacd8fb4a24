import JSON
import Pipeline
import Testing
import TrainingData
import Transformer

/// A train stage with what it needs; more members or other ones, and members of its input.
func training(_ members: String = "", input: String = "") -> String {
  var all = ["\"stage\": \"train\""]
  if !members.contains("\"data\":") {
    all.append("\"data\": {\"path\": \"text.txt\"\(input.isEmpty ? "" : ", " + input)}")
  }
  if !members.contains("\"steps\":") { all.append("\"steps\": 10") }
  if !members.isEmpty { all.append(members) }
  return "{\"stages\": [{\(all.joined(separator: ", "))}]}"
}

@Suite struct TrainReadingTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("text.txt", "some text")
    try folder.write("lines.jsonl", "{\"text\": \"a\"}\n")
    try folder.write("here/other.txt", "other text")
  }

  static let whole = """
    {"stages": [
      {"stage": "repeat", "times": 3, "stages": [
        {"stage": "prune", "criterion": "adapt-pruner.random", "allocator": "adapt-pruner.uniform",
         "target": {"parameters": 0.7, "spread_over_rounds": true}},
        {"stage": "train", "steps": 10, "share": "linear", "length": 32, "batch_size": 2,
         "gradient_accumulation_steps": 3, "packing": false, "activation_megabytes": 7, "checkpoint_steps": 5,
         "keep_checkpoints": 3, "tensorboard": true,
         "data": [
           {"path": "text.txt", "format": "text", "separator": "---", "weight": 2},
           {"path": "text.txt", "format": "instruction", "weight": 0.5, "completions_only": false,
            "skip_broken": true,
            "fields": {"instruction": "task", "input": "context", "output": "answer",
                       "prompt_with_input": "{instruction} {input}:", "prompt_without_input": "{instruction}:"}}],
         "recovery": {"kind": "distill", "temperature": 2, "weight": 0.5, "hidden_weight": 3},
         "optimizer": {"learning_rate": 0.001, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6, "weight_decay": 0.1,
                       "max_grad_norm": 0, "carry_moments": false},
         "schedule": {"kind": "wsd", "warmup": 0.2, "decay": 0.3, "minimum": 0.1}}]},
      {"stage": "train", "steps": 4, "data": "text.txt",
       "recovery": {"kind": "lora", "rank": 4, "alpha": 6, "targets": ["down_proj", "q_proj"]}}]}
    """

  private func stage(_ json: String) throws -> TrainStage {
    guard let stage = try resolve(json, in: folder).stages[0].work as? TrainStage else { throw Unexpected() }
    return stage
  }

  @Test func onlyDataAndStepsMustBeGiven() throws {
    let stage = try stage("{\"stages\": [{\"stage\": \"train\", \"data\": \"text.txt\", \"steps\": 5}]}")
    var expected = TrainStage()
    expected.data = [TrainingInput(path: folder.path + "/text.txt")]
    expected.data[0].format = .text
    expected.data[0].separator = nil
    expected.data[0].weight = nil
    expected.data[0].completionsOnly = false
    expected.data[0].skipsBroken = false
    expected.recovery = .full
    expected.steps = 5
    expected.share = .constant
    expected.length = 512
    expected.batchSize = 8
    expected.accumulation = 1
    expected.packs = true
    expected.optimizer.learningRate = 1e-4
    expected.optimizer.adamW = AdamWOptions(beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0)
    expected.optimizer.clippedNorm = 1
    expected.optimizer.carriesMoments = true
    expected.schedule = Schedule(kind: .cosine, warmup: 0.03, decay: 0.1, minimum: 0)
    expected.activationBytes = 1536 * 1024 * 1024
    expected.checkpointSteps = 100
    expected.keptCheckpoints = 2
    expected.writesTensorBoard = false
    #expect(stage == expected)
  }

  @Test func everythingThatIsGivenIsTaken() throws {
    let manifest = try resolve(Self.whole, in: folder)
    guard let loop = manifest.stages[0].work as? RepeatStage, let stage = loop.stages[1].work as? TrainStage,
      let last = manifest.stages[1].work as? TrainStage
    else { throw Unexpected() }
    let path = folder.path + "/text.txt"
    var expected = TrainStage()
    expected.data = [TrainingInput(path: path), TrainingInput(path: path)]
    expected.data[0].format = .text
    expected.data[0].separator = "---"
    expected.data[0].weight = 2
    expected.data[1].format = .instruction
    expected.data[1].parts.instruction = "task"
    expected.data[1].parts.input = "context"
    expected.data[1].parts.output = "answer"
    expected.data[1].parts.promptWithInput = "{instruction} {input}:"
    expected.data[1].parts.promptWithoutInput = "{instruction}:"
    expected.data[1].weight = 0.5
    expected.data[1].completionsOnly = false
    expected.data[1].skipsBroken = true
    expected.recovery = .distill(DistillationOptions(temperature: 2, weight: 0.5, hiddenWeight: 3))
    expected.steps = 10
    expected.share = .linear
    expected.length = 32
    expected.batchSize = 2
    expected.accumulation = 3
    expected.packs = false
    expected.optimizer.learningRate = 1e-3
    expected.optimizer.adamW = AdamWOptions(beta1: 0.8, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1)
    expected.optimizer.clippedNorm = 0
    expected.optimizer.carriesMoments = false
    expected.schedule = Schedule(kind: .wsd, warmup: 0.2, decay: 0.3, minimum: 0.1)
    expected.activationBytes = 7 * 1024 * 1024
    expected.checkpointSteps = 5
    expected.keptCheckpoints = 3
    expected.writesTensorBoard = true
    #expect(stage == expected)
    // In the model's order, whatever the manifest's.
    #expect(last.recovery == .lowRank(rank: 4, alpha: 6, targets: ["q_proj", "down_proj"]))
  }

  @Test func aResolvedTrainStageResolvesToItself() throws {
    let manifest = try resolve(Self.whole, in: folder)
    let again = try resolve(manifest.json.pretty, in: folder)
    #expect(again == manifest)
  }

  @Test(arguments: [
    ("\"full\"", Recovery.full), ("{\"kind\": \"norms-and-biases\"}", .normsAndBiases),
    ("\"lora\"", .lowRank(rank: 8, alpha: 16, targets: LowRankOptions.allTargets)),
    ("{\"kind\": \"lora\", \"rank\": 3}", .lowRank(rank: 3, alpha: 6, targets: LowRankOptions.allTargets)),
    ("\"distill\"", .distill(DistillationOptions(temperature: 1, weight: 1, hiddenWeight: 0))),
  ])
  func whatIsTrainedIsAWordOrAnObject(json: String, recovery: Recovery) throws {
    #expect(try stage(training("\"recovery\": \(json)")).recovery == recovery)
  }

  @Test func theFormatIsToldByTheExtension() throws {
    let text = try stage(training()).data
    #expect(text.map(\.format) == [.text] && text.map(\.separator) == [nil])
    let lines = try stage(training("\"data\": [\"lines.jsonl\"]")).data
    #expect(lines.map(\.format) == [.jsonl] && lines.map(\.field) == ["text"])
  }

  @Test func answersAloneCountWhereThereAreSome() throws {
    for (format, answersOnly) in [("chat", true), ("instruction", true), ("text", false), ("jsonl", false)] {
      let data = try stage(training(input: "\"format\": \"\(format)\"")).data
      #expect(data.map(\.completionsOnly) == [answersOnly], "\(format)")
    }
  }

  @Test func anInputOfThePipelineIsAFileToTrainOn() throws {
    let json = """
      {"inputs": {"training": null}, "stages": [
        {"stage": "train", "steps": 1, "data": [{"input": "training", "format": "chat"}]}]}
      """
    guard
      let stage = try resolve(json, in: folder, ["inputs.training=other.txt"]).stages[0].work as? TrainStage
    else { throw Unexpected() }
    #expect(stage.data.map(\.path) == [folder.path + "/here/other.txt"])
    #expect(stage.data.map(\.format) == [.chat])
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: inputs.training: stages[0].data[0] needs this input and it isn't given; add --set "
          + "inputs.training=PATH, a file with text"
      ])
  }

  /// A mistake that the schema sees too, and the sentence for it.
  struct Mistake: Sendable {
    let json: String
    let place: String
    let sentence: String

    init(_ json: String, _ place: String, _ sentence: String) {
      self.json = json
      self.place = place
      self.sentence = sentence
    }
  }

  private static let kinds =
    "expected \"full\" or \"lora\" or \"norms-and-biases\" or \"distill\""

  static let mistakes: [Mistake] = [
    Mistake(training("\"data\": []"), "data", "the list is empty, expected at least one file"),
    Mistake(training("\"data\": {}"), "data.path", "missing, expected a path, or \"input\": NAME"),
    Mistake(training("\"data\": {\"path\": 3}"), "data.path", "3 is an integer, expected a path"),
    Mistake(
      training(input: "\"format\": \"csv\", \"field\": \"a\""), "data.format",
      "\"csv\" is a string, expected \"auto\" or \"text\" or \"jsonl\" or \"instruction\" or \"chat\" or \"tokens\""
    ),
    Mistake(
      training(input: "\"format\": \"chat\", \"separator\": \"---\""), "data.separator",
      "data read as chat has none, expected format \"text\""),
    Mistake(
      training(input: "\"format\": \"text\", \"field\": \"a\""), "data.field",
      "data read as text has none, expected format \"jsonl\""),
    Mistake(
      training(input: "\"fields\": {}"), "data.fields",
      "data read as text has none, expected format \"instruction\""),
    Mistake(
      training(
        input: "\"format\": \"instruction\", \"fields\": {\"prompt_with_input\": \"{instruction}:\"}"),
      "data.fields.prompt_with_input", "there is no {input} in it, expected {instruction} and {input}"),
    Mistake(
      training(input: "\"format\": \"instruction\", \"fields\": {\"prompt_without_input\": \"Do it:\"}"),
      "data.fields.prompt_without_input", "there is no {instruction} in it, expected {instruction}"),
    Mistake(
      training(input: "\"completions_only\": true"), "data.completions_only",
      "data read as text has none, expected format \"instruction\" or \"chat\""),
    Mistake(
      training(input: "\"weight\": 0"), "data.weight", "0 is an integer, expected a number above 0.0"),
    Mistake(
      training("\"recovery\": \"lara\""), "recovery.kind",
      "\"lara\" is a string, \(kinds); did you mean \"lora\"?"),
    Mistake(
      training("\"recovery\": {\"kind\": \"lara\", \"rank\": 4}"), "recovery.kind",
      "\"lara\" is a string, \(kinds); did you mean \"lora\"?"),
    Mistake(training("\"recovery\": {\"rank\": 4}"), "recovery.kind", "missing, \(kinds)"),
    Mistake(
      training("\"recovery\": {\"kind\": \"full\", \"rank\": 4}"), "recovery.rank",
      "\"full\" has no such option; leave it out"),
    Mistake(
      training("\"recovery\": {\"kind\": \"lora\", \"temperature\": 2}"), "recovery.temperature",
      "\"lora\" has no such option; leave it out"),
    Mistake(
      training("\"recovery\": {\"kind\": \"norms-and-biases\", \"alpha\": 2}"), "recovery.alpha",
      "\"norms-and-biases\" has no such option; leave it out"),
    Mistake(
      training("\"recovery\": {\"kind\": \"lora\", \"targets\": [\"q_proj\", \"lm_head\"]}"),
      "recovery.targets[1]",
      "\"lm_head\" is a string, expected q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"),
    Mistake(
      training("\"recovery\": {\"kind\": \"lora\", \"targets\": \"q_proj\"}"), "recovery.targets",
      "\"q_proj\" is a string, expected a list of projections such as \"q_proj\""),
    Mistake(
      training("\"recovery\": {\"kind\": \"distill\", \"weight\": 2}"), "recovery.weight",
      "2 is an integer, expected a number from 0.0 to 1.0"),
    Mistake(
      training("\"optimizer\": {\"learning_rate\": -0.1}"), "optimizer.learning_rate",
      "-0.1 is a number, expected a number from 0.0 to 1000.0"),
    Mistake(
      training("\"optimizer\": {\"lr\": 0.1}"), "optimizer.lr",
      "unknown key; the keys here are learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm, carry_moments"
    ),
    Mistake(
      training("\"steps\": 0"), "steps", "0 is an integer, expected an integer from 1 to 100000000"),
    Mistake(
      training("\"length\": 1"), "length", "1 is an integer, expected an integer from 2 to 1000000"),
    Mistake(
      training("\"share\": \"linaer\""), "share",
      "\"linaer\" is a string, expected \"linear\" or \"constant\" or \"cosine\"; did you mean \"linear\"?"),
    Mistake(
      training("\"schedule\": {\"kind\": \"linear\", \"decay\": 0.1}"), "schedule.decay",
      "only \"wsd\" has it; leave it out"),
    Mistake(
      training("\"schedule\": {\"kind\": \"step\", \"decay\": 0.1}"), "schedule.kind",
      "\"step\" is a string, expected \"constant\" or \"linear\" or \"cosine\" or \"wsd\""),
    Mistake(training("\"packing\": 1"), "packing", "1 is an integer, expected true or false"),
    Mistake(training("\"batchsize\": 1"), "batchsize", "unknown key; did you mean \"batch_size\"?"),
  ]

  @Test func everyMistakeIsToldOnceWithItsPlace() throws {
    for mistake in Self.mistakes {
      let found = try problems(mistake.json, in: folder)
      #expect(found == ["pipeline.json: stages[0].\(mistake.place): \(mistake.sentence)"], "\(mistake.json)")
    }
  }

  @Test func whatMustBeGivenIsAskedFor() throws {
    #expect(
      try problems("{\"stages\": [{\"stage\": \"train\"}]}", in: folder) == [
        "pipeline.json: stages[0].steps: missing, expected optimizer steps, an integer of at least 1",
        "pipeline.json: stages[0].data: missing, expected a list of files to train on",
      ])
  }

  @Test func aFileThatIsNotThereIsToldBeforeTraining() throws {
    #expect(
      try problems(training("\"data\": [\"text.txt\", \"texd.txt\"]"), in: folder) == [
        "pipeline.json: stages[0].data[1].path: there is no file \(folder.path)/texd.txt"
      ])
  }

  @Test func filesAreMixedByWeightAllOrNone() throws {
    let json = training("\"data\": [{\"path\": \"text.txt\", \"weight\": 2}, \"lines.jsonl\"]")
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages[0].data[1].weight: missing, and other files have one, expected a weight for each "
          + "file or for none"
      ])
  }

  @Test func aPathAndAnInputAreNotGivenTogether() throws {
    let json = """
      {"inputs": {"training": "text.txt"}, "stages": [
        {"stage": "train", "steps": 1, "data": {"input": "training", "path": "text.txt"}}]}
      """
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages[0].data: both \"path\" and \"input\" are given, expected one of them"
      ])
  }
}
