import Checkpoints
import Pipeline
import RunRecords
import Testing

@Suite struct ResultTextTests {
  @Test func layersThatAreAlikeShareARow() {
    let whole = LayerShape(queryHeads: 9, keyValueHeads: 3, headDimension: 64, intermediateSize: 1536)
    let cut = LayerShape(queryHeads: 6, keyValueHeads: 2, headDimension: 64, intermediateSize: 1000)
    // A window shows in no column.
    let windowed = LayerShape(
      queryHeads: 9, keyValueHeads: 3, headDimension: 64, intermediateSize: 1536, slidingWindow: 8)
    let report = ModelReport(
      path: "/models/small", format: "Hugging Face folder",
      configuration: ModelConfiguration(
        architecture: .llama, vocabularySize: 49_152, hiddenSize: 576, layers: [whole, windowed, cut, whole],
        rmsNormEpsilon: 1e-5, rope: RotaryEmbedding(theta: 10_000), tiedEmbeddings: true, maxPositions: 2048),
      storage: [("bfloat16", 269_000_000)], parameters: 134_515_008, macs: 134_000_000)
    let text = ResultText.description(of: report)
    #expect(text.hasPrefix("model  "))
    #expect(text.contains("134,515,008 (134.5 M)"))
    #expect(text.contains("269 MB: bfloat16 269 MB"))
    #expect(
      text.hasSuffix(
        """
        layer  query heads  KV heads  head dimension  MLP channels  parameters
        0-1              9         3              64          1536   3,540,096
        2                6         2              64          1000   2,318,976
        3                9         3              64          1536   3,540,096

        """))
  }

  @Test func aRunSaysWhatBecameOfTheModel() {
    func measured(_ stage: String, _ value: Double) -> EvaluationRecord {
      EvaluationRecord {
        $0.stage = stage
        $0.parameters = 1_000_000
        $0.metrics = [
          .init(name: "text.token_perplexity@512", value: value, standardError: 0.5, lowerIsBetter: true)
        ]
      }
    }
    let summary = RunSummary(
      folder: "/runs/a", original: .init(parameters: 1_000_000, macs: 900_000),
      final: .init(parameters: 800_000, macs: 700_000),
      evaluations: [measured("before", 25.6), measured("after", 45.5)],
      savedModels: [
        SavedModelRecord {
          $0.directory = "model"
          $0.parameters = 800_000
          $0.bytes = 3_200_000
        }
      ], seconds: 125, peakMemoryBytes: 1_100_000_000)
    #expect(
      ResultText.description(of: summary) == """
                                       original      now  share
        parameters                    1,000,000  800,000  80.0%
        multiply-accumulates a token    900,000  700,000  77.8%

        stage   parameters  metric                     value  ± standard error
        before       1.0 M  text.token_perplexity@512   25.6               0.5
        after        1.0 M  text.token_perplexity@512   45.5               0.5

        model   /runs/a/model (800.0 k parameters, 3.2 MB)
        run     /runs/a
        took    2 min 5 s, at most 1.1 GB of memory

        """)
  }
}

extension ResultTextTests {
  @Test func whatTheWeightsTakeOnTheDiskAndWhatWasLeftBehindIsSaid() {
    let summary = RunSummary(
      folder: "/runs/a",
      original: .init(
        parameters: 1_000_000, macs: 900_000, weights: WeightsOnDisk(bytes: 700_000, type: "q4_1")),
      final: .init(
        parameters: 800_000, macs: 700_000, weights: WeightsOnDisk(bytes: 1_600_000, type: "bfloat16")),
      evaluations: [],
      savedModels: [
        SavedModelRecord {
          $0.directory = "model"
          $0.parameters = 800_000
          $0.bytes = 1_700_000
          $0.weights = WeightsOnDisk(bytes: 1_600_000, type: "bfloat16")
          $0.leftBehind = [
            LeftBehind("README.md", because: "it describes the source"), LeftBehind("original/"),
          ]
        }
      ], seconds: 5, peakMemoryBytes: 1_100_000_000)
    #expect(
      ResultText.description(of: summary) == """
                                          original               now   share
        parameters                       1,000,000           800,000   80.0%
        multiply-accumulates a token       900,000           700,000   77.8%
        weights on disk               700 kB, q4_1  1.6 MB, bfloat16  228.6%

        model   /runs/a/model (800.0 k parameters, 1.7 MB, bfloat16)
                left behind of the source: README.md (it describes the source), original/
        run     /runs/a
        took    5.0 s, at most 1.1 GB of memory

        """)
  }
}
