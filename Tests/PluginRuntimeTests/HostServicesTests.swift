import PluginRuntime
import Synchronization
import Testing

@Suite("The host's services")
struct HostServicesTests {
  final class Heard: Sendable {
    let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
  }

  static func criterion(_ services: HostServices) throws -> CriterionInstance {
    try CriterionInstance(
      of: LoadedPlugin(loading: CompiledPlugin.fixture("uses_services")), services: services)
  }

  @Test func reachThePluginAndComeBack() throws {
    let heard = Heard()
    var services = HostServices(seed: 9)
    services.log = { heard.add("\($0) \($1): \($2)") }
    services.progress = { heard.add("\($0): \($1) of \($2)") }
    services.openData = { _, _ in HostServices.Corpus(name: "never asked", documents: []) }
    services.sgemm = { product in
      // The one shape of this test: [1, 2] · [1, 2]ᵀ.
      #expect(!product.transposeA && product.transposeB)
      #expect(
        [product.m, product.n, product.k, product.lda, product.ldb, product.ldc] == [1, 1, 2, 2, 2, 1])
      product.c[0] = product.a[0] * product.b[0] + product.a[1] * product.b[1]
    }
    let random = RandomStream(seed: 9, plugin: "fixture.plugin", stream: 5)
    #expect(try scoreOnes(Self.criterion(services), count: 3) == [random.uniform(0), random.uniform(1), 11])
    #expect(
      heard.lines.withLock { $0 } == ["fixture.plugin warning: looking at it", "fixture.plugin: 1 of 2"])
  }

  @Test func productsThatThereAreNotAreRefusedInWords() throws {
    var services = HostServices()
    services.sgemm = HostServices.slowProduct
    let criterion = try CriterionInstance(
      of: LoadedPlugin(loading: CompiledPlugin.fixture("misuses_services")), services: services)
    let words = sentence { _ = try scoreOnes(criterion, count: 3) }
    #expect(words.hasPrefix("fixture.plugin: score failed: sgemm: m, n, k are -1, 2, 2 and lda"), "\(words)")
  }

  @Test func aServiceThatIsMissingIsTheReason() {
    #expect(
      sentence { _ = try scoreOnes(Self.criterion(HostServices()), count: 3) }
        == "fixture.plugin: score does not support this: the host does not offer sgemm here")
  }

  @Test func aPluginThatStopsOnRequestIsCancelled() throws {
    var services = HostServices()
    services.isCancelled = { true }
    let criterion = try Self.criterion(services)
    #expect {
      try scoreOnes(criterion, count: 3)
    } throws: { error in
      guard case .refused(_, _, .cancelled, _) = error as? PluginError else { return false }
      return true
    }
  }
}
