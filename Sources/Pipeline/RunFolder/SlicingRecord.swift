import Checkpoints
import JSON
import Transformer

/// `iterations/001.json` of a transform stage: how wide the residual stream is where each layer reads it. It stands in the
/// place of families of units; widths are counts, since a column of a basis has no number in the unpruned model.
struct SlicingRecord {
  /// From 1, through the whole run.
  let number: Int
  /// The label of the stage's execution.
  let stage: String
  let widths: ResidualWidths
  let hidden: Int
  /// [layers]
  let sizes: [LayerSizes]
  /// Of the sliced model.
  let parameters: Int
  let macs: Int

  var json: JSONValue {
    [
      "number": .integer(number), "stage": .string(stage), "iteration": 1,
      "parameters": .integer(parameters), "macs_per_token": .integer(macs),
      "head_width": .integer(widths.head),
      "layers": .array(
        sizes.indices.map { layer in
          var families: JSONObject = [:]
          if sizes[layer].hasAttention { families["attention_stream"] = kept(widths.attention[layer]) }
          if sizes[layer].hasMLP { families["mlp_stream"] = kept(widths.mlp[layer]) }
          return ["statistics": [:], "families": .object(families)]
        }),
    ]
  }

  private func kept(_ width: Int) -> JSONValue {
    ["original_count": .integer(hidden), "kept": .integer(width)]
  }
}
