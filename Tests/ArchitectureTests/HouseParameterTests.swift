// Nobody has to pass ten things to get one. A record of the domain or of a wire is another matter: its public initialiser has one
// parameter for each of its fields, most with a default, because Swift makes no public one by itself.

import Testing

@Suite("The house: parameters")
struct HouseParameterTests {
  /// Records: each parameter is a field of the same name.
  private static let records: Set<String> = [
    "AlertTransition.init", "AlertRecord.init", "ObservationRecord.init", "BoardAlert.init", "CoreConfiguration.init",
    "ConsoleConfiguration.init",
    // Of the local API's wire.
    "API.Alert.init", "API.Bluetooth.Device.init", "API.Bluetooth.init", "API.Score.init", "API.Pairing.Candidate.init",
    "API.Status.Destination.init", "API.Status.init",
  ]
  /// A test's sample of such a record.
  private static let samples: Set<String> = ["Sample.observation"]

  @Test("No function has more than 9 parameters, but for records")
  func listsAreShort() throws {
    let allowed = Self.records.union(Self.samples)
    var met: Set<String> = []
    for finding in SizeRule.longParameterLists(try House.sources.get() + House.tests.get()) {
      let name = finding.text.prefix { $0 != " " }
      if allowed.contains(String(name)) { met.insert(String(name)) } else { Issue.record("\(finding)") }
    }
    #expect(met == allowed, "an exception that nobody needs any more goes")
  }
}
