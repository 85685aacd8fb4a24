import Foundation
import JSON
import RunRecords
import Testing

/// Files as runs write them, by hand: what is read of them is written again with the same bytes.
@Suite("Records")
struct RecordTests {
  private static let evaluation = """
    {"stage":"before","evaluator":"x.perplexity","parameters":1000,"macs_per_token":900,"seconds":1.5,"metrics":[\
    {"name":"text.token_perplexity@8","value":25.5,"standard_error":0.5,"lower_is_better":true},\
    {"name":"overflown","value":null,"lower_is_better":true},{"name":"unknown","value":null,"lower_is_better":false}],\
    "items":{"text.token_perplexity@8":[3.5,null]},"infinite":["overflown"]}
    """

  private static let iteration = """
    {"number":7,"stage":"prune.2","iteration":3,"parameters":750,"macs_per_token":650,"scores_compare":true,\
    "mini_batches":4,"layers":[{"statistics":{"layer_cosine":0.25},"families":{"attention":{"target_sparsity":0.25,\
    "sparsity":0.25,"original_count":4,"kept":[0,2,3]},"mlp":{"target_sparsity":1.0,"sparsity":1.0,\
    "original_count":8,"kept":[]}}}]}
    """

  private static let slicing = """
    {"number":1,"stage":"transform","iteration":1,"parameters":750,"macs_per_token":650,"head_width":48,\
    "layers":[{"statistics":{},"families":{"attention_stream":{"original_count":64,"kept":48},\
    "mlp_stream":{"original_count":64,"kept":40}}}]}
    """

  private static let run = """
    {"tool":{"name":"adapt-pruner","version":"1.0.0"},"state":"failed","started":"2026-01-02T03:04:05.000Z","seed":7,\
    "threads":2,"model":{"path":"/m","files":[{"name":"config.json","bytes":10,"sha256":"aa"}]},"plugins":[\
    {"id":"a.b","version":"1.0.0","library":"/b.so","sha256":"bb","definition_sha256":"cc"}],"data":[\
    {"path":"/text","bytes":3,"sha256":"dd"}],"machine":{"system":"Debian","processor":"x86_64","cores":2,\
    "memory_bytes":8},"finished":"2026-01-02T03:05:35.000Z","seconds":90.0,"reason":"the disk is full"}
    """

  private static let state = """
    {"manifest_sha256":"aa","executions_done":2,"iterations":1,"evaluations":1,"saved_models":[\
    {"directory":"model","parameters":750,"bytes":9,"weight_bytes":8,"weight_type":"bfloat16","left_behind":[\
    {"name":"README.md","reason":"it describes the source"},{"name":"original/"}]}],"model":{"selected":[\
    {"attention":[0],"mlp":[0,1]}],"folder":"state/model-2","files":[{"name":"state/model-2/config.json",\
    "sha256":"bb"}],"original_units":[{"attention":[1],"mlp":[0,3]}],"original_groups":[2],"original_channels":[4]},\
    "training":{"a":{"steps":4,"optimizer_steps":4,"data":{"row":3},"moments":{"name":"state/m","sha256":"cc"}},\
    "b":{"steps":1,"optimizer_steps":0}},"checkpoints":[{"step":2,"file":{"name":"state/c","sha256":"dd"},\
    "optimizer_steps":2,"data":null}]}
    """

  private static let comparison = """
    {"runs":["runs/a","/elsewhere/b"],"failures":[{"run":"runs/a","reason":"why"}],"shared":{\
    "calibration_passes_made":1,"calibration_passes_spared":2,"evaluations_made":1,"evaluations_spared":3,\
    "seconds":1.5,"seconds_spared":2.5,"seconds_singly":4.0},"samples":[{"run":null,"prompt":"Once","text":"upon",\
    "maximum_tokens":8},{"run":"runs/a","prompt":"Once","text":"","maximum_tokens":8}]}
    """

  private func again<Value: Record>(_ type: Value.Type, _ text: String) throws -> String {
    let json = try JSONValue(parsing: text)
    let resumed = try #require(Value(json: json, for: .resume))
    let reported = try #require(Value(json: json, for: .report))
    #expect(resumed.json == reported.json || resumed.json.compact == reported.json.compact)
    return resumed.json.compact
  }

  @Test("what is read is written with the same bytes")
  func roundTrips() throws {
    #expect(try again(EvaluationRecord.self, Self.evaluation) == Self.evaluation)
    #expect(try again(IterationRecord.self, Self.iteration) == Self.iteration)
    #expect(try again(IterationRecord.self, Self.slicing) == Self.slicing)
    #expect(try again(RunRecord.self, Self.run) == Self.run)
    #expect(try again(RunState.self, Self.state) == Self.state)
    #expect(try again(ComparisonRecord.self, Self.comparison) == Self.comparison)
  }

  @Test(
    "a line of the event log is written as it was read",
    arguments: [
      #""event":"run_started","pipeline":"p","model":"/m","parameters":1,"macs_per_token":2,"weight_bytes":3,"weight_type":"q4_1""#,
      #""event":"run_resumed","executions_done":2"#,
      #""event":"plugin_replaced","plugin":"a.b","recorded":null,"found":"cc""#,
      #""event":"plugin_replaced","plugin":"a.b","recorded":"aa","found":"cc""#,
      #""event":"stage_started","stage":"prune""#,
      #""event":"stage_finished","stage":"prune","took":1.5,"parameters":10"#,
      #""event":"iteration","stage":"prune","number":1,"parameters":10,"macs_per_token":9,"took":1.5"#,
      #""event":"training_started","stage":"train","parameters":10,"steps":4"#,
      #""event":"step","stage":"train","step":1,"loss":null,"learning_rate":0.5,"gradient_norm":1.5,"tokens":8,"targets":7,"tokens_per_second":2.5,"divergence":0.25,"hidden_difference":0.125"#,
      #""event":"checkpoint","stage":"train","step":2"#,
      #""event":"metric","stage":"after","name":"m","value":1.5"#,
      #""event":"saved","stage":"save","path":"/r/model","directory":"model","parameters":10,"bytes":9,"weight_bytes":8,"weight_type":"bfloat16","left_behind":[]"#,
      #""event":"spared","stage":"prune","work":"calibration","what":"a.b","took":2.5"#,
      #""event":"plugin","plugin":"a.b","level":"info","sentence":"hello""#,
      #""event":"run_finished","parameters":10,"macs_per_token":9,"peak_memory_bytes":8"#,
      #""event":"run_failed","reason":"why""#,
    ])
  func events(members: String) throws {
    let line = "{\"time\":\"2026-01-02T03:04:05.000Z\",\"seconds\":1.25,\(members)}"
    let (events, broken) = RunEvent.reading(Array(line.utf8))
    #expect(broken == 0)
    #expect(events.map(\.json.compact) == [line])
  }

  /// Every way to leave out one member, at any depth.
  private func without(_ json: JSONValue, at path: String = "") -> [(path: String, json: JSONValue)] {
    switch json {
    case .object(let object):
      object.members.flatMap { member -> [(path: String, json: JSONValue)] in
        let place = path + "." + member.key
        var less = object
        less[member.key] = nil
        return [(place, .object(less))]
          + without(member.value, at: place).map { inner in
            var changed = object
            changed[member.key] = inner.json
            return (inner.path, .object(changed))
          }
      }
    case .array(let list):
      list.indices.flatMap { index in
        without(list[index], at: path + "[]").map { inner in
          var changed = list
          changed[index] = inner.json
          return (inner.path, .array(changed))
        }
      }
    default: []
    }
  }

  @Test(
    "a run does not go on from an evaluation or a state that lacks something; a report shows an evaluation's rest"
  )
  func missing() throws {
    var read: [String] = []
    let evaluations = without(try JSONValue(parsing: Self.evaluation))
    for (path, json) in evaluations where EvaluationRecord(json: json, for: .resume) != nil {
      read.append(path)
    }
    // Values that are null or have no error, and an item's name, can't be told from those that are missing.
    #expect(
      Set(read) == [
        ".metrics[].value", ".metrics[].standard_error", ".items.text.token_perplexity@8", ".infinite",
      ])
    let shown = evaluations.filter { EvaluationRecord(json: $0.json, for: .report) != nil }
    #expect(shown.count == evaluations.count - 1)
    #expect(EvaluationRecord(json: ["stage": "a"], for: .report)?.metrics == [])

    let states = without(try JSONValue(parsing: Self.state))
    let resumed = Set(states.filter { RunState(json: $0.json, for: .resume) != nil }.map(\.path))
    let known: Set = [
      ".saved_models[].weight_bytes", ".saved_models[].weight_type", ".saved_models[].left_behind",
      ".saved_models[].left_behind[].name", ".saved_models[].left_behind[].reason", ".model.folder",
      ".training.a",
      ".training.a.data", ".training.a.data.row", ".training.a.moments", ".training.a.moments.name",
      ".training.a.moments.sha256", ".training.b", ".checkpoints",
    ]
    #expect(resumed == known, "\(resumed.symmetricDifference(known))")
    #expect(RunState(json: ["checkpoints": 1], for: .resume) == nil)
  }

  @Test("of a list a report leaves out what it can't read, and a run that goes on refuses it")
  func lists() throws {
    var object = try #require(JSONValue(parsing: Self.evaluation).objectValue)
    object["metrics"] = [["name": "a", "value": 1, "lower_is_better": true], 5, ["value": 2]]
    let json = JSONValue.object(object)
    #expect(EvaluationRecord(json: json, for: .report)?.metrics.map(\.name) == ["a"])
    #expect(EvaluationRecord(json: json, for: .resume) == nil)
  }

  @Test("a metric that is infinite is worse than any number")
  func infinite() throws {
    let record = try #require(EvaluationRecord(json: try JSONValue(parsing: Self.evaluation), for: .resume))
    #expect(record.metrics[1].value == .infinity)
    #expect(record.metrics[2].value.isNaN)
    #expect(record.items.first?.value.last?.isNaN == true)
  }
}
