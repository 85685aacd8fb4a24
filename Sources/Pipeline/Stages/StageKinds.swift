/// The kinds of stages that pipelines may have. A new kind is registered here, and nowhere else.
package struct StageKinds: Sendable {
  package let all: [any StageKind.Type]

  package init(_ all: [any StageKind.Type]) { self.all = all }

  package static let shipped = StageKinds([
    EvaluateStage.self, PruneStage.self, TransformStage.self, TrainStage.self, SaveStage.self,
    RepeatStage.self,
  ])

  var names: [String] { all.map { $0.kind } }

  func named(_ name: String) -> (any StageKind.Type)? { all.first { $0.kind == name } }
}
