/// All tokens by id, and all ids by token. The ids are one-to-one and have no holes.
struct Vocabulary: Sendable {
  /// By id; the model's tokens and the added ones.
  let tokens: [String]
  private let ids: ByteStringTable

  init(_ document: TokenizerDocument, file: String) throws(TokenizerError) {
    let modelPath = document.paths.vocabulary
    func broken(_ path: String, _ fault: VocabularyFault) -> TokenizerError {
      .brokenVocabulary(file: file, path: path, fault: fault)
    }
    var ids = ByteStringTable(minimumCapacity: document.model.vocabulary.count)
    var tokens: [String?] = Array(repeating: nil, count: document.model.vocabulary.count)

    func add(_ token: String, _ id: Int32, _ path: String) throws(TokenizerError) {
      guard token.utf8.count <= TokenizerLimits.token else {
        throw .unsupported(
          file: file, path: path, feature: "a token of \(token.utf8.count) bytes",
          supported: "at most \(TokenizerLimits.token) bytes")
      }
      if let other = ids.insert(token, value: id), other != id {
        throw broken(path, .duplicateToken(token: token, first: Int(other), second: Int(id)))
      }
      let index = Int(id)
      if index >= tokens.count { tokens += Array(repeating: nil, count: index + 1 - tokens.count) }
      if let other = tokens[index], !other.utf8.elementsEqual(token.utf8) {
        throw broken(path, .duplicateID(id: index, first: other, second: token))
      }
      tokens[index] = token
    }

    for (token, id) in document.model.vocabulary {
      // An added token may repeat one of the model's; the model itself may not.
      if let other = ids.value(of: token) {
        throw broken(modelPath, .duplicateToken(token: token, first: Int(other), second: Int(id)))
      }
      try add(token, id, modelPath)
    }
    let addedBytes = document.addedTokens.reduce(0) { $0 + $1.content.utf8.count }
    guard addedBytes <= TokenizerLimits.addedTokens else {
      throw .unsupported(
        file: file, path: "$.added_tokens", feature: "\(addedBytes) bytes of added tokens",
        supported: "at most \(TokenizerLimits.addedTokens)")
    }
    for (index, token) in document.addedTokens.enumerated() {
      try add(token.content, token.id, "$.added_tokens[\(index)]")
    }
    guard !tokens.isEmpty else { throw broken(modelPath, .empty) }
    if let hole = tokens.firstIndex(where: { $0 == nil }) {
      throw broken(modelPath, .hole(id: hole, count: tokens.count))
    }
    self.tokens = tokens.compactMap { $0 }
    self.ids = ids
  }

  func id(of token: String) -> Int32? { ids.value(of: token) }

  func token(_ id: Int32) -> String? {
    tokens.indices.contains(Int(id)) ? tokens[Int(id)] : nil
  }
}
