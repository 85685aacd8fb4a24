/// A template as a tree of statements and expressions.
struct Expression: Sendable {
  let kind: Kind
  /// In the template's text, from 1.
  let line: Int
  /// Levels of the tree from here down. Evaluation takes a stack frame for each.
  let height: Int

  indirect enum Kind: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case name(String)
    case list([Expression])
    case tuple([Expression])
    case dictionary([(key: Expression, value: Expression)])
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression, from: Expression?, to: Expression?, step: Expression?)
    case call(Expression, Arguments)
    case filter(Expression, FilterCall)
    case test(Expression, name: String, arguments: Arguments)
    case not(Expression)
    case negative(Expression)
    case positive(Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    /// `a < b <= c`: each neighbour pair.
    case compare(Expression, [(relation: Relation, right: Expression)])
    case arithmetic(Arithmetic, Expression, Expression)
    /// `a ~ b ~ c`
    case concatenate([Expression])
    case conditional(test: Expression, then: Expression, otherwise: Expression?)
  }

  enum Relation: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case notIn = "not in"
  }

  enum Arithmetic: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
    case power = "**"
  }

  struct Arguments: Sendable {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []

    var all: [Expression] { positional + named.map(\.value) }
  }

  struct FilterCall: Sendable {
    let name: String
    let arguments: Arguments
    let line: Int
  }
}

enum Statement: Sendable {
  case text(String)
  case output(Expression)
  case set(Target, Expression)
  /// `{% set x %}…{% endset %}`, its text passed through the filters.
  case capture(Target, [Expression.FilterCall], [Statement])
  case conditional([(test: Expression, body: [Statement])], otherwise: [Statement])
  case loop(Loop)
  case macro(Macro)
  /// `{% filter upper %}…{% endfilter %}`
  case filtered([Expression.FilterCall], [Statement])
  /// `{% generation %}…{% endgeneration %}`: marks what the assistant says. The text stays as it is.
  case group([Statement])
  case breakLoop(line: Int)
  case continueLoop(line: Int)

  struct Loop: Sendable {
    let target: Target
    let items: Expression
    /// Items for which it is false are left out.
    let filter: Expression?
    let body: [Statement]
    /// Runs if there are no items.
    let otherwise: [Statement]
    let line: Int
  }

  struct Macro: Sendable {
    let name: String
    let parameters: [(name: String, fallback: Expression?)]
    let body: [Statement]
    let line: Int
  }

  indirect enum Target: Sendable {
    case name(String)
    /// A namespace's member.
    case attribute(String, String)
    case tuple([Target])
  }
}
