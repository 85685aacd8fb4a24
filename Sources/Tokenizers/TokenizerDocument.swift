/// The content of a `tokenizer.json`, as far as this module supports it.
///
/// Field names and defaults are those of the serializers in https://github.com/huggingface/tokenizers (each node's Rust
/// file has the node's name). `truncation` and `padding` are left out: a text is always encoded whole.
struct TokenizerDocument: Sendable {
  var addedTokens: [AddedToken] = []
  var normalizers: [NormalizerNode] = []
  var preTokenizers: [PreTokenizerNode] = []
  var template = SequenceTemplate()
  var decoders: [DecoderNode] = []
  var model: BytePairModel
  var paths = Paths()

  /// The places of the parts in the file, for messages.
  struct Paths: Sendable {
    var vocabulary = "$.model.vocab"
    var merges = "$.model.merges"
    var unknownToken = "$.model.unk_token"
  }
}

/// One of `added_tokens`. It is found in the text before any other step.
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

/// The ids that `TemplateProcessing` puts around a text.
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

/// The regular expressions of `Split` that are supported, by their exact text. Models use few, so `WordScanner` has a
/// scanner for each and no general engine is needed.
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
