/// A step of a pre-tokenizer: finds where the next piece of a text ends, by scanning UTF-8.
///
/// The alternatives of each regular expression are tried in its order, as a backtracking engine does. The cases where an
/// engine backtracks are written out.
enum WordScanner: Sendable, Equatable {
  case digits(individually: Bool)
  case pattern(SplitPattern)
  /// Pieces end after each occurrence of these bytes.
  case after([UInt8])
  /// Pieces start at each occurrence of these bytes.
  case before([UInt8])

  /// The end of the piece that starts at `start`; the text ends at `end`, and `start < end`.
  func pieceEnd(in bytes: [UInt8], from start: Int, to end: Int) -> Int {
    switch self {
    case .digits(let individually):
      let text = Cursor(bytes: bytes, end: end)
      let first = text.at(start)
      if first.classes.contains(.digit) {
        return individually ? first.next : text.run(from: start) { $0.contains(.digit) }
      }
      return text.run(from: start) { !$0.contains(.digit) }
    case .pattern(.gpt2): return Self.gpt2(Cursor(bytes: bytes, end: end), start)
    case .pattern(.llama3): return Self.llama3(Cursor(bytes: bytes, end: end), start, longestNumber: 3)
    case .pattern(.qwen2): return Self.llama3(Cursor(bytes: bytes, end: end), start, longestNumber: 1)
    case .after(let mark):
      return Self.place(of: mark, in: bytes, from: start, to: end).map { $0 + mark.count } ?? end
    case .before(let mark): return Self.place(of: mark, in: bytes, from: start + 1, to: end) ?? end
    }
  }

  private static func place(of mark: [UInt8], in bytes: [UInt8], from start: Int, to end: Int) -> Int? {
    var index = start
    while index + mark.count <= end {
      if bytes[index..<(index + mark.count)].elementsEqual(mark) { return index }
      index += 1
    }
    return nil
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  private static func gpt2(_ text: Cursor, _ start: Int) -> Int {
    let first = text.at(start)
    if first.scalar == 0x27, let end = text.contraction(after: start, ignoresCase: false) { return end }
    let body = first.scalar == 0x20 ? text.at(first.next) : first
    let bodyStart = first.scalar == 0x20 ? first.next : start
    if bodyStart < text.end {
      if body.classes.contains(.letter) { return text.run(from: bodyStart) { $0.contains(.letter) } }
      if body.classes.contains(.number) { return text.run(from: bodyStart) { $0.contains(.number) } }
      if !body.classes.contains(.space) { return text.run(from: bodyStart) { $0.isPunctuation } }
    }
    return text.spaces(from: start)
  }

  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|`
  /// `\s+(?!\S)|\s+`, or with `\p{N}` for Qwen2.
  private static func llama3(_ text: Cursor, _ start: Int, longestNumber: Int) -> Int {
    let first = text.at(start)
    if first.scalar == 0x27, let end = text.contraction(after: start, ignoresCase: true) { return end }
    if first.classes.contains(.letter) { return text.run(from: start) { $0.contains(.letter) } }
    if first.classes.contains(.number) {
      var end = first.next
      for _ in 1..<longestNumber {
        let next = text.at(end)
        guard next.classes.contains(.number) else { break }
        end = next.next
      }
      return end
    }
    let isLineEnd = first.scalar == 0x0a || first.scalar == 0x0d
    if !isLineEnd, text.at(first.next).classes.contains(.letter) {
      return text.run(from: first.next) { $0.contains(.letter) }
    }
    let bodyStart = first.scalar == 0x20 ? first.next : start
    if bodyStart < text.end, text.at(bodyStart).classes.isPunctuation {
      var end = text.run(from: bodyStart) { $0.isPunctuation }
      while end < text.end, text.bytes[end] == 0x0a || text.bytes[end] == 0x0d { end += 1 }
      return end
    }
    // `\s*[\r\n]+`: all white space first, then back to the last line end in it.
    var end = text.run(from: start) { $0.contains(.space) }
    while end > start {
      let last = text.bytes[end - 1]
      if last == 0x0a || last == 0x0d { return end }
      end -= 1
    }
    return text.spaces(from: start)
  }
}

extension CharacterClasses {
  /// `[^\s\p{L}\p{N}]`
  fileprivate var isPunctuation: Bool { isDisjoint(with: [.letter, .number, .space]) }
}

/// A text that may end before its buffer does.
private struct Cursor {
  let bytes: [UInt8]
  let end: Int

  @inline(__always)
  func at(_ index: Int) -> (scalar: UInt32, classes: CharacterClasses, next: Int) {
    let (scalar, next) = character(at: index, of: bytes, before: end)
    // Past the end stands nothing: no letter, and no punctuation either.
    return (scalar, scalar == .max ? .space : CharacterClasses.of(scalar), next)
  }

  @inline(__always)
  func run(from start: Int, while condition: (CharacterClasses) -> Bool) -> Int {
    var index = start
    while index < end {
      let next = at(index)
      guard condition(next.classes) else { break }
      index = next.next
    }
    return index
  }

  /// `\s+(?!\S)|\s+`: the white space, but its last character only when nothing, or nothing else, follows.
  func spaces(from start: Int) -> Int {
    var index = start
    var last = start
    while index < end, at(index).classes.contains(.space) {
      last = index
      index = at(index).next
    }
    if index == end || last == start { return index }
    return last
  }

  /// The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`, whose apostrophe stands at `start`.
  func contraction(after start: Int, ignoresCase: Bool) -> Int? {
    let (first, _, afterFirst) = folded(at: start + 1, ignoresCase: ignoresCase)
    let (second, _, afterSecond) = folded(at: afterFirst, ignoresCase: ignoresCase)
    switch (first, second) {
    case ("s", _), ("t", _), ("m", _), ("d", _): return afterFirst
    case ("r", "e"), ("v", "e"), ("l", "l"): return afterSecond
    default: return nil
    }
  }

  private func folded(at index: Int, ignoresCase: Bool) -> (Unicode.Scalar, CharacterClasses, Int) {
    let (scalar, classes, next) = at(index)
    guard let scalar = Unicode.Scalar(scalar) else { return ("\0", classes, next) }
    guard ignoresCase else { return (scalar, classes, next) }
    // Besides the capitals only the long s folds into one of these letters.
    if scalar == "\u{17f}" { return ("s", classes, next) }
    let isCapital = ("A"..."Z").contains(scalar)
    return (isCapital ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar, classes, next)
  }
}
