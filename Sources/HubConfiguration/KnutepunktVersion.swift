// The version of the product, in one place.

/// The version by semantic versioning. What it promises about: the local API, the journal's schema and the configuration.
public enum KnutepunktVersion {
  public static let current = "0.3.0"
}
