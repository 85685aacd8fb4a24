/// What the files beside `tokenizer.json` say about its use: which tokens have a role, and whether a text gets them.
struct TokenizerConfig: Sendable, Equatable {
  var bosToken: String?
  var eosToken: String?
  var unknownToken: String?
  var paddingToken: String?
  /// nil when the file does not say, so that the template of `tokenizer.json` holds.
  var addsBOS: Bool?
  var addsEOS: Bool?
  /// Whether a special token that stands in a text is cut into pieces as the rest of it.
  var splitsSpecialTokens = false
  /// All tokens with a role by its name, such as `pad_token`.
  var roles: [Role] = []

  struct Role: Sendable, Equatable {
    let name: String
    let token: String
  }

  init() {}

  init(_ root: JSONCursor?, _ named: NamedTokens) throws(TokenizerError) {
    bosToken = named["bos_token"]
    eosToken = named["eos_token"]
    unknownToken = named["unk_token"]
    paddingToken = named["pad_token"]
    addsBOS = try root?.optional("add_bos_token")?.bool()
    addsEOS = try root?.optional("add_eos_token")?.bool()
    splitsSpecialTokens = try root?.bool("split_special_tokens", default: false) ?? false
    roles = named.roles.map { Role(name: $0.role, token: $0.token.content) }
  }
}
