import Tensors
import Testing

@Suite struct BLASKernelsTests {
  @Test(
    arguments: [
      ("Prescott", 512, "SkylakeX"), ("Prescott", 256, "Haswell"), ("Nehalem", 256, "Haswell"),
      ("Prescott", 0, nil), ("Zen", 512, nil), ("Haswell", 512, nil), ("SkylakeX", 512, nil),
    ] as [(String, Int, String?)])
  func kernelsThatAProcessorHasOutgrownAreReplaced(chosen: String, bits: Int, better: String?) {
    #expect(BLASKernels.better(than: chosen, vectorBits: bits, environment: [:]) == better)
  }

  @Test func whatTheUserChoseStays() {
    #expect(
      BLASKernels.better(than: "Prescott", vectorBits: 512, environment: ["OPENBLAS_CORETYPE": "Prescott"])
        == nil)
  }
}
