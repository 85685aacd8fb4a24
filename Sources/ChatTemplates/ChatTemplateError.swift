import Wording

/// Says why a chat template can't be read or rendered. Lines count from 1, in the template's text.
public enum ChatTemplateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The text is not a template. `problem` says what was expected and what was found.
  case syntax(line: Int, problem: String)
  /// The text is Jinja that this interpreter does not run.
  case unsupported(line: Int, what: String)
  /// An expression has no value: a missing variable's attribute, a number added to a text.
  case evaluation(line: Int, problem: String)
  /// The template refused the conversation with `raise_exception`.
  case raised(line: Int, message: String)
  /// The template asks for more work, memory or depth than any conversation needs.
  case limit(line: Int, what: String)

  public var line: Int {
    switch self {
    case .syntax(let line, _), .unsupported(let line, _), .evaluation(let line, _), .raised(let line, _),
      .limit(let line, _):
      line
    }
  }

  public var description: String { ShownText.oneLine(sentence("chat template")) }

  /// The same with the file that the template stands in.
  public func description(of file: String) -> String {
    ShownText.oneLine(sentence("chat template of \(file)"))
  }

  private func sentence(_ template: String) -> String {
    switch self {
    case .syntax(let line, let problem), .evaluation(let line, let problem), .limit(let line, let problem):
      "\(template), line \(line): \(problem)"
    case .unsupported(let line, let what): "\(template), line \(line): \(what) is not supported"
    case .raised(let line, let message):
      "the \(template) refuses the conversation (line \(line)): \(message)"
    }
  }
}
