// The version of the product, in one place.

/// Semantic versioning: what the local API, the journal's schema and the configuration promise.
public enum KnutepunktVersion {
  public static let current = "0.3.0"
}
