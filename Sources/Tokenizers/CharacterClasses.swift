/// Letters, numbers and white space as the regular expressions of Hugging Face `tokenizers` see them.
///
/// `\p{L}`, `\p{N}` and `\s` (White_Space) are Oniguruma's there, whose tables are of Unicode 16. A letter that
/// Unicode assigned later is neither letter nor number, and is split off like punctuation. The `Digits` pre-tokenizer
/// asks Rust's `char::is_numeric` instead, which is of Unicode 17, as Swift 6.3's own tables are. Compared over all
/// code points with `tokenizers` 0.23.3.
struct CharacterClasses: OptionSet, Sendable {
  let rawValue: UInt8

  static let letter = CharacterClasses(rawValue: 1)
  static let number = CharacterClasses(rawValue: 2)
  static let space = CharacterClasses(rawValue: 4)
  /// Rust's `is_numeric`, in the newer Unicode.
  static let digit = CharacterClasses(rawValue: 8)
  /// Known to the normalizer's tables, which are of Unicode 9 (the crate `unicode-normalization-alignments`):
  /// later characters neither compose nor decompose, nor do marks move past them.
  static let normalizable = CharacterClasses(rawValue: 16)

  /// The Unicode version of both regular expression engines, Oniguruma and Rust's `regex`.
  static let lastPatternVersion: (major: Int, minor: Int) = (16, 0)
  private static let lastNormalizerVersion: (major: Int, minor: Int) = (9, 0)

  /// The basic multilingual plane; asking the properties of each character each time is ten times slower.
  private static let table: [CharacterClasses] = (0..<UInt32(0x10000)).map { code in
    Unicode.Scalar(code).map(CharacterClasses.init(propertiesOf:)) ?? []
  }

  static func of(_ scalar: UInt32) -> CharacterClasses {
    if scalar < 0x10000 { return table[Int(scalar)] }
    return Unicode.Scalar(scalar).map(CharacterClasses.init(propertiesOf:)) ?? []
  }

  private init(propertiesOf scalar: Unicode.Scalar) {
    let properties = scalar.properties
    let age = properties.age.map { ($0.major, $0.minor) }
    let isOld = age.map { $0 <= Self.lastPatternVersion } ?? false
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      self = isOld ? .letter : []
    case .decimalNumber, .letterNumber, .otherNumber:
      self = isOld ? [.number, .digit] : .digit
    default:
      self = properties.isWhitespace ? .space : []
    }
    if let age, age <= Self.lastNormalizerVersion { insert(.normalizable) }
  }

  init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// The character that starts at `index` of valid UTF-8, and where the next one starts.
/// At `end` and beyond, a code point that belongs to no class.
@inline(__always)
func character(at index: Int, of bytes: [UInt8], before end: Int) -> (scalar: UInt32, next: Int) {
  guard index < end else { return (.max, end) }
  let first = UInt32(bytes[index])
  if first < 0x80 { return (first, index + 1) }
  let length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  guard index + length <= end else { return (.max, end) }
  var scalar = first & (0x7f >> UInt32(length))
  for offset in 1..<length { scalar = scalar << 6 | UInt32(bytes[index + offset] & 0x3f) }
  return (scalar, index + length)
}
