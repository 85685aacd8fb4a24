/// The `tokenizer.ggml.*` metadata of a GGUF file. The file's reader fills it in.
///
/// Each property names its key of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer. nil means
/// llama.cpp's default.
public struct GGUFVocabulary: Sendable {
  /// The file's name in messages.
  public var file = "GGUF"
  /// `model`: `gpt2` (byte-level BPE) or `llama` (SentencePiece).
  public var model: String
  /// `pre`: which pre-tokenizer, such as `smollm`. Only `gpt2` looks at it.
  public var pre: String
  /// `tokens`, by id.
  public var tokens: [String]
  /// `scores`, by id: only `llama` needs them.
  public var scores: [Float]
  /// `token_type`, by id: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
  public var tokenTypes: [Int32]
  /// `merges`, most important first: only `gpt2` needs them.
  public var merges: [String]
  // `bos_token_id`, `eos_token_id`, `unknown_token_id`, `padding_token_id`
  public var bosID, eosID, unknownID, paddingID: Int?
  // `add_bos_token`, `add_eos_token`, `add_space_prefix`
  public var addBOS, addEOS, addSpacePrefix: Bool?

  public init(
    model: String, pre: String = "default", tokens: [String], scores: [Float] = [], tokenTypes: [Int32] = [],
    merges: [String] = [], bosID: Int? = nil, eosID: Int? = nil, unknownID: Int? = nil, paddingID: Int? = nil,
    addBOS: Bool? = nil, addEOS: Bool? = nil, addSpacePrefix: Bool? = nil
  ) {
    self.model = model
    self.pre = pre
    self.tokens = tokens
    self.scores = scores
    self.tokenTypes = tokenTypes
    self.merges = merges
    self.bosID = bosID
    self.eosID = eosID
    self.unknownID = unknownID
    self.paddingID = paddingID
    self.addBOS = addBOS
    self.addEOS = addEOS
    self.addSpacePrefix = addSpacePrefix
  }
}
