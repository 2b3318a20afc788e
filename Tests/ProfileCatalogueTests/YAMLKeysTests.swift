// Which keys of one mapping are the same: what is quoted is text, what YAML takes for something else when it is plain is not.

import DeviceProfile
import Testing

@testable import ProfileCatalogue

@Suite struct YAMLKeysTests {
  @Test(arguments: [
    ("true", "\"true\""), ("1", "\"1\""), ("1", "'1'"), ("1.5", "\"1.5\""), ("2026-01-31", "\"2026-01-31\""), ("~", "\"~\""), ("=", "'='"),
    ("0x1F", "'0x1F'"), ("off", "\"off\""), ("a", "b"), ("1", "1.0"),
  ])
  func areTwo(_ keys: (String, String)) throws {
    _ = try YAMLDocument.parse("\(keys.0): 1\n\(keys.1): 2\n")
  }

  @Test(arguments: [("a", "a"), ("a", "\"a\""), ("'a'", "\"a\""), ("1", "1"), ("true", "true"), ("\"true\"", "'true'"), ("1a", "\"1a\"")])
  func areOne(_ keys: (String, String)) {
    #expect(throws: ProfileProblem.self) { try YAMLDocument.parse("\(keys.0): 1\n\(keys.1): 2\n") }
  }
}
