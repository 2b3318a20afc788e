// Which target may import what: DESIGN.md's table, written once. A target that is not here may not exist, so a new one
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
  "DeviceProfile": ImportRule(own: ["VitalSigns"], platform: .none),
  "ProfileCatalogue": ImportRule(own: ["DeviceProfile", "VitalSigns"], external: ["Yams", "Crypto"]),
  // A session is the profile's own ordered steps: the link carries out what the profile says.
  "BluetoothLink": ImportRule(
    own: ["VitalSigns", "DeviceProfile", "CBluetooth", "CLinux", "CSystemd"], external: ["Logging"]),
  "MQTTLink": ImportRule(own: ["VitalSigns", "CMosquitto", "CLinux"], external: ["Logging"]),
  "RealtimeCore": ImportRule(own: ["VitalSigns"], platform: .atomics),
  "Journal": ImportRule(own: ["VitalSigns"], external: ["GRDB", "GRDBSQLite", "Crypto"]),
  "Forwarding": ImportRule(own: ["VitalSigns"], platform: .none),
  // One HTTP exchange for all connectors that speak it; a connector never meets the client itself.
  "HTTPDelivery": ImportRule(own: ["Forwarding"], external: httpStack.union(["NIOHTTPCompression", "NIOTLS"])),
  "FHIRForwarder": ImportRule(own: ["Forwarding", "HTTPDelivery", "VitalSigns"], external: ["Crypto", "NIOHTTP1"]),
  "WebhookForwarder": ImportRule(own: ["Forwarding", "HTTPDelivery", "VitalSigns"], external: ["Crypto", "NIOHTTP1"]),
  "Console": ImportRule(
    own: ["VitalSigns"],
    external: [
      "Hummingbird", "HummingbirdCore", "HTTPTypes", "Mustache", "Crypto", "Logging", "NIOCore", "NIOPosix", "ServiceLifecycle", "Metrics",
      // The parts of a request, in the public face of HummingbirdCore's channel handlers.
      "NIOHTTPTypes",
    ]),
  "Gateway": ImportRule(
    own: [
      "VitalSigns", "DeviceProfile", "ProfileCatalogue", "BluetoothLink", "MQTTLink", "RealtimeCore", "Journal", "Forwarding",
      "FHIRForwarder", "WebhookForwarder", "Console", "CSystemd", "CMosquitto", "CLinux",
    ],
    external: httpStack.union([
      "Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOPosix", "ServiceLifecycle", "UnixSignals", "Logging", "Metrics",
      "CoreMetrics", "Yams",
    ])),
  "knutepunkt": ImportRule(
    own: ["Gateway", "ProfileCatalogue", "DeviceProfile", "RealtimeCore", "VitalSigns"], external: ["ArgumentParser"]),
  // Measures what the others promise; not part of the product.
  "Benchmarks": ImportRule(
    own: ["VitalSigns", "RealtimeCore", "Journal", "CMosquitto", "CLinux", "Gateway"],
    external: ["Histogram", "ArgumentParser", "GRDB"]),
]

/// An HTTP client and what it is made of.
private let httpStack: Set<String> = [
  "AsyncHTTPClient", "Crypto", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOFoundationCompat",
]

/// Targets that hold only a module map and `static inline` shims.
let shimTargets: Set<String> = ["CMosquitto", "CSystemd", "CBluetooth", "CLinux"]
