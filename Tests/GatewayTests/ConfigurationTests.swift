// A whole configuration: every key, every default, the warnings, and that the reference tells the truth about them.

import Foundation
import Testing
import VitalSigns

@testable import HubConfiguration
@testable import HubRuntime

@Suite struct ConfigurationTests {
  /// Every key there is.
  static let full = """
    hub: { name: hub-07, controller: "974760673", timeZone: Europe/Oslo, language: nn, state: /srv/k, runtime: run }
    profiles: { folders: [DeviceProfiles, /opt/p], trust: keys, keys: [a.pub], revoked: [acme/one] }
    realtime:
      patientsMax: 300
      devicesMax: 2000
      alertsMax: 500
      scheduler: ordinary
      priority: 7
      lockMemory: false
      liveWindow: 20m
      intakeCapacity: 8192
    journal: { groupWindow: 5ms, groupMax: 200, snapshotEvery: 5000, ballast: 8MiB, retention: 30d }
    escalation:
      high: [30s, 60s]
      medium: [2m]
      low: [1h, 2h, 3h]
      repeatUntaken: { high: 4m, low: 12h }
      retriggerAcknowledged: 45m
      singleThree: low
      receivers:
        - { level: 1, destinations: [nurses, journal-system] }
        - { level: 0, destinations: [nurses] }
    links:
      mqtt:
        - name: homes
          host: broker.example.org
          port: 8884
          version: 3.1.1
          clientID: hub-07-a
          username: hub
          passwordFile: pw
          tls: { ca: ca.pem, certificate: c.pem, key: k.pem }
          keepAlive: 60s
          sessionExpiry: 2d
          receiveMaximum: 100
          maximumPayload: 64KiB
          ackHold: 10ms
        - { name: ward, host: localhost, username: hub, credential: ward-password, claims: false }
    destinations:
      - { name: journal-system, kind: fhir, url: "https://fhir.example.org/r4", ca: ca.pem, tokenFile: token, timeout: 5s, batchMax: 20 }
      - { name: nurses, kind: webhook, url: "http://[::1]:9000/hook", credential: hook, timeout: 2s }
      - { name: hook, kind: webhook, url: "https://hook.example.org", secretFile: s }
    sharing:
      - { destination: journal-system, controller: "974760673", share: [observations, scores], patients: all, basis: "Avtale 12/2026" }
      - { destination: nurses, controller: "974760673", share: [alerts, doses, locations], patients: [P1, P2], basis: "Avtale 13/2026" }
    console: { listen: 0.0.0.0:8081, publicURL: "https://hub.example.org/", sessionHours: 4 }
    observability: { listen: off }
    localAPI: { allowedUsers: [kari], allowedGroups: [nurses] }
    logging: { level: debug }
    """

  @Test func everyKeyReachesItsProperty() throws {
    let configuration = try KnutepunktConfiguration.read(yaml: Self.full, file: "/etc/k/k.yaml")
    #expect(
      configuration.hub
        == .init(
          name: "hub-07", controller: "974760673", timeZone: "Europe/Oslo", language: .nn, statePath: "/srv/k",
          runtimePath: "/etc/k/run"))
    #expect(configuration.hub.socketPath == "/etc/k/run/knutepunkt.sock")
    #expect(
      configuration.profiles
        == .init(folders: ["/etc/k/DeviceProfiles", "/opt/p"], trust: .keys, keyFiles: ["/etc/k/a.pub"], revoked: ["acme/one"]))
    #expect(
      configuration.realtime
        == .init(
          patientsMax: 300, devicesMax: 2_000, alertsMax: 500, scheduler: .ordinary, priority: 7, locksMemory: false,
          liveWindow: .seconds(1_200),
          intakeCapacity: 8_192))
    #expect(
      configuration.journal
        == .init(
          groupWindow: .milliseconds(5), groupMax: 200, snapshotEvery: 5_000, ballastBytes: 8 << 20, retention: .seconds(30 * 86_400)))
    #expect(
      configuration.escalation
        == .init(
          high: [.seconds(30), .seconds(60)], medium: [.seconds(120)], low: [.seconds(3_600), .seconds(7_200), .seconds(10_800)],
          repeatUntaken: .init(high: .seconds(240), medium: .seconds(1_800), low: .seconds(43_200)),
          retriggerAcknowledged: .seconds(2_700), singleThree: .low,
          receivers: [.init(level: 0, destinations: ["nurses"]), .init(level: 1, destinations: ["nurses", "journal-system"])]))
    #expect(
      configuration.console
        == .init(listen: ListenAddress(host: "0.0.0.0", port: 8081), publicURL: "https://hub.example.org", sessionHours: 4))
    #expect(configuration.observabilityListen == nil)
    #expect(configuration.localAPI == .init(allowedUsers: ["kari"], allowedGroups: ["nurses"]))
    #expect(configuration.logLevel == .debug)
  }

  @Test func connectionsReachTheirProperties() throws {
    let configuration = try KnutepunktConfiguration.read(yaml: Self.full, file: "/etc/k/k.yaml")
    #expect(
      configuration.mqttLinks == [
        .init(
          name: "homes", host: "broker.example.org", port: 8884, version: .v311, clientID: "hub-07-a", username: "hub",
          password: .file("/etc/k/pw"),
          tls: .init(caFile: "/etc/k/ca.pem", certificateFile: "/etc/k/c.pem", keyFile: "/etc/k/k.pem"), keepAlive: .seconds(60),
          sessionExpiry: .seconds(172_800), receiveMaximum: 100, maximumPayloadBytes: 65_536, ackHold: .milliseconds(10), claims: true),
        .init(
          name: "ward", host: "localhost", port: 1883, version: .v5, clientID: "hub-07-ward", username: "hub",
          password: .credential("ward-password"),
          tls: nil, keepAlive: .seconds(30), sessionExpiry: .seconds(604_800), receiveMaximum: 500, maximumPayloadBytes: 262_144,
          ackHold: .milliseconds(100), claims: false),
      ])
    #expect(
      configuration.destinations == [
        .init(
          name: "journal-system", kind: .fhir(token: .file("/etc/k/token"), batchMax: 20), url: "https://fhir.example.org/r4",
          caFile: "/etc/k/ca.pem",
          timeout: .seconds(5)),
        .init(
          name: "nurses", kind: .webhook(secret: .credential("hook")), url: "http://[::1]:9000/hook", caFile: nil, timeout: .seconds(2)),
        .init(name: "hook", kind: .webhook(secret: .file("/etc/k/s")), url: "https://hook.example.org", caFile: nil, timeout: .seconds(10)),
      ])
    #expect(configuration.sharing.map(\.patients) == [.all, .only([PatientID(rawValue: 1), PatientID(rawValue: 2)])])
    #expect(configuration.sharing.map(\.basis) == ["Avtale 12/2026", "Avtale 13/2026"])
    #expect(
      configuration.warnings.map(\.description) == [
        "/etc/k/k.yaml:1:1: warning: no agreement under `sharing` lets a receiver of alarms have the alerts of everybody"
          + " (patients: all, controller 974760673): for a person whom none names, nobody is called; knutepunkt status lists them",
        "/etc/k/k.yaml:40:13: warning: destination \"journal-system\" is a receiver of alerts, but no sharing agreement lets it have `alerts`",
        "/etc/k/k.yaml:42:13: warning: destination \"hook\" has no sharing agreement, so nothing is ever sent to it; see `sharing`",
      ])
  }

  @Test func anAgreementLetsGoExactlyWhatItNames() throws {
    let agreement = try KnutepunktConfiguration.read(yaml: Self.full, file: "k.yaml").sharing[1]
    let one = PatientID(rawValue: 1)
    #expect(agreement.allows(.alerts, of: one, controller: "974760673"))
    #expect(!agreement.allows(.scores, of: one, controller: "974760673"))
    #expect(!agreement.allows(.alerts, of: PatientID(rawValue: 3), controller: "974760673"))
    #expect(!agreement.allows(.alerts, of: .none, controller: "974760673"))
    #expect(!agreement.allows(.alerts, of: one, controller: "923609016"))
  }

  @Test func aMinimalFileHasDefaultsAndWarnings() throws {
    let configuration = try KnutepunktConfiguration.read(yaml: "hub: { controller: 974760673 }\nprofiles: { trust: lab }\n", file: "k.yaml")
    #expect(configuration.hub.name == "hub-01")
    #expect(configuration.escalation.high == [.seconds(60), .seconds(180), .seconds(300)])
    #expect(configuration.console.publicURL == "http://127.0.0.1:8080")
    #expect(
      configuration.warnings.map(\.description) == [
        "k.yaml:1:1: warning: escalation.receivers has no level 0: alerts are shown on the console only, nobody is told",
        "k.yaml:1:1: warning: `links` has neither `mqtt` nor `bluetooth`: no device can reach this hub",
        "k.yaml:2:20: warning: profiles.trust is lab: profiles are taken without a signature; not for people's homes",
      ])
  }

  @Test func bluetoothIsOnWhenItIsNamed() throws {
    func read(_ links: String) throws -> KnutepunktConfiguration.BluetoothSettings? {
      try KnutepunktConfiguration.read(
        yaml: "hub: { controller: 974760673 }\nprofiles: { trust: lab }\nlinks: { \(links) }\n", file: "k.yaml"
      ).bluetooth
    }
    #expect(try read("mqtt: []") == nil)
    let defaults = try #require(try read("bluetooth: {}"))
    var written: [String] = []
    for row in ConfigurationReference.rows where row.key.hasPrefix("links.bluetooth.") && row.default != "the first" {
      let key = row.key.dropFirst("links.bluetooth.".count)
      written.append(key.hasPrefix("scan.") ? "scan: { \(key.dropFirst(5)): \(row.default) }" : "\(key): \(row.default)")
    }
    #expect(written.count == 6)
    for line in written { #expect(try read("bluetooth: { \(line) }") == defaults) }
    #expect(try read("bluetooth: { adapter: 00:1a:7d:da:71:13 }")?.adapter == "00:1A:7D:DA:71:13")
    #expect(throws: ConfigurationError.self) { try read("bluetooth: { adapter: eth0 }") }
    #expect(throws: ConfigurationError.self) { try read("bluetooth: { scan: { on: 0s } }") }
  }

  /// Writing every default of the reference out changes nothing: the reference and the reader agree on defaults.
  @Test func theDefaultsInTheReferenceAreThoseOfTheReader() throws {
    var sections: [String: [String]] = ["hub": ["controller: \"974760673\""]]
    var inner: [String: [String]] = [:]
    // `links.bluetooth` and `backup` switch something on by being there: by tests of their own.
    for row in ConfigurationReference.rows
    where !row.key.contains("[]") && !row.key.hasPrefix("links.bluetooth") && !row.key.hasPrefix("backup.") {
      let parts = row.key.split(separator: ".")
      try #require(parts.count == 2 || parts.count == 3)
      let inWords = ["required", "none"].contains(row.default) || row.default.contains(" and ")
      if inWords || row.key == "profiles.trust" { continue }
      let value = row.default.contains(":") && !row.default.hasPrefix("[") ? "\"\(row.default)\"" : row.default
      if parts.count == 2 {
        sections[String(parts[0]), default: []].append("\(parts[1]): \(value)")
      } else {
        inner["\(parts[0]).\(parts[1])", default: []].append("\(parts[2]): \(value)")
      }
    }
    sections["profiles", default: []].append("trust: lab")
    for (path, items) in inner {
      let parts = path.split(separator: ".")
      sections[String(parts[0]), default: []].append("\(parts[1]): { \(items.joined(separator: ", ")) }")
    }
    let yaml = sections.sorted { $0.key < $1.key }.map { "\($0.key): { \($0.value.joined(separator: ", ")) }" }.joined(separator: "\n")
    let written = try KnutepunktConfiguration.read(yaml: yaml, file: "k.yaml")
    let minimal = try KnutepunktConfiguration.read(yaml: "hub: { controller: \"974760673\" }\nprofiles: { trust: lab }\n", file: "k.yaml")
    #expect(written.hub == minimal.hub)
    #expect(written.profiles == minimal.profiles)
    #expect(written.realtime == minimal.realtime)
    #expect(written.journal == minimal.journal)
    #expect(written.escalation == minimal.escalation)
    #expect(written.console == minimal.console)
    #expect(written.observabilityListen == minimal.observabilityListen)
    #expect(written.localAPI == minimal.localAPI)
    #expect(written.logLevel == minimal.logLevel)
  }

  /// The reader names all its keys in the error about an unknown one; the reference has exactly those.
  @Test(arguments: ["hub", "profiles", "realtime", "journal", "escalation", "console", "observability", "localAPI", "logging"])
  func theReferenceHasExactlyTheKeysOfTheReader(section: String) throws {
    let yaml = "\(section): { zzzzzz: 1 }\n"
    do {
      _ = try KnutepunktConfiguration.read(yaml: yaml, file: "k.yaml")
      Issue.record("an unknown key was taken")
    } catch {
      let message = try #require(error.diagnostics.first { $0.message.hasPrefix("unknown key") }?.message)
      let named = try #require(message.components(separatedBy: "allowed: ").last).components(separatedBy: ", ")
      let described = ConfigurationReference.rows.filter { $0.key.hasPrefix(section + ".") }.compactMap {
        $0.key.split(separator: ".")[1].split(separator: "[").first
      }
      #expect(Set(named) == Set(described.map(String.init)))
    }
  }

  @Test func theReferenceDescribesEachKeyOnce() {
    let rows = ConfigurationReference.rows
    #expect(Set(rows.map(\.key)).count == rows.count)
    #expect(rows.allSatisfy { !$0.meaning.isEmpty && !$0.type.isEmpty && !$0.default.isEmpty && !$0.meaning.contains("|") })
    for key in [
      "links.mqtt[].tls.ca", "destinations[].secretFile", "destinations[].tokenFile", "sharing[].patients", "escalation.receivers[].level",
    ] {
      #expect(rows.contains { $0.key == key })
    }
    #expect(ConfigurationReference.markdown.split(separator: "\n").count == rows.count + 2)
  }
}
