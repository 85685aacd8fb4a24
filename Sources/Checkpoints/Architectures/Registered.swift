/// The architectures that can be read. A new one is a file beside this and a line here. The list is task-local, so that a
/// test can add to it.
extension ModelConfiguration.Architecture {
  @TaskLocal public static var allCases: [ModelConfiguration.Architecture] = [
    Self(Llama()),
    Self(Mistral()),
    Self(Qwen2()),
    Self(Qwen3()),
    Self(Gemma2()),
    Self(Gemma3Text()),
    Self(Phi3()),
    Self(Olmo2()),
    Self(SmolLM3()),
    Self(Granite()),
  ]

  public static let llama = Self(Llama())
  public static let mistral = Self(Mistral())
  public static let qwen2 = Self(Qwen2())
  public static let qwen3 = Self(Qwen3())
}
