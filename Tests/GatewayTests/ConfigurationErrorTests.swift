// Every error of a configuration file: its exact place and its exact words. The words are the product here: an installer
// has nothing else.

import Testing

@testable import HubConfiguration

/// One wrong file and what is said about it.
struct WrongFile: Sendable, CustomTestStringConvertible {
  var yaml: String
  /// Without the file name.
  var errors: [String]
  var testDescription: String { errors.joined(separator: " | ") }

  init(_ yaml: String, _ errors: String...) {
    self.yaml = yaml
    self.errors = errors
  }

  /// A valid file with one thing changed on line 3.
  static func line3(_ line: String, _ errors: String...) -> WrongFile {
    var file = WrongFile("hub: { controller: \"974760673\" }\nprofiles: { trust: lab }\n" + line + "\n")
    file.errors = errors
    return file
  }
}

@Suite struct ConfigurationErrorTests {
  static let shape: [WrongFile] = [
    WrongFile(
      "profiles: { trust: lab }\n", "1:1: `hub` lacks `controller`; allowed: a Norwegian organisation number, for example \"974760673\""),
    WrongFile("- a\n", "1:1: the file holds a list; allowed: a mapping of sections, `hub:` first"),
    WrongFile("word\n", "1:1: the file holds a single value; allowed: a mapping of sections, `hub:` first"),
    .line3(
      "jurnal: {}",
      "3:1: unknown key `jurnal`; did you mean `journal`? Allowed: hub, profiles, realtime, journal, backup, escalation, links, destinations, sharing, console, observability, localAPI, logging"
    ),
    .line3(
      "journal: { zzz: 1 }", "3:12: unknown key `zzz` in `journal`; allowed: groupWindow, groupMax, snapshotEvery, ballast, retention"),
    .line3("journal: [1]", "3:10: journal is a list; allowed: a mapping"),
    .line3("links: { mqtt: {} }", "3:16: links.mqtt is a mapping; allowed: a list of mappings, each after `- `"),
    .line3("links: { mqtt: [1] }", "3:17: links.mqtt[0] is a single value; allowed: a mapping"),
    .line3("logging: { level: }", "3:19: logging.level is empty; allowed: trace, debug, info, notice, warning, error, critical"),
    .line3("logging: { level: [info] }", "3:19: logging.level is a list; allowed: trace, debug, info, notice, warning, error, critical"),
    .line3(
      "logging: { level: INFO }",
      "3:19: logging.level: \"INFO\" is not allowed; allowed: trace, debug, info, notice, warning, error, critical"),
  ]

  static let values: [WrongFile] = [
    .line3("realtime: { patientsMax: 0 }", "3:26: realtime.patientsMax: \"0\" is not allowed; allowed: a whole number from 1 to 65536"),
    .line3("realtime: { priority: 99.5 }", "3:23: realtime.priority: \"99.5\" is not allowed; allowed: a whole number from 1 to 99"),
    .line3("realtime: { lockMemory: yes }", "3:25: realtime.lockMemory: \"yes\" is not allowed; allowed: true or false"),
    .line3(
      "realtime: { intakeCapacity: 4095 }",
      "3:29: realtime.intakeCapacity: \"4095\" is not allowed; allowed: a power of two from 64 to 1048576"),
    .line3(
      "realtime: { liveWindow: 15 }",
      "3:25: realtime.liveWindow: \"15\" has no unit; allowed: a duration from 10s to 1d with its unit (ms, s, m, h, d)"),
    .line3(
      "realtime: { liveWindow: 2d }",
      "3:25: realtime.liveWindow: \"2d\" is not allowed; allowed: a duration from 10s to 1d with its unit (ms, s, m, h, d)"),
    .line3(
      "journal: { ballast: 4 }",
      "3:21: journal.ballast: \"4\" has no unit; allowed: a size from 0B to 1GiB with its unit (B, KiB, MiB, GiB)"),
    .line3("escalation: { high: 60s }", "3:21: escalation.high is a single value; allowed: a list, [1s]"),
    .line3(
      "escalation: { high: [60s, 1w] }",
      "3:27: escalation.high[1]: \"1w\" is not allowed; allowed: a duration from 1s to 7d with its unit (ms, s, m, h, d)"),
    .line3(
      "escalation: { repeatUntaken: { high: 0s } }",
      "3:38: escalation.repeatUntaken.high: \"0s\" is not allowed; allowed: a duration from 1s to 7d with its unit (ms, s, m, h, d)"),
    .line3("escalation: { low: [] }", "3:20: escalation.low has 0 items; allowed: 1 to 3"),
    .line3(
      "observability: { listen: on }",
      "3:26: observability.listen: \"on\" is not allowed; allowed: an address and port such as 127.0.0.1:8080 or [::1]:8080, or off"),
    .line3(
      "console: { publicURL: \"http://hub.example.org\" }",
      "3:23: console.publicURL: \"http://hub.example.org\" would send health data unencrypted to hub.example.org: https is required; allowed: an https URL, or http to this machine itself (localhost, 127.0.0.1, ::1)"
    ),
    .line3(
      "console: { listen: \"0.0.0.0:8080\" }",
      "3:20: console.listen can be reached from other machines, so `publicURL` must name the https address of the TLS proxy before it; or listen on 127.0.0.1"
    ),
    WrongFile(
      "hub: { controller: \"974760674\" }\nprofiles: { trust: keys }\n",
      "1:20: hub.controller: \"974760674\" has a mistyped digit: the check digit of its first 8 digits is 3, not 4; allowed: a Norwegian organisation number, for example \"974760673\"",
      "2:20: profiles.trust is keys, and no key is named; allowed: `keys: [FILE]` beside it, or `trust: lab` for a trial"),
    WrongFile(
      "hub: { controller: 974760673, timeZone: Europe/Olso, name: \"a b\", language: se }\nprofiles: { trust: lab }\n",
      "1:41: hub.timeZone: \"Europe/Olso\" is not allowed; allowed: a name of the time-zone database, for example Europe/Oslo",
      "1:60: hub.name: \"a b\" is not allowed; allowed: 1 to 64 letters a–z, digits, - _ and .",
      "1:77: hub.language: \"se\" is not allowed; allowed: nb, nn, en"),
  ]

  static let connections: [WrongFile] = [
    .line3(
      "links: { mqtt: [ { name: a, host: broker.example.org } ] }",
      "3:35: links.mqtt[0].host would be reached without encryption; allowed: `tls: {…}` beside it, or a broker on this machine (localhost)"
    ),
    .line3(
      "links: { mqtt: [ { name: a, host: localhost, username: u, password: hunter2 } ] }",
      "3:59: `password`: a secret never stands in this file; allowed: `passwordFile: PATH` or `credential: NAME`"),
    .line3(
      "links: { mqtt: [ { name: a, host: localhost, passwordFile: p } ] }",
      "3:60: links.mqtt[0].passwordFile stands without `username`; allowed: both, or `username` alone"),
    .line3(
      "links: { mqtt: [ { name: a, host: localhost, username: u, passwordFile: p, credential: c } ] }",
      "3:88: links.mqtt[0].credential stands beside `passwordFile`; allowed: one of the two"),
    .line3(
      "links: { mqtt: [ { name: a, host: localhost, tls: { key: k } } ] }",
      "3:58: links.mqtt[0].tls.key stands alone; allowed: `certificate` and `key` together, or neither"),
    .line3(
      "links: { mqtt: [ { name: a, host: localhost, version: 4 } ] }",
      "3:55: links.mqtt[0].version: \"4\" is not allowed; allowed: 5, 3.1.1"),
    .line3(
      "links: { mqtt: [ { name: a, host: localhost }, { name: a, host: localhost, port: 1884 } ] }",
      "3:56: the link name \"a\" stands on line 3 already; allowed: each name once"),
    .line3(
      "links: { mqtt: [ { name: a, host: localhost, clientID: x }, { name: b, host: localhost, clientID: x } ] }",
      "3:69: link \"b\" has the clientID of link \"a\" at the same broker; allowed: a clientID of its own"),
    .line3(
      "destinations: [ { name: n, kind: webhook, url: \"https://n.example.org/\" } ]",
      "3:17: `destinations[0]` lacks `secretFile`; allowed: a path to a file with the signing secret, or `credential: NAME`"),
    .line3(
      "destinations: [ { name: n, kind: fhir, url: \"https://u:p@n.example.org/\" } ]",
      "3:45: destinations[0].url: \"https://u:p@n.example.org/\" holds a user or password, which never stand in this file; allowed: an https URL, or http to this machine itself (localhost, 127.0.0.1, ::1)"
    ),
    .line3(
      "destinations: [ { name: n, kind: fhir, url: \"http://127.0.0.1:1/\", secretFile: s } ]",
      "3:68: unknown key `secretFile` in `destinations[0]`; allowed: name, kind, url, ca, timeout, tokenFile, credential, batchMax"),
    .line3(
      "sharing: [ { destination: x, controller: 974760673, share: [alerts], patients: all, basis: b } ]",
      "3:27: sharing: unknown destination \"x\"; allowed: none is configured yet, see `destinations`"),
    .line3(
      "sharing: [ { destination: x, controller: 974760673, share: [alert], patients: [7], basis: b } ]\ndestinations: [ { name: y, kind: fhir, url: \"http://localhost/\" } ]",
      "3:27: sharing: unknown destination \"x\"; allowed: y",
      "3:61: sharing[0].share[0]: \"alert\" is not allowed; allowed: observations, scores, alerts, doses, locations",
      "3:80: sharing[0].patients[0]: \"7\" is not allowed; allowed: a patient's id such as P7"),
    .line3(
      "escalation: { receivers: [ { level: 0, destinations: [x] }, { level: 0, destinations: [y] } ] }\ndestinations: [ { name: y, kind: fhir, url: \"http://localhost/\" } ]",
      "3:54: escalation.receivers: unknown destination \"x\"; allowed: y",
      "3:87: escalation.receivers: level 0 stands here twice; allowed: each level once, with all its destinations"),
  ]

  @Test(arguments: shape + values + connections)
  func anErrorNamesItsPlaceAndWhatIsAllowed(file: WrongFile) {
    do {
      _ = try KnutepunktConfiguration.read(yaml: file.yaml, file: "k.yaml")
      Issue.record("the file was taken")
    } catch {
      #expect(error.diagnostics.map(\.description) == file.errors.map { "k.yaml:" + $0 })
    }
  }

  @Test(arguments: [
    "hub: {\n  a: b\n c", "hub: [", "hub:\n\tname: a", "a: b: c", "hub: *nothing", "hub: &x { a: *x }", "\u{0}",
    "hub: { controller: !!binary x }", "? [a]\n: b", "---\na: 1\n---\nb: 2",
  ])
  func whatIsNoYAMLHasOneDiagnosticOrMoreAndNeverTraps(yaml: String) {
    #expect(throws: ConfigurationError.self) { try KnutepunktConfiguration.read(yaml: yaml, file: "k.yaml") }
  }

  @Test func aKeyThatStandsTwiceIsAnError() {
    do {
      _ = try KnutepunktConfiguration.read(yaml: "hub:\n  name: a\n  name: b\n", file: "k.yaml")
      Issue.record("the file was taken")
    } catch {
      #expect(error.description == "k.yaml:2:3: `name` stands here more than once; allowed: each key once")
    }
  }

  /// Cutting a valid file anywhere gives diagnostics or a valid configuration, never a trap.
  @Test func everyBeginningOfAFileIsReadSafely() {
    let bytes = Array(ConfigurationTests.full.utf8)
    for length in stride(from: 0, to: bytes.count, by: 7) {
      do {
        _ = try KnutepunktConfiguration.read(yaml: String(decoding: bytes[..<length], as: UTF8.self), file: "k.yaml")
      } catch {
        #expect(!error.diagnostics.isEmpty)
        #expect(error.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 })
      }
    }
  }

  @Test func filesThatAreNamedAreLookedAtOnlyWhenAsked() throws {
    let folder = TemporaryFolder()
    let yaml = """
      hub: { controller: "974760673" }
      profiles: { trust: lab, folders: [.] }
      destinations:
        - { name: n, kind: webhook, url: "https://n.example.org/", secretFile: open, ca: none.pem }
      """
    _ = folder.write("secret", to: "open", mode: 0o644)
    let file = folder.write(yaml, to: "k.yaml")
    let unchecked = try KnutepunktConfiguration.load(path: file)
    #expect(unchecked.destinations.first?.caFile == folder.path + "/none.pem")
    do {
      _ = try KnutepunktConfiguration.load(path: file, checkingFiles: true)
      Issue.record("a missing file was taken")
    } catch {
      #expect(
        error.description
          == "\(file):4:84: destinations[0].ca: \"none.pem\" does not exist; allowed: a readable file with PEM certificates of the authorities, absolute or relative to this file"
      )
    }
    _ = folder.write("pem", to: "none.pem")
    let checked = try KnutepunktConfiguration.load(path: file, checkingFiles: true)
    #expect(
      checked.warnings.contains {
        $0.message == "destinations[0].secretFile: \(folder.path)/open can be read by every user of this machine; chmod 640 it"
      })
  }

  @Test func aMissingFileIsSaid() {
    do {
      _ = try KnutepunktConfiguration.load(path: "/nonexistent/k.yaml")
      Issue.record("a missing file was taken")
    } catch {
      #expect(error.description == "/nonexistent/k.yaml:1:1: the file does not exist")
    }
  }
}
