/// The content of the files beside `tokenizer.json`: which tokens have a role, and whether a text gets them.
struct TokenizerConfig: Sendable, Equatable {
  /// nil if the file does not say. The template of `tokenizer.json` holds then.
  var addsBOS: Bool?
  var addsEOS: Bool?
  /// Whether a special token in a text is split like other text.
  var splitsSpecialTokens = false
  /// All tokens that have a role, such as `pad_token`.
  var roles: [Role] = []

  struct Role: Sendable, Equatable {
    let name: String
    let token: String
  }

  init() {}

  init(_ root: JSONCursor?, _ named: NamedTokens) throws(TokenizerError) {
    addsBOS = try root?.optional("add_bos_token")?.bool()
    addsEOS = try root?.optional("add_eos_token")?.bool()
    splitsSpecialTokens = try root?.bool("split_special_tokens", default: false) ?? false
    roles = named.roles.map { Role(name: $0.role, token: $0.token.content) }
  }

  /// The token that has a role; nil if none has it.
  subscript(role: String) -> String? { roles.first { $0.name == role }?.token }
}
