/// `tokenizer.json` as it is written, restricted to what this module understands.
///
/// The field names and their defaults are those of the serializers in
/// https://github.com/huggingface/tokenizers (each node's Rust file is named like the node).
/// `TokenizerDocumentReader` makes it, `TokenizerDocumentWriter` writes it, and `Pipeline` is what it means.
/// `truncation` and `padding` are left out: a text is always encoded whole.
struct TokenizerDocument: Sendable {
  var addedTokens: [AddedToken] = []
  var normalizers: [NormalizerNode] = []
  var preTokenizers: [PreTokenizerNode] = []
  var template = SequenceTemplate()
  var decoders: [DecoderNode] = []
  var model: BytePairModel
  var paths = Paths()

  /// Where the parts stand in the file, for messages.
  struct Paths: Sendable {
    var vocabulary = "$.model.vocab"
    var merges = "$.model.merges"
    var unknownToken = "$.model.unk_token"
  }
}

/// One of `added_tokens`: found in the text before anything else happens to it.
struct AddedToken: Sendable, Equatable {
  var id: Int32
  var content: String
  var isSingleWord = false
  var stripsLeft = false
  var stripsRight = false
  /// Searched for in the normalized text, in its normalized form.
  var isNormalized = false
  var isSpecial = true
}

enum NormalizerNode: Sendable, Equatable {
  case canonicalComposition
  case prepend(String)
  case replace(pattern: String, content: String)
}

enum PreTokenizerNode: Sendable, Equatable {
  case digits(individually: Bool)
  case pattern(SplitPattern)
  /// `Split` on a fixed string, which stays with what stands before it.
  case literal(String)
  case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
  case metaspace(Metaspace)
}

struct Metaspace: Sendable, Equatable {
  enum PrependScheme: String, Sendable { case first, always, never }

  var replacement: Unicode.Scalar = "\u{2581}"
  var scheme: PrependScheme = .always
  var splits = true
}

/// What `TemplateProcessing` puts around a text, as ids.
struct SequenceTemplate: Sendable, Equatable {
  var before: [Int32] = []
  var after: [Int32] = []
}

enum DecoderNode: Sendable, Equatable {
  case byteLevel
  case replace(pattern: String, content: String)
  case byteFallback
  case fuse
  case stripStart(content: Unicode.Scalar, count: Int)
  case metaspace(Metaspace)
}

/// The `BPE` model.
struct BytePairModel: Sendable {
  /// Spelling and id, in the file's order.
  var vocabulary: [(token: String, id: Int32)]
  /// Most important first.
  var merges: [(left: String, right: String)]
  var unknownToken: String?
  var fusesUnknown = false
  var fallsBackToBytes = false
  var ignoresMerges = false
}

/// The regular expressions that `Split` is used with, by their exact text. A general engine is not
/// needed for the handful that models use, and each is a scanner by hand in `WordScanner`.
enum SplitPattern: Sendable, CaseIterable {
  /// https://github.com/openai/gpt-2/blob/master/src/encoder.py#L53
  case gpt2
  /// https://github.com/meta-llama/llama3/blob/main/llama/tokenizer.py#L47
  case llama3
  /// https://github.com/QwenLM/Qwen/blob/main/tokenization_note.md: Llama-3's, with each digit alone.
  case qwen2

  var regex: String {
    let words = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
    let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    return switch self {
    case .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case .llama3: words + #"\p{N}{1,3}"# + rest
    case .qwen2: words + #"\p{N}"# + rest
    }
  }
}
