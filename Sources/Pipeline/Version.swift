/// The tool itself.
public enum Tool {
  public static let name = "adapt-pruner"
  public static let version = "0.1.0"
}
