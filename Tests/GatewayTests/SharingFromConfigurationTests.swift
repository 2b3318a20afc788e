// The configuration's destinations and agreements as the rules by which the journal queues and withholds.

import Journal
import JournalValues
import Testing
import VitalSigns

@testable import HubConfiguration
@testable import HubRegistry
@testable import HubRuntime

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
    #expect(system.parts(for: .observation, controller: "974760673", patient: Street.kari) != nil)
    #expect(system.parts(for: .alert, controller: "974760673", patient: Street.kari) == nil)
    #expect(system.parts(for: .alert, controller: "958935420", patient: Street.ola) != nil)
    #expect(system.parts(for: .alert, controller: "958935420", patient: Street.kari) == nil)
    #expect(system.parts(for: .location, controller: "974760673", patient: Street.kari) == nil, "agreed, yet nothing that it takes")
    #expect(rules.destinations[2].agreements.isEmpty)
  }

  @Test func aReceiverHearsFromItsLowestLevelOn() throws {
    let rules = try configuration().sharingRules
    #expect(rules.destinations.map(\.alertLevelMin) == [0, 0, 1, 3])
  }

  @Test func somebodyIsCalledOnlyForWhomAnAgreementCoversAtALevelThatIsReached() throws {
    func calls(_ agreement: String, level: Int = 0, high: String = "[60s]", kind: String = "webhook", controller: String = "974760673")
      throws -> [Bool]
    {
      let secret = kind == "webhook" ? ", secretFile: s" : ""
      let configuration = try Street.configuration(
        in: folder,
        """
        escalation: { high: \(high), receivers: [{ level: \(level), destinations: [nurses] }] }
        destinations: [{ name: nurses, kind: \(kind), url: "https://nurses.example.org"\(secret) }]
        sharing: [{ destination: nurses, controller: "974760673", \(agreement), basis: a }]
        """)
      return [Street.kari, Street.ola].map { configuration.callsSomebody(for: $0, controller: controller) }
    }
    #expect(try calls("share: [alerts], patients: all") == [true, true])
    #expect(try calls("share: [alerts], patients: [\(Street.kari)]") == [true, false])
    #expect(try calls("share: [observations, locations], patients: all") == [false, false])
    #expect(try calls("share: [alerts], patients: all", controller: "958935420") == [false, false])
    #expect(try calls("share: [alerts], patients: all", level: 1) == [true, true])
    #expect(try calls("share: [alerts], patients: all", level: 2) == [false, false], "60 s to level 1, and no further")
    #expect(try calls("share: [alerts], patients: all", level: 2, high: "[60s, 60s]") == [true, true])
    #expect(try calls("share: [alerts], patients: all", kind: "fhir") == [false, false], "a record system calls nobody")
  }
}
