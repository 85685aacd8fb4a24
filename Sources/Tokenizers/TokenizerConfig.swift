/// What `tokenizer_config.json` adds: which tokens have a role, and whether a text gets them.
struct TokenizerConfig: Sendable, Equatable {
  var bosToken: String?
  var eosToken: String?
  var unknownToken: String?
  var paddingToken: String?
  /// nil when the file does not say, so that the template of `tokenizer.json` holds.
  var addsBOS: Bool?
  var addsEOS: Bool?

  init() {}

  init(_ root: JSONCursor) throws(TokenizerError) {
    bosToken = try Self.token("bos_token", root)
    eosToken = try Self.token("eos_token", root)
    unknownToken = try Self.token("unk_token", root)
    paddingToken = try Self.token("pad_token", root)
    addsBOS = try root.optional("add_bos_token")?.bool()
    addsEOS = try root.optional("add_eos_token")?.bool()
  }

  /// A token is its text, or an object with the text as `content`.
  private static func token(_ name: String, _ root: JSONCursor) throws(TokenizerError) -> String? {
    guard let node = try root.optional(name) else { return nil }
    if case .object = node.value { return try node.string("content") }
    return try node.string()
  }
}
