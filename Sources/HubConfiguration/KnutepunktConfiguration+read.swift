// Every key of the configuration, declared once: name, type with its limits, default, meaning. The reference in
// docs/configuration.md is generated from this file. The checks that need more than one key stand in
// KnutepunktConfiguration+crossChecks.swift.

import HubRuntime
import VitalSigns

extension KnutepunktConfiguration {
  /// Reads a whole file. Diagnostics go to the section's reader; after an error the value holds placeholders.
  package init(reading root: ConfigurationSection) {
    hub = root.section("hub", Self.readHub)
    profiles = root.section("profiles", Self.readProfiles)
    realtime = root.section("realtime", Self.readRealtime)
    journal = root.section("journal", Self.readJournal)
    backup = root.section("backup", Self.readBackup)
    let (escalation, receivers) = root.section("escalation", Self.readEscalation)
    self.escalation = escalation
    let hubName = hub.name
    let (links, bluetooth) = root.section("links") { links in
      (
        links.sections("mqtt", countMax: 16) { Self.readMQTTLink($0, hubName: hubName) },
        links.section("bluetooth", Self.readBluetooth)
      )
    }
    mqttLinks = links.map(\.value)
    self.bluetooth = bluetooth
    let destinations = root.sections("destinations", countMax: 64, Self.readDestination)
    self.destinations = destinations.map(\.value)
    let agreements = root.sections("sharing", countMax: 1_000, Self.readSharing)
    sharing = agreements.map(\.value)
    console = root.section("console", Self.readConsole)
    observabilityListen = root.section("observability") {
      $0.value(
        "listen", .listenAddressOrOff, default: ListenAddress(host: "127.0.0.1", port: 9464), shown: "127.0.0.1:9464",
        "Where `/livez`, `/readyz` and `/metrics` are served over HTTP. They hold no personal data.")
    }
    localAPI = root.section("localAPI", Self.readLocalAPI)
    logLevel = root.section("logging") {
      $0.value(
        "level", .choice, default: .info, shown: "info",
        "The least severe log message that is written. Messages hold no personal data at any level.")
    }
    warnings = []
    checkNames(root.reader, links: links, destinations: destinations)
    checkReferences(root.reader, receivers: receivers, agreements: agreements, destinations: destinations)
    checkEverybodyIsCovered(root.reader)
    root.finish()
  }

  private static func readHub(_ section: ConfigurationSection) -> HubSettings {
    let settings = HubSettings(
      name: section.value(
        "name", .name, default: "hub-01", shown: "hub-01", "This hub's name: on screens, in messages, in the MQTT client id."),
      controller: section.required(
        "controller", .organisation, placeholder: "",
        "Organisation number of the data controller, usually the municipality. Every record carries it."),
      timeZone: section.value(
        "timeZone", .timeZone, default: "Europe/Oslo", shown: "Europe/Oslo",
        "Time zone of dose times, night watches and devices without a zone of their own."),
      language: section.value("language", .choice, default: .nb, shown: "nb", "Language of what nurses and installers read."),
      statePath: section.value(
        "state", .path("a folder"), default: "/var/lib/knutepunkt", shown: "/var/lib/knutepunkt",
        "Folder of the journal. On a local disk, never on a network share."),
      runtimePath: section.value(
        "runtime", .path("a folder"), default: "/run/knutepunkt", shown: "/run/knutepunkt",
        "Folder of the local API's socket, `knutepunkt.sock`."))
    // sockaddr_un.sun_path has 108 bytes with the final zero.
    if settings.socketPath.utf8.count > 107 {
      section.report(
        "runtime", "makes the socket's path \(settings.socketPath.utf8.count) bytes long; allowed: at most 107, so a folder of at most 91")
    }
    return settings
  }

  private static func readProfiles(_ section: ConfigurationSection) -> ProfileSettings {
    let folder = "/usr/share/knutepunkt/DeviceProfiles"
    let settings = ProfileSettings(
      folders: section.list(
        "folders", .readableFolder("device profiles"), count: 1...16, default: [folder], shown: "[\(folder)]",
        "Folders with device profiles, searched with their subfolders."
      ).map(\.value),
      trust: section.value(
        "trust", .choice, default: .keys, shown: "keys",
        "`keys`: only profiles with a valid signature. `lab`: every profile, for trials and for writing profiles."),
      keyFiles: section.list(
        "keys", .readableFile("a public key"), count: 0...16, default: [], shown: "[]",
        "Public keys whose signatures are trusted. At least one with `trust: keys`."
      ).map(\.value),
      revoked: section.list(
        "revoked", .text("a profile's id or fingerprint"), count: 0...1_000, default: [], shown: "[]",
        "Profile ids or fingerprints that are refused, whoever signed them."
      ).map(\.value))
    if settings.trust == .keys, settings.keyFiles.isEmpty, !section.has("keys") || section.has("trust") {
      section.report("trust", "is keys, and no key is named; allowed: `keys: [FILE]` beside it, or `trust: lab` for a trial")
    }
    if settings.trust == .lab {
      section.report("trust", "is lab: profiles are taken without a signature; not for people's homes", severity: .warning)
    }
    return settings
  }

  private static func readRealtime(_ section: ConfigurationSection) -> RealtimeSettings {
    RealtimeSettings(
      patientsMax: section.value(
        "patientsMax", .integer(1...65_536), default: 256, shown: "256", "Room for patients. All room is taken at start."),
      devicesMax: section.value("devicesMax", .integer(1...262_144), default: 1_024, shown: "1024", "Room for devices."),
      alertsMax: section.value("alertsMax", .integer(16...262_144), default: 1_024, shown: "1024", "Room for open alerts."),
      scheduler: section.value(
        "scheduler", .choice, default: .fifo, shown: "fifo",
        "`fifo`: the core's thread runs under SCHED_FIFO where the system allows it, else ordinary, and `status` says so."),
      priority: section.value("priority", .integer(1...99), default: 50, shown: "50", "SCHED_FIFO priority."),
      locksMemory: section.value(
        "lockMemory", .flag, default: true, shown: "true", "Keep the process in memory (mlockall) where the system allows it."),
      liveWindow: section.value(
        "liveWindow", .duration(.seconds(10)...(.seconds(86_400))), default: .seconds(900), shown: "15m",
        "Data measured longer ago is recorded and marked late; it raises no live alarm."),
      intakeCapacity: section.value(
        "intakeCapacity", .powerOfTwo(64...1_048_576), default: 4_096, shown: "4096",
        "Entries that may wait for the core. When full, routine data is shed and counted; alarms have reserved room."))
  }

  private static func readJournal(_ section: ConfigurationSection) -> JournalSettings {
    JournalSettings(
      groupWindow: section.value(
        "groupWindow", .duration(.zero...(.seconds(1))), default: .milliseconds(100), shown: "100ms",
        "How long an observation may wait for others of its transaction. Alarms do not wait."),
      groupMax: section.value("groupMax", .integer(1...100_000), default: 1_000, shown: "1000", "Entries in one transaction."),
      snapshotEvery: section.value(
        "snapshotEvery", .integer(100...10_000_000), default: 10_000, shown: "10000",
        "Entries between two snapshots of the core's state; a restart replays at most that many."),
      ballastBytes: section.value(
        "ballast", .size(0...(1 << 30)), default: 4 << 20, shown: "4MiB",
        "Disk space kept back and released for alarms when the disk is full."),
      retention: section.value(
        "retention", .duration(.seconds(86_400)...(.seconds(36_600 * 86_400))), default: .seconds(400 * 86_400), shown: "400d",
        "How long records are kept on this hub."))
  }

  private static func readBackup(_ section: ConfigurationSection) -> BackupSettings? {
    let settings = BackupSettings(
      recipients: section.list(
        "recipients", .agePublicKey, count: 1...8, default: [], shown: "required",
        "Public keys that backups are encrypted to; `knutepunkt backup keygen` or `age-keygen` makes a pair. Without this section the "
          + "timer takes none."
      ).map(\.value),
      folder: section.value(
        "folder", .path("a folder"), default: "/var/backups/knutepunkt", shown: "/var/backups/knutepunkt",
        "Where backups are put, best a disk of another machine. The service's user must be able to write there."),
      keep: section.value("keep", .integer(1...1_000), default: 14, shown: "14", "How many of them are kept; older ones are removed."),
      overdueAfter: section.value(
        "overdueAfter", .duration(.seconds(3_600)...(.seconds(366 * 86_400))), default: .seconds(36 * 3_600), shown: "36h",
        "After so long without a backup `status` and the doctor say so."))
    if section.isPresent, !section.has("recipients") {
      section.report("recipients", "is missing; allowed: 1 to 8 public keys, age1…")
    }
    return section.isPresent || section.reader.isDescribing ? settings : nil
  }

  private static func readEscalation(_ section: ConfigurationSection) -> (EscalationSettings, [Located<Receivers>]) {
    func steps(_ key: String, _ fallback: [Int], shown: String, _ meaning: String) -> [Duration] {
      section.list(
        key, .duration(.seconds(1)...(.seconds(7 * 86_400))), count: 1...3, default: fallback.map { .seconds($0) }, shown: shown, meaning
      ).map(\.value)
    }
    let settings = (
      high: steps(
        "high", [60, 180, 300], shown: "[60s, 180s, 300s]",
        "High priority: time until level 1, then 2, … is told, each from the level before."),
      medium: steps("medium", [300, 900, 1_800], shown: "[5m, 15m, 30m]", "The same for medium priority."),
      low: steps("low", [3_600, 14_400], shown: "[1h, 4h]", "The same for low priority."),
      repeatUntaken: section.section("repeatUntaken") { untaken in
        func again(_ key: String, _ seconds: Int, shown: String, _ meaning: String) -> Duration {
          untaken.value(key, .duration(.seconds(1)...(.seconds(7 * 86_400))), default: .seconds(seconds), shown: shown, meaning)
        }
        return EscalationSettings.RepeatUntaken(
          high: again(
            "high", 300, shown: "5m",
            "High priority: an alert that nobody took is told again, at its last level, each time this has passed."),
          medium: again("medium", 1_800, shown: "30m", "The same for medium priority."),
          low: again("low", 86_400, shown: "24h", "The same for low priority."))
      },
      retrigger: section.value(
        "retriggerAcknowledged", .duration(.seconds(60)...(.seconds(7 * 86_400))), default: .seconds(1_800), shown: "30m",
        "An alert that is acknowledged and not resolved is told anew after this; one that is resolved while it still holds, too."),
      singleThree: section.value(
        "singleThree", .choice, default: EscalationSettings.Priority.medium, shown: "medium",
        "Priority of 3 points in one NEWS2 parameter with a sum below 5. Another than medium is the clinical owner's to sign.")
    )
    let receivers = section.sections("receivers", countMax: 4) { item in
      let level = item.required("level", .integer(0...3), placeholder: 0, "Escalation level; 0 is told at once.")
      let names = item.list(
        "destinations", .name, count: 1...64, default: nil, shown: "required", "Names of the destinations that are told at this level.")
      return Located(value: Receivers(level: level, destinations: names.map(\.value)), mark: item.place("destinations"))
    }
    var levels: Set<Int> = []
    for item in receivers where !levels.insert(item.value.level).inserted {
      section.reader.report(
        "escalation.receivers: level \(item.value.level) stands here twice; allowed: each level once, with all its destinations",
        at: item.mark)
    }
    if !levels.contains(0) {
      section.report("receivers", "has no level 0: alerts are shown on the console only, nobody is told", severity: .warning)
    }
    let ordered = receivers.map(\.value).sorted { $0.level < $1.level }
    return (
      EscalationSettings(
        high: settings.high, medium: settings.medium, low: settings.low, repeatUntaken: settings.repeatUntaken,
        retriggerAcknowledged: settings.retrigger, singleThree: settings.singleThree, receivers: ordered),
      receivers
    )
  }

  private static func readConsole(_ section: ConfigurationSection) -> ConsoleSettings {
    let listen = section.value(
      "listen", .listenAddressOrOff, default: ListenAddress(host: "127.0.0.1", port: 8080), shown: "127.0.0.1:8080",
      "Where the console role listens. It speaks plain HTTP: beyond this machine put a TLS proxy before it.")
    let publicURL = section.optional(
      "publicURL", .webAddress, shown: "http:// and console.listen",
      "What the console's links begin with: the address that nurses' browsers reach.")
    if let listen, !listen.isLoopback, publicURL?.lowercased().hasPrefix("https:") != true {
      section.report(
        "listen",
        "can be reached from other machines, so `publicURL` must name the https address of the TLS proxy before it; or listen on 127.0.0.1")
    }
    let text = publicURL ?? "http://\(listen ?? ListenAddress(host: "127.0.0.1", port: 8080))"
    return ConsoleSettings(
      listen: listen, publicURL: text.hasSuffix("/") ? String(text.dropLast()) : text,
      sessionHours: section.value(
        "sessionHours", .integer(1...24, "hours"), default: 8, shown: "8", "Hours until a signed-in person must sign in again."))
  }

  private static func readLocalAPI(_ section: ConfigurationSection) -> LocalAPISettings {
    LocalAPISettings(
      allowedUsers: section.list(
        "allowedUsers", .name, count: 0...64, default: [], shown: "[]",
        "Users who may speak to the core's socket besides root and the daemon's own user."
      ).map(\.value),
      allowedGroups: section.list("allowedGroups", .name, count: 0...64, default: [], shown: "[]", "Groups whose members may.").map(\.value)
    )
  }
}
