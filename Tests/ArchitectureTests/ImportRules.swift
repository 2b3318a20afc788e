// Which target may import what: the table of docs/architecture.md in code. A target that is not here may not exist, so a new one
// starts with a line in this file and a reason. System modules of the platform are listed apart, because what makes the
// realtime targets predictable is exactly that they see none of them.

/// What one target may import.
struct ImportRule {
  /// Modules of this package.
  let own: Set<String>
  /// Modules of other packages, and system libraries that we wrap.
  let external: Set<String>
  /// Whether Foundation, Glibc, Dispatch and Synchronization are allowed.
  let platform: Platform

  enum Platform {
    /// The standard library only.
    case none
    /// The standard library and atomics: the realtime path.
    case atomics
    /// Everything that the toolchain ships.
    case all
  }

  init(own: Set<String> = [], external: Set<String> = [], platform: Platform = .all) {
    self.own = own
    self.external = external
    self.platform = platform
  }

  func allows(_ module: String) -> Bool {
    if own.contains(module) || external.contains(module) { return true }
    switch platform {
    case .none: return false
    case .atomics: return module == "Synchronization"
    case .all: return Self.platformModules.contains(module)
    }
  }

  static let platformModules: Set<String> = [
    "Swift", "Foundation", "FoundationEssentials", "Glibc", "Musl", "Dispatch", "Synchronization", "_Concurrency",
  ]
}

/// The table. The order is the flow's: a target imports only what stands above it.
let importRules: KeyValuePairs<String, ImportRule> = [
  "VitalSigns": ImportRule(platform: .none),
  // What any program on Linux needs; it knows nothing of devices, people or alerts.
  "HubRuntime": ImportRule(own: ["VitalSigns", "CLinux"]),
  "DeviceProfile": ImportRule(own: ["VitalSigns"], platform: .none),
  "ProfileCatalogue": ImportRule(own: ["DeviceProfile", "VitalSigns"], external: ["Yams", "Crypto"]),
  // What the kernel and bluetoothd say, and nothing of devices' meaning.
  "BlueZ": ImportRule(own: ["VitalSigns", "DeviceProfile", "CBluetooth", "CLinux", "CSystemd"]),
  // A session is the profile's own ordered steps: the link carries out what the profile says.
  "BluetoothLink": ImportRule(
    own: ["VitalSigns", "HubRuntime", "DeviceProfile", "BlueZ", "CBluetooth", "CLinux", "CSystemd"], external: ["Logging"]),
  "MQTTLink": ImportRule(own: ["VitalSigns", "HubRuntime", "CMosquitto"], external: ["Logging"]),
  // Between threads: fixed memory, atomics, no lock.
  "CoreRings": ImportRule(own: ["VitalSigns"], platform: .atomics),
  // The score alone, as the Royal College of Physicians prints it.
  "NEWS2Scoring": ImportRule(own: ["VitalSigns"], platform: .none),
  "RealtimeCore": ImportRule(own: ["VitalSigns", "CoreRings", "NEWS2Scoring"], platform: .atomics),
  // The core's state as bytes that every later version reads. It sees into the core; nobody but who stores and restores it sees this.
  "CoreState": ImportRule(own: ["VitalSigns", "RealtimeCore"], platform: .none),
  // Who is cared for: what staff must know to help. Values and what may stand in them; no storage, no page.
  "People": ImportRule(own: ["VitalSigns"], platform: .none),
  // What the journal takes and gives, without a database: whoever only reads rows needs no more.
  "JournalValues": ImportRule(own: ["VitalSigns", "People"], platform: .none),
  // The files as files: tables by version and the way from one to the next, statements by column, which file is open,
  // the reserve beside it.
  "JournalFiles": ImportRule(own: ["VitalSigns", "JournalValues"], external: ["GRDB", "GRDBSQLite"]),
  "Journal": ImportRule(own: ["VitalSigns", "People", "JournalValues", "JournalFiles"], external: ["GRDB", "GRDBSQLite", "Crypto"]),
  // Copies of the journal that leave the machine, and come back. It knows files and streams, and nothing of a running hub.
  "JournalCopies": ImportRule(own: ["VitalSigns", "People", "JournalValues", "JournalFiles", "Journal"], external: ["GRDB", "Crypto"]),
  "Forwarding": ImportRule(own: ["VitalSigns", "People"], platform: .none),
  // One HTTP exchange for all connectors that speak it; a connector never meets the client itself.
  "HTTPDelivery": ImportRule(own: ["HubRuntime", "Forwarding"], external: httpStack.union(["NIOHTTPCompression", "NIOTLS"])),
  "FHIRForwarder": ImportRule(own: ["Forwarding", "HTTPDelivery", "People", "VitalSigns"], external: ["Crypto", "NIOHTTP1"]),
  "WebhookForwarder": ImportRule(own: ["Forwarding", "HTTPDelivery", "People", "VitalSigns"], external: ["Crypto", "NIOHTTP1"]),
  // Which hub of one identity is right: rules and signatures, no broker.
  "HubClaims": ImportRule(own: ["VitalSigns"], external: ["Crypto"]),
  // The configuration is checked with the profiles that it names, so it loads them.
  "HubConfiguration": ImportRule(own: ["VitalSigns", "People", "HubRuntime", "DeviceProfile", "ProfileCatalogue"], external: ["Yams"]),
  "AlertTexts": ImportRule(own: ["VitalSigns", "HubRuntime"]),
  // What travels between roles, and the client. No server, no journal.
  "LocalAPI": ImportRule(own: ["VitalSigns", "HubRuntime"], external: httpStack),
  // One HTTP server, for whoever answers requests: the core's local API, its observability, the console.
  "HTTPServing": ImportRule(external: [
    "Hummingbird", "HummingbirdCore", "HTTPTypes", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "ServiceLifecycle",
  ]),
  "Observability": ImportRule(own: ["CSystemd"], external: ["Logging", "Metrics", "CoreMetrics"]),
  "HubRegistry": ImportRule(own: [
    "JournalValues", "VitalSigns", "HubRuntime", "HubConfiguration", "AlertTexts", "DeviceProfile", "Journal",
  ]),
  "HubCore": ImportRule(
    own: [
      "CoreRings", "JournalValues", "VitalSigns", "HubRuntime", "HubConfiguration", "HubRegistry", "DeviceProfile", "RealtimeCore",
      "CoreState", "Journal", "CLinux",
    ],
    external: ["Logging"]),
  "DeviceIntake": ImportRule(
    own: [
      "JournalValues", "VitalSigns", "HubRuntime", "HubClaims", "HubConfiguration", "HubRegistry", "HubCore", "DeviceProfile",
      "ProfileCatalogue", "BluetoothLink",
      "MQTTLink", "Journal", "CLinux",
    ],
    external: ["Logging"]),
  "CoreAPI": ImportRule(
    own: [
      "CoreRings",
      "BlueZ", "People", "JournalValues", "VitalSigns", "HubRuntime", "HubClaims", "HubConfiguration", "AlertTexts", "LocalAPI",
      "Observability",
      "HubRegistry", "HubCore",
      "DeviceIntake", "DeviceProfile", "ProfileCatalogue", "BluetoothLink", "MQTTLink", "RealtimeCore", "Journal", "Forwarding",
      "CLinux",
    ],
    external: ["Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "NIOPosix", "NIOHTTP1", "Logging", "Metrics", "CoreMetrics"]),
  "Delivery": ImportRule(
    own: [
      "People", "JournalValues", "VitalSigns", "HubRuntime", "HubConfiguration", "AlertTexts", "LocalAPI", "HubRegistry", "DeviceProfile",
      "Journal", "Forwarding",
      "FHIRForwarder", "WebhookForwarder",
    ],
    external: ["NIOPosix", "Logging", "ServiceLifecycle"]),
  "Console": ImportRule(
    own: [
      "HTTPServing", "People", "JournalValues", "VitalSigns", "HubRuntime", "HubConfiguration", "AlertTexts", "LocalAPI", "HubRegistry",
      "Journal",
    ],
    external: [
      "Hummingbird", "HummingbirdCore", "HTTPTypes", "Mustache", "Crypto", "Logging", "NIOCore", "NIOPosix", "ServiceLifecycle", "Metrics",
      // The parts of a request, in the public face of HummingbirdCore's channel handlers.
      "NIOHTTPTypes",
    ]),
  "Doctor": ImportRule(
    own: ["BlueZ", "VitalSigns", "HubRuntime", "HubConfiguration", "LocalAPI", "BluetoothLink", "MQTTLink", "CLinux", "CSystemd"],
    external: ["NIOCore", "NIOPosix", "Logging"]),
  "Gateway": ImportRule(
    own: [
      "HTTPServing", "VitalSigns", "HubRuntime", "HubConfiguration", "AlertTexts", "LocalAPI", "Observability", "HubRegistry", "HubCore",
      "CoreAPI",
      "Delivery", "Console", "ProfileCatalogue", "Journal", "JournalCopies",
    ],
    external: [
      "Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "ServiceLifecycle", "UnixSignals", "Logging", "Metrics",
    ]),
  // Runs what the others decide in a world of its own; no role, no socket, no server.
  "Simulation": ImportRule(
    own: [
      "VitalSigns", "HubRuntime", "DeviceProfile", "ProfileCatalogue", "MQTTLink", "CoreRings", "RealtimeCore", "JournalValues",
      "JournalFiles", "Journal", "JournalCopies", "Forwarding", "HubConfiguration", "AlertTexts", "LocalAPI", "HubRegistry", "HubCore",
      "DeviceIntake", "CoreAPI", "Delivery",
    ],
    external: ["GRDB", "GRDBSQLite", "Logging"]),
  // `run` alone needs the gateway; every other command speaks to a core or reads a file.
  "knutepunkt": ImportRule(
    own: [
      "NEWS2Scoring", "Gateway", "Doctor", "LocalAPI", "HubRegistry", "HubConfiguration", "HubRuntime", "ProfileCatalogue", "DeviceProfile",
      "People", "JournalCopies", "RealtimeCore", "Simulation", "VitalSigns",
    ],
    external: ["ArgumentParser"]),
  // Measures what the others promise; not part of the product.
  "Benchmarks": ImportRule(
    own: [
      "CoreRings", "JournalValues", "VitalSigns", "HubRuntime", "RealtimeCore", "CoreState", "Journal", "CMosquitto", "CLinux",
      "HubConfiguration", "LocalAPI",
    ],
    external: ["Histogram", "ArgumentParser", "GRDB"]),
  // Tries any bytes on each way in; not part of the product.
  "Fuzzing": ImportRule(
    own: [
      "JournalValues", "VitalSigns", "DeviceProfile", "ProfileCatalogue", "BlueZ", "RealtimeCore", "CoreState", "Journal",
      "HubConfiguration", "LocalAPI",
    ],
    external: ["ArgumentParser"]),
]

/// An HTTP client and what it is made of.
private let httpStack: Set<String> = [
  "AsyncHTTPClient", "Crypto", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOFoundationCompat",
]

/// Targets that hold only a module map and `static inline` shims.
let shimTargets: Set<String> = ["CMosquitto", "CSystemd", "CBluetooth", "CLinux"]
