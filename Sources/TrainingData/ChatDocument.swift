import ChatTemplates
import JSON

/// A conversation as a document. It tells which tokens the assistant says.
struct ChatDocument {
  private let line: JSONLine
  private let format: ChatFormat
  private let messages: [JSONValue]

  private static let fields = ["messages", "conversation", "conversations"]

  init(_ line: JSONLine, _ format: ChatFormat) throws(TrainingDataError) {
    self.line = line
    self.format = format
    guard let field = Self.fields.first(where: { line.object[$0] != nil }), let value = line.object[field]
    else {
      throw line.broken(
        "there is no \"messages\" and no \"conversation\"; the fields here are "
          + line.object.keys.joined(separator: ", "))
    }
    guard let turns = value.arrayValue else {
      throw line.broken("\"\(field)\" is \(value.kindName), expected a list of turns")
    }
    guard !turns.isEmpty else { throw line.broken("\"\(field)\" has no turns") }
    messages = try turns.enumerated().map { (index, turn) throws(TrainingDataError) in
      guard let object = turn.objectValue else {
        throw line.broken(
          "\(field)[\(index)] is \(turn.kindName), expected an object with \"role\" and \"content\"")
      }
      guard let message = Self.message(object) else {
        throw line.broken("\(field)[\(index)] has no \"role\" that is a string")
      }
      return .object(message)
    }
  }

  private static func message(_ turn: JSONObject) -> JSONObject? {
    if turn["role"] != nil { return turn["role"]?.stringValue == nil ? nil : turn }
    guard let speaker = turn["from"]?.stringValue else { return nil }
    let role = ["human": "user", "gpt": "assistant"][speaker] ?? speaker
    return ["role": .string(role), "content": turn["value"] ?? .null]
  }

  private func text(upTo end: Int, prompt: Bool = false) throws(TrainingDataError) -> String {
    do {
      return try format.template.render(
        messages: .array(Array(messages[..<end])), addGenerationPrompt: prompt, variables: format.variables,
        date: format.date, meter: format.meter)
    } catch {
      let sentence = format.file.map { error.description(of: $0) } ?? error.description
      // An endless loop is the template's, and each further conversation would take as long.
      if case .limit = error { throw .template(reason: sentence) }
      throw line.broken(sentence)
    }
  }

  /// Returns the ids of the whole conversation, and marks those that are predicted.
  func document(_ tokenize: (String) throws -> [Int32]) throws -> Document {
    let whole = try text(upTo: messages.count)
    let ids = try tokenize(whole)
    guard format.loss == .completions else { return Document(ids: ids, isTarget: ids.map { _ in true }) }
    var isTarget = ids.map { _ in false }
    var spoke = false
    for (index, message) in messages.enumerated() where message["role"]?.stringValue == "assistant" {
      spoke = true
      let turn = try turn(index, of: whole)
      // By tokens: how much of a beginning's ids the whole's ids begin with.
      let start = commonPrefix(try tokenize(turn.before), ids)
      let end = index == messages.count - 1 ? ids.count : commonPrefix(try tokenize(turn.through), ids)
      for place in ids.indices where place >= start && place < end { isTarget[place] = true }
    }
    guard spoke else {
      throw line.broken("the assistant says nothing in it, and the loss is on what it says")
    }
    return Document(ids: ids, isTarget: isTarget)
  }

  /// Returns the text before the assistant's words in a turn, with the turn's opening, and the text through the turn.
  ///
  /// The opening is the template's generation prompt. The prompt may have more than the turn has later, such as an opened
  /// thought. Then the opening is what both have.
  private func turn(_ index: Int, of whole: String) throws(TrainingDataError) -> (
    before: String, through: String
  ) {
    let through = try text(upTo: index + 1)
    guard whole.utf8.starts(with: through.utf8) else {
      throw line.broken(
        "the chat template does not write the first \(index + 1) turns alone as it writes them with the rest, so "
          + "that the assistant's can't be told apart; take the loss on all tokens for such conversations")
    }
    guard index > 0 else { return ("", through) }
    let prompt = try text(upTo: index, prompt: true)
    let common = zip(prompt.unicodeScalars, through.unicodeScalars).prefix { $0 == $1 }.map(\.0)
    return (String(String.UnicodeScalarView(common)), through)
  }
}
