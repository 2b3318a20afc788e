// The configuration's destinations and agreements as the rules by which the journal queues and withholds.

import Journal
import Testing
import VitalSigns

@testable import Gateway

@Suite struct SharingFromConfigurationTests {
  private let folder = TemporaryFolder()

  private func configuration() throws -> KnutepunktConfiguration {
    try Street.configuration(
      in: folder,
      """
      escalation:
        receivers:
          - { level: 0, destinations: [nurses] }
          - { level: 1, destinations: [nurses, response-centre] }
          - { level: 3, destinations: [leader] }
      destinations:
        - { name: journal-system, kind: fhir, url: "https://fhir.example.org/r4" }
        - { name: nurses, kind: webhook, url: "https://nurses.example.org", secretFile: s }
        - { name: response-centre, kind: webhook, url: "https://centre.example.org", secretFile: s }
        - { name: leader, kind: webhook, url: "https://leader.example.org", secretFile: s }
      sharing:
        - { destination: journal-system, controller: "974760673", share: [observations, scores, doses, locations], patients: all, basis: a }
        - { destination: journal-system, controller: "958935420", share: [alerts], patients: [P2], basis: b }
        - { destination: nurses, controller: "974760673", share: [alerts], patients: all, basis: c }
      """)
  }

  @Test func destinationsKeepTheirNumbersWhateverTheirOrder() throws {
    let rules = try configuration().sharingRules
    #expect(rules.destinations.map(\.name) == ["journal-system", "nurses", "response-centre", "leader"])
    #expect(rules.destinations.map(\.number) == ["journal-system", "nurses", "response-centre", "leader"].map(stableNumber(of:)))
  }

  @Test func aKindOfDestinationWantsWhatItUnderstands() throws {
    let rules = try configuration().sharingRules
    #expect(rules.destinations[0].wants == [.observation, .score, .alert, .dose])
    #expect(rules.destinations[1].wants == [.alert])
  }

  @Test func agreementsGoToTheirOwnDestination() throws {
    let rules = try configuration().sharingRules
    let system = rules.destinations[0]
    #expect(system.agreements.count == 2)
    #expect(system.identity(for: .observation, controller: "974760673", patient: Street.kari) != nil)
    #expect(system.identity(for: .alert, controller: "974760673", patient: Street.kari) == nil)
    #expect(system.identity(for: .alert, controller: "958935420", patient: Street.ola) != nil)
    #expect(system.identity(for: .alert, controller: "958935420", patient: Street.kari) == nil)
    #expect(system.identity(for: .location, controller: "974760673", patient: Street.kari) == nil, "agreed, yet nothing that it takes")
    #expect(rules.destinations[2].agreements.isEmpty)
  }

  @Test func aReceiverHearsFromItsLowestLevelOn() throws {
    let rules = try configuration().sharingRules
    #expect(rules.destinations.map(\.alertLevelMin) == [0, 0, 1, 3])
  }
}
