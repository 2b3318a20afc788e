// The hub's static configuration as one value, made from one YAML file. What changes while the hub runs (patients, devices, plans)
// is in the journal. No secret is in this value, only where each is to be read from.
//
// The key of each property, with type, default and meaning, is declared in KnutepunktConfiguration+read.swift. The reference is
// generated from these declarations.

public import HubRuntime
public import People
public import VitalSigns

/// Everything that `knutepunkt run` must know before it starts.
public struct KnutepunktConfiguration: Sendable {
  /// Where the daemon and the command line look when nobody says otherwise.
  public static let defaultPath = "/etc/knutepunkt/knutepunkt.yaml"
  /// Larger files are refused: 1 MiB is some ten thousand lines.
  public static let fileBytesMax = 1 << 20

  public var hub: HubSettings
  public var profiles: ProfileSettings
  public var realtime: RealtimeSettings
  public var journal: JournalSettings
  /// Backups of the journal; nil: none are taken by the timer.
  public var backup: BackupSettings?
  public var escalation: EscalationSettings
  /// The MQTT links, in the file's order. Names are unique.
  public var mqttLinks: [MQTTLinkSettings]
  /// The Bluetooth link; nil: the hub leaves Bluetooth alone.
  public var bluetooth: BluetoothSettings?
  /// The destinations, in the file's order. Names are unique; the journal knows a destination by `stableNumber(of:)` of its name.
  public var destinations: [DestinationSettings]
  /// What may go where. Every destination named here exists.
  public var sharing: [SharingAgreement]
  public var console: ConsoleSettings
  /// Where `/livez`, `/readyz` and `/metrics` are served besides the local socket; nil: nowhere.
  public var observabilityListen: ListenAddress?
  public var localAPI: LocalAPISettings
  public var logLevel: LogLevel
  /// Findings that do not stop the hub and that somebody should know, in the file's order.
  public var warnings: [ConfigurationDiagnostic]

  /// Who and where this hub is.
  public struct HubSettings: Sendable, Hashable {
    public var name: String
    /// Organisation number of the data controller of records that name no other.
    public var controller: String
    /// The time zone's IANA name.
    public var timeZone: String
    public var language: TextLanguage
    /// Folder of the journal and what else must survive.
    public var statePath: String
    /// Folder of the socket.
    public var runtimePath: String

    /// The local API's socket; at most 107 bytes long, the kernel's limit.
    public var socketPath: String { runtimePath + "/knutepunkt.sock" }
    public var journalPath: String { statePath + "/journal.sqlite" }
  }

  public struct ProfileSettings: Sendable, Hashable {
    public enum Trust: String, Sendable, Hashable, CaseIterable {
      /// Every profile is taken: for trials and for writing profiles.
      case lab
      /// Only profiles signed by one of `keys`.
      case keys
    }
    public var folders: [String]
    public var trust: Trust
    /// Files with public keys. Not empty when `trust` is `keys`.
    public var keyFiles: [String]
    /// Profile ids, or fingerprints of profile files, that are refused whatever signed them.
    public var revoked: [String]
  }

  public struct RealtimeSettings: Sendable, Hashable {
    public enum Scheduler: String, Sendable, Hashable, CaseIterable {
      case fifo
      case ordinary
    }
    public var patientsMax: Int
    public var devicesMax: Int
    public var alertsMax: Int
    public var scheduler: Scheduler
    /// SCHED_FIFO priority 1…99; not used with `ordinary`.
    public var priority: Int
    public var locksMemory: Bool
    /// Older data is recorded and raises no live alarm.
    public var liveWindow: Duration
    /// A power of two.
    public var intakeCapacity: Int
  }

  public struct JournalSettings: Sendable, Hashable {
    /// How long entries may wait for others of their transaction. Alarms do not wait.
    public var groupWindow: Duration
    public var groupMax: Int
    /// Entries between two snapshots of the core's state.
    public var snapshotEvery: Int
    /// Room kept in the state folder for alarms when the disk is full, bytes.
    public var ballastBytes: Int
    public var retention: Duration
  }

  public struct BackupSettings: Sendable, Hashable {
    /// Public keys of age, `age1…`: whoever has one of the secret halves can open a backup.
    public var recipients: [String]
    public var folder: String
    /// How many backups stay in the folder.
    public var keep: Int
    /// After so long without a new one people are told.
    public var overdueAfter: Duration
  }

  public struct EscalationSettings: Sendable, Hashable {
    public enum Priority: String, Sendable, Hashable, CaseIterable {
      case low, medium, high
    }
    public struct RepeatUntaken: Sendable, Hashable {
      public var high: Duration
      public var medium: Duration
      public var low: Duration
    }
    /// Time until the next level is told, counted from the level before; 1 to 3 of each.
    public var high: [Duration]
    public var medium: [Duration]
    public var low: [Duration]
    /// How long after its last level an alert that nobody took is told again, as often as that.
    public var repeatUntaken: RepeatUntaken
    /// How long an acknowledged alert may stay unresolved before it is told anew.
    public var retriggerAcknowledged: Duration
    /// How urgent 3 points in one parameter are, with a sum below 5.
    public var singleThree: Priority
    /// Who is told at which level, by rising level. Each level stands here once.
    public var receivers: [Receivers]
  }

  public struct Receivers: Sendable, Hashable {
    public var level: Int
    /// Names of destinations; they exist.
    public var destinations: [String]
  }

  public struct MQTTLinkSettings: Sendable, Hashable {
    public enum Version: String, Sendable, Hashable, CaseIterable {
      case v5 = "5"
      case v311 = "3.1.1"
    }
    public struct TLS: Sendable, Hashable {
      /// PEM file with the broker's authorities; nil: the system's.
      public var caFile: String?
      /// The hub's own certificate. It and `keyFile` are both there or neither is.
      public var certificateFile: String?
      public var keyFile: String?
    }
    public var name: String
    public var host: String
    public var port: Int
    public var version: Version
    public var clientID: String
    public var username: String?
    public var password: SecretSource?
    /// TLS may be nil only towards a broker on this machine.
    public var tls: TLS?
    public var keepAlive: Duration
    public var sessionExpiry: Duration
    public var receiveMaximum: Int
    public var maximumPayloadBytes: Int
    public var ackHold: Duration
    /// Whether the hub says at this broker who it is.
    public var claims: Bool
  }

  public struct BluetoothSettings: Sendable, Hashable {
    /// `hci0`, or the adapter's address; nil: the first that is there.
    public var adapter: String?
    /// Connections at the same time, those of other programs included.
    public var connectionsMax: Int
    /// While devices are waited for, scanning goes on for `scanOn` and off for `scanOff`.
    public var scanOn: Duration
    public var scanOff: Duration
    /// Scanning that has heard nobody for so long is started anew.
    public var scanWatchdog: Duration
    /// For one connection attempt.
    public var connectTimeout: Duration
    /// The longest pause between attempts to connect to a device that is heard.
    public var retryBackoffMax: Duration
  }

  public struct DestinationSettings: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
      /// HL7 FHIR R4; `token` is a bearer token.
      case fhir(token: SecretSource?, batchMax: Int)
      /// A webhook signed with `secret`, and with `previous` too while the secret is being changed.
      case webhook(secret: SecretSource, previous: SecretSource? = nil)
    }
    public var name: String
    public var kind: Kind
    public var url: String
    /// PEM file with the authorities to trust; nil: the system's.
    public var caFile: String?
    /// For one attempt.
    public var timeout: Duration
  }

  /// One sentence of the form "this controller lets this destination have these things about these people, because …".
  public struct SharingAgreement: Sendable, Hashable {
    public enum Share: String, Sendable, Hashable, CaseIterable {
      case observations, scores, alerts, doses, locations
    }
    public enum Patients: Sendable, Hashable {
      case all
      case only(Set<PatientID>)
    }
    public var destination: String
    /// Organisation number of the data controller whose records may go.
    public var controller: String
    public var share: Set<Share>
    public var patients: Patients
    /// What of the person may go with it.
    public var person: Set<SharedPart>
    /// The agreement's own number or words, for the access log.
    public var basis: String

    /// Whether a record of this kind, of this person of this controller, may go to `destination` by this agreement.
    public func allows(_ kind: Share, of patient: PatientID, controller: String) -> Bool {
      guard share.contains(kind), controller == self.controller else { return false }
      switch patients {
      case .all: return true
      case .only(let named): return named.contains(patient)
      }
    }
  }

  public struct ConsoleSettings: Sendable, Hashable {
    /// The address of the console; nil: there is no console.
    public var listen: ListenAddress?
    /// What links to the console begin with; no slash at the end.
    public var publicURL: String
    public var sessionHours: Int
  }

  public struct LocalAPISettings: Sendable, Hashable {
    /// User names that may speak to the core besides root and the daemon's own user.
    public var allowedUsers: [String]
    public var allowedGroups: [String]
  }

  /// swift-log's levels.
  public enum LogLevel: String, Sendable, Hashable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
  }

  /// Reads and validates the file at `path`.
  ///
  /// With `checkingFiles`, the files and folders that the configuration names are looked at too; secrets are looked at,
  /// never read. Relative paths inside the file start at its folder. All errors are collected. Blocks on the disk.
  public static func load(path: String, checkingFiles: Bool = false) throws(ConfigurationError) -> KnutepunktConfiguration {
    let bytes: [UInt8]
    do {
      bytes = try BoundedFile.read(path, bytesMax: fileBytesMax)
    } catch {
      throw ConfigurationError(diagnostics: [
        .init(severity: .error, file: path, line: 1, column: 1, message: "the file \(error.reason)")
      ])
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(diagnostics: [
        .init(severity: .error, file: path, line: 1, column: 1, message: "the file is no UTF-8 text")
      ])
    }
    return try read(yaml: text, file: path, checkingFiles: checkingFiles)
  }

  /// As ``load(path:checkingFiles:)``, from text. `file` stands in the diagnostics and gives relative paths their folder.
  public static func read(yaml: String, file: String, checkingFiles: Bool = false) throws(ConfigurationError) -> KnutepunktConfiguration {
    let reader = ConfigurationReader(file: file, checksFiles: checkingFiles)
    let configuration = reader.root(yaml).map { KnutepunktConfiguration(reading: $0) }
    let errors = reader.ordered.filter { $0.severity == .error }
    guard errors.isEmpty, var configuration else { throw ConfigurationError(diagnostics: errors) }
    configuration.warnings = reader.ordered
    return configuration
  }
}
