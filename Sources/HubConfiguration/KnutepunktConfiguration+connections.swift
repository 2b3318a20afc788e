// The keys of what the hub is connected to: MQTT links, destinations, and the sharing agreements that say what a
// destination may have. Declarations as in KnutepunktConfiguration+read.swift.

import People
import VitalSigns

extension KnutepunktConfiguration {
  static func readMQTTLink(_ section: ConfigurationSection, hubName: String) -> Located<MQTTLinkSettings> {
    let name = section.required("name", .name, placeholder: "", "The link's name, in `status`, logs and metrics.")
    let host = section.required("host", .host, placeholder: "localhost", "The broker.")
    let port = section.optional("port", .integer(1...65_535), shown: "8883 with tls, else 1883", "The broker's port.")
    let version = section.value("version", .choice, default: .v5, shown: "5", "MQTT version.") as MQTTLinkSettings.Version
    let clientID = section.optional(
      "clientID", .clientID, shown: "hub.name-name", "Identity of the persistent session: unique at the broker, the same after a restart.")
    let username = section.optional("username", .text("a user name"), "User name at the broker.")
    let password = readSecret(section, "passwordFile", "File with the password.")
    if password != nil, username == nil {
      section.report(
        section.has("passwordFile") ? "passwordFile" : "credential", "stands without `username`; allowed: both, or `username` alone")
    }
    let settings = MQTTLinkSettings(
      name: name, host: host, port: port ?? (section.has("tls") ? 8883 : 1883), version: version,
      clientID: clientID ?? "\(hubName)-\(name)",
      username: username, password: password, tls: section.section("tls", readTLS),
      keepAlive: section.value(
        "keepAlive", .duration(.seconds(5)...(.seconds(3_600))), default: .seconds(30), shown: "30s",
        "The broker gives the hub up after 1.5 times this silence."),
      sessionExpiry: section.value(
        "sessionExpiry", .duration(.seconds(60)...(.seconds(4_294_967_295))), default: .seconds(604_800), shown: "7d",
        "MQTT 5: how long the broker keeps messages while the hub is away."),
      receiveMaximum: section.value(
        "receiveMaximum", .integer(1...65_535), default: 500, shown: "500",
        "Messages that may be on their way to the hub without an acknowledgement."),
      maximumPayloadBytes: section.value(
        "maximumPayload", .size(1...(16 << 20)), default: 256 << 10, shown: "256KiB",
        "Longer messages are counted and quarantined, not decoded."),
      ackHold: section.value(
        "ackHold", .duration(.milliseconds(1)...(.seconds(1))), default: .milliseconds(100), shown: "100ms",
        "How long reading goes on while acknowledgements wait for the disk."),
      claims: section.value(
        "claims", .flag, default: true, shown: "true",
        "The hub says at the broker, below `knutepunkt/v1/hub/`, which hub it is, signed with a key of its journal: a hub that was restored "
          + "elsewhere then makes this one stand down. `false` where the broker forbids these topics; nothing but you then prevents two of "
          + "one identity."))
    if !section.has("tls"), !LoopbackHost.contains(host) {
      section.report("host", "would be reached without encryption; allowed: `tls: {…}` beside it, or a broker on this machine (localhost)")
    }
    return Located(value: settings, mark: section.place("name"))
  }

  private static func readTLS(_ section: ConfigurationSection) -> MQTTLinkSettings.TLS? {
    let tls = MQTTLinkSettings.TLS(
      caFile: section.optional(
        "ca", .readableFile("PEM certificates of the authorities"), shown: "the system's authorities",
        "Authorities that the broker's certificate must come from."),
      certificateFile: section.optional(
        "certificate", .readableFile("a PEM certificate"), "The hub's own certificate, for brokers that ask for one."),
      keyFile: section.optional("key", .readableFile("a PEM private key", isSecret: true), "Its private key, without a passphrase."))
    if section.has("certificate") != section.has("key") {
      let lonely = section.has("key") ? "key" : "certificate"
      section.report(lonely, "stands alone; allowed: `certificate` and `key` together, or neither")
    }
    return section.isPresent ? tls : nil
  }

  /// A section that is there, even an empty one (`bluetooth: {}`), switches the link on.
  static func readBluetooth(_ section: ConfigurationSection) -> BluetoothSettings? {
    let adapter = section.optional(
      "adapter", .bluetoothAdapter, shown: "the first",
      "The Bluetooth adapter, by name or by address. `links.bluetooth: {}` takes the first that is there.")
    let connectionsMax = section.value(
      "connectionsMax", .integer(1...32), default: 5, shown: "5",
      "Connections at the same time. Most adapters bear 5 to 7, and drop one silently beyond that.")
    let (scanOn, scanOff) = section.section("scan") { scan in
      (
        scan.value(
          "on", .duration(.seconds(1)...(.seconds(300))), default: .seconds(10), shown: "10s",
          "How long the hub listens for devices that are not connected, before it pauses."),
        scan.value(
          "off", .duration(.zero...(.seconds(300))), default: .seconds(5), shown: "5s",
          "The pause. There is none while a device that only advertises is registered, or somebody pairs one.")
      )
    }
    let settings = BluetoothSettings(
      adapter: adapter, connectionsMax: connectionsMax, scanOn: scanOn, scanOff: scanOff,
      scanWatchdog: section.value(
        "scanWatchdog", .duration(.seconds(1)...(.seconds(3_600))), default: .seconds(90), shown: "90s",
        "Listening that hears nothing from anybody for so long is started anew; the second time the adapter is switched off and on."),
      connectTimeout: section.value(
        "connectTimeout", .duration(.seconds(1)...(.seconds(60))), default: .seconds(20), shown: "20s", "For one connection attempt."),
      retryBackoffMax: section.value(
        "retryBackoffMax", .duration(.seconds(1)...(.seconds(3_600))), default: .seconds(60), shown: "60s",
        "The longest pause between attempts to connect to a device that is heard."))
    return section.isPresent || section.reader.isDescribing ? settings : nil
  }

  /// `fileKey: PATH` or `credential: NAME`, not both.
  private static func readSecret(_ section: ConfigurationSection, _ fileKey: String, _ meaning: String) -> SecretSource? {
    let file = section.optional(fileKey, .readableFile("the secret", isSecret: true), meaning)
    let credential = section.optional(
      "credential", .name, "Instead of the file: the name of a systemd credential in `$CREDENTIALS_DIRECTORY`.")
    if section.has(fileKey), section.has("credential") {
      section.report("credential", "stands beside `\(fileKey)`; allowed: one of the two")
    }
    return file.map { .file($0) } ?? credential.map { .credential($0) }
  }

  private enum DestinationKind: String, CaseIterable {
    case fhir, webhook
  }

  static func readDestination(_ section: ConfigurationSection) -> Located<DestinationSettings> {
    let name = section.required("name", .name, placeholder: "", "The destination's name, for `sharing`, `escalation` and `outbox`.")
    let isKindKnown = section.has("kind")
    let kind = section.required(
      "kind", .choice, placeholder: DestinationKind.fhir, "`fhir`: an HL7 FHIR R4 server. `webhook`: signed HTTP POSTs.")
    let url = section.required("url", .webAddress, placeholder: "", "Its address: for `fhir` the base URL, for `webhook` where to POST.")
    let ca = section.optional(
      "ca", .readableFile("PEM certificates of the authorities"), shown: "the system's authorities",
      "Authorities that its certificate must come from.")
    let timeout = section.value(
      "timeout", .duration(.milliseconds(100)...(.seconds(120))), default: .seconds(10), shown: "10s",
      "For one attempt. After it the outcome is unknown, and the same is sent again.")
    var settings = DestinationSettings.Kind.fhir(token: nil, batchMax: 50)
    if kind == .fhir {
      settings = .fhir(
        token: readSecret(section, "tokenFile", "`fhir`: file with the bearer token."),
        batchMax: section.value("batchMax", .integer(1...500), default: 50, shown: "50", "`fhir`: records in one transaction bundle."))
    }
    if kind == .webhook || section.reader.isDescribing {
      let secret = readSecret(section, "secretFile", "`webhook`, required: file with the signing secret.")
      if secret == nil, isKindKnown, !section.has("secretFile"), !section.has("credential"), !section.has("secret") {
        section.reader.report(
          "`\(section.path)` lacks `secretFile`; allowed: a path to a file with the signing secret, or `credential: NAME`", at: section.mark
        )
      }
      let previous = section.optional(
        "previousSecretFile", .path("the secret before"),
        "`webhook`: file with the secret before, while it is being changed: requests carry a signature of each. A file that is gone "
          + "means that the change is over."
      ).map { SecretSource.file($0) }
      if kind == .webhook { settings = .webhook(secret: secret ?? .file(""), previous: previous) }
    }
    return Located(
      value: DestinationSettings(name: name, kind: settings, url: url, caFile: ca, timeout: timeout), mark: section.place("name"))
  }

  static func readSharing(_ section: ConfigurationSection) -> Located<SharingAgreement> {
    let agreement = SharingAgreement(
      destination: section.required("destination", .name, placeholder: "", "Name of the destination that may have it."),
      controller: section.required(
        "controller", .organisation, placeholder: "", "Organisation number of the data controller whose records may go."),
      share: Set(
        section.list(
          "share", .choice, count: 1...5, default: nil, shown: "required",
          "What may go: `observations`, `scores`, `alerts`, `doses`, `locations` (where somebody is, in alerts about it)."
        ).map(\.value)),
      patients: readPatients(section),
      person: Set(
        section.list(
          "person", .choice, count: 0...SharedPart.allCases.count, default: SharedPart.allCases.filter(SharedPart.identity.contains),
          shown: "[name, nationalID]",
          "What of the person may go with it, part by part: `name`, `nationalID`, `birthDate`, `address` (with how to get in), `phones`, "
            + "`nextOfKin`, `generalPractitioner`, `service` (team, unit, area), `language`, `critical`, `actionPlan`, `access` (door code "
            + "and key box, with an open alert only). Signed by the data controller's privacy officer."
        ).map(\.value)),
      basis: section.required(
        "basis", .text("the agreement's number or words"), placeholder: "", "The agreement that allows it; written to the access log."))
    return Located(value: agreement, mark: section.place("destination"))
  }

  private static func readPatients(_ section: ConfigurationSection) -> SharingAgreement.Patients {
    let meaning = "Whose records: `all`, or a list of patients such as `[P1, P2]`."
    guard section.isList("patients") else {
      _ = section.required(
        "patients", .only("all", type: "all or list of patients", allowed: "all, or a list of patients such as [P1, P2]"),
        placeholder: "all", meaning)
      return .all
    }
    return .only(Set(section.list("patients", .patient, count: 1...65_536, default: nil, shown: "required", meaning).map(\.value)))
  }
}
