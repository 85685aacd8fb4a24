import Pipeline
import PluginRuntime
import Testing

@Suite struct EvaluatorArgumentTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("a,b.txt", "text")
    try folder.write("text.txt", "text")
  }

  private func resolved(_ arguments: String...) throws -> [PluginUse] {
    let resolver = ManifestResolver(catalog: SampleCatalog.catalog, currentFolder: folder.path)
    return try EvaluatorArgument.resolve(
      arguments.map { try EvaluatorArgument(parsing: $0) }, with: resolver
    ).evaluators
  }

  @Test func optionsAreKeysAndValues() throws {
    let argument = try EvaluatorArgument(parsing: "a.b:one=1,two=\"x, \\\"y\\\" \\\\\",three=,four=k=v")
    #expect(argument.id == "a.b")
    #expect(argument.options.map(\.key) == ["one", "two", "three", "four"])
    #expect(argument.options.map(\.value) == ["1", "x, \"y\" \\", "", "k=v"])
    #expect(try EvaluatorArgument(parsing: "a.b").options == [])
  }

  @Test(arguments: [
    "", ":a=1", "a.b:", "a.b:x", "a.b:x,y=1", "a.b:=1", "a.b:x=\"1", "a.b:x=\"1\"2", "a.b:x=1,x=2",
    "a.b:x=1,",
  ])
  func whatIsNoKeyAndValueIsRefused(argument: String) {
    #expect(throws: EvaluatorArgument.SyntaxError.self) { try EvaluatorArgument(parsing: argument) }
  }

  @Test func valuesAreWhatTheSchemaSays() throws {
    let use = try #require(
      try resolved("adapt-pruner.perplexity:data=\"a,b.txt\",window=256,label=12,max_windows=null").first)
    #expect(use.options["window"] == 256)
    #expect(use.options["label"] == "12")
    #expect(use.options["max_windows"] == .null)
    #expect(use.data["data"]?.path == folder.path + "/a,b.txt")
    let long = try resolved(
      "adapt-pruner.perplexity:data=\"{\\\"path\\\": \\\"text.txt\\\", \\\"name\\\": \\\"n\\\"}\"")
    #expect(long.first?.data["data"]?.name == "n")
  }

  @Test func problemsNameTheArgument() throws {
    func refused(_ arguments: String...) throws -> [String] {
      let resolver = ManifestResolver(catalog: SampleCatalog.catalog, currentFolder: folder.path)
      do {
        _ = try EvaluatorArgument.resolve(
          arguments.map { try EvaluatorArgument(parsing: $0) }, with: resolver)
        return []
      } catch let error as ManifestError {
        return error.problems.map(\.description)
      }
    }
    #expect(
      try refused("adapt-pruner.perplexty", "adapt-pruner.perplexity:data=absent.txt,window=one") == [
        "--evaluator adapt-pruner.perplexty: there is no plugin \"adapt-pruner.perplexty\"; did you mean "
          + "\"adapt-pruner.perplexity\"? (adapt-pruner plugin lists them)",
        "--evaluator adapt-pruner.perplexity:data=absent.txt,window=one: data: there is no file "
          + "\(folder.path)/absent.txt",
        "--evaluator adapt-pruner.perplexity:data=absent.txt,window=one: window: should be an integer, but is a "
          + "string (\"one\")",
      ])
  }
}
