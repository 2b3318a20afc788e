// swift-tools-version: 6.2
//
// Knutepunkt: an open welfare-technology hub. Read `Sources/` from top to bottom of this list: it is the
// order in which a device's bytes travel. What a target may import is written once, in
// Tests/ArchitectureTests/ImportRules.swift, and held by a test.

import PackageDescription

/// The strictest settings that the toolchain has: a warning is a defect that nobody has met yet.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// `pages`: files in the target's folder that are for people.
func target(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = [], pages: [String] = []
) -> Target {
  .target(name: name, dependencies: dependencies, exclude: pages, resources: resources, swiftSettings: strict)
}

/// `helpers`: files beside the tests that are no Swift (a receiver in Python, a certificate).
func tests(_ name: String, _ dependencies: [Target.Dependency], helpers: [String] = []) -> Target {
  .testTarget(name: name + "Tests", dependencies: dependencies, exclude: helpers, swiftSettings: strict)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
  name: "knutepunkt",
  products: [.executable(name: "knutepunkt", targets: ["knutepunkt"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // System libraries, seen through headers of ours that hold nothing but `static inline` shims.
    .systemLibrary(name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .systemLibrary(name: "CBluetooth", pkgConfig: "bluez", providers: [.apt(["libbluetooth-dev"])]),

    // The flow, in order.
    target("VitalSigns"),
    target("HubRuntime", ["VitalSigns", "CLinux"]),
    target("DeviceProfile", ["VitalSigns"]),
    target("ProfileCatalogue", ["DeviceProfile", "VitalSigns", yams, crypto]),
    target("BlueZ", ["VitalSigns", "DeviceProfile", "CBluetooth", "CLinux", "CSystemd"]),
    target("BluetoothLink", ["BlueZ", "VitalSigns", "HubRuntime", "DeviceProfile", "CBluetooth", "CLinux", "CSystemd", logging]),
    target("MQTTLink", ["VitalSigns", "HubRuntime", "CMosquitto", logging]),
    target("CoreRings", ["VitalSigns"]),
    target("NEWS2Scoring", ["VitalSigns"]),
    target("RealtimeCore", ["VitalSigns", "CoreRings", "NEWS2Scoring"]),
    target("CoreState", ["VitalSigns", "RealtimeCore"]),
    target("People", ["VitalSigns"]),
    target("JournalValues", ["VitalSigns", "People"]),
    target("JournalFiles", ["VitalSigns", "JournalValues", grdb]),
    target("Journal", ["VitalSigns", "People", "JournalValues", "JournalFiles", grdb, crypto]),
    target("JournalCopies", ["VitalSigns", "People", "JournalValues", "JournalFiles", "Journal", grdb, crypto]),
    target("Forwarding", ["VitalSigns", "People"]),
    target("HTTPDelivery", ["HubRuntime", "Forwarding", httpClient, nioCore, nioHTTP1, nioPosix, nioSSL, nioTLS]),
    target("FHIRForwarder", ["Forwarding", "HTTPDelivery", "People", "VitalSigns", crypto, nioHTTP1]),
    target("WebhookForwarder", ["Forwarding", "HTTPDelivery", "People", "VitalSigns", crypto, nioHTTP1]),
    target("HubClaims", ["VitalSigns", crypto]),
    target("HubConfiguration", ["HubRuntime", "VitalSigns", "People", "DeviceProfile", "ProfileCatalogue", yams]),
    target("AlertTexts", ["HubRuntime", "VitalSigns"], resources: [.copy("Resources")]),
    target("LocalAPI", ["HubRuntime", "VitalSigns", httpClient, nioCore, nioHTTP1, nioPosix, crypto]),
    target("HTTPServing", [hummingbird, hummingbirdCore, httpTypes, lifecycle, logging, nioCore, nioHTTP1, nioPosix]),
    target("Observability", ["CSystemd", logging, metrics]),
    target("HubRegistry", ["JournalValues", "HubRuntime", "HubConfiguration", "AlertTexts", "DeviceProfile", "Journal", "VitalSigns"]),
    target(
      "HubCore",
      [
        "CoreRings", "JournalValues", "HubRuntime", "HubConfiguration", "HubRegistry", "RealtimeCore", "CoreState", "Journal",
        "DeviceProfile",
        "VitalSigns", logging,
      ]),
    target(
      "DeviceIntake",
      [
        "JournalValues",
        "HubRuntime", "HubClaims", "HubConfiguration", "HubRegistry", "HubCore", "DeviceProfile", "ProfileCatalogue", "BluetoothLink",
        "MQTTLink", "Journal",
        "VitalSigns", logging,
      ]),
    target(
      "CoreAPI",
      [
        "HubRuntime", "HubClaims", "HubConfiguration", "AlertTexts", "LocalAPI", "Observability", "HubRegistry", "HubCore", "DeviceIntake",
        "DeviceProfile", "ProfileCatalogue", "BlueZ", "BluetoothLink", "MQTTLink", "CoreRings", "RealtimeCore", "People", "JournalValues",
        "Journal", "Forwarding", "VitalSigns", "CLinux", hummingbird, hummingbirdCore, httpTypes, logging, metrics, nioCore, nioPosix,
        nioHTTP1,
      ]),
    target(
      "Delivery",
      [
        "DeviceProfile", "People", "JournalValues",
        "HubRuntime", "HubConfiguration", "AlertTexts", "LocalAPI", "HubRegistry", "Journal", "Forwarding", "FHIRForwarder",
        "WebhookForwarder",
        "VitalSigns", lifecycle, logging, nioPosix,
      ]),
    target(
      "Console",
      [
        "People", "JournalValues", "HTTPServing",
        "HubRuntime", "HubConfiguration", "AlertTexts", "LocalAPI", "HubRegistry", "Journal", "VitalSigns", hummingbird, hummingbirdCore,
        httpTypes, lifecycle, mustache, crypto, logging, nioCore, nioPosix,
      ],
      resources: [.copy("Resources")]),
    target(
      "Doctor",
      [
        "BlueZ",
        "HubRuntime", "HubConfiguration", "LocalAPI", "BluetoothLink", "MQTTLink", "VitalSigns", "CLinux", "CSystemd", nioCore, nioPosix,
        logging,
      ]),
    target(
      "Gateway",
      [
        "HTTPServing", "HubRuntime", "HubConfiguration", "AlertTexts", "LocalAPI", "Observability", "HubRegistry", "HubCore", "CoreAPI",
        "Delivery", "Console", "ProfileCatalogue", "Journal", "JournalCopies", "VitalSigns", hummingbird, hummingbirdCore, lifecycle,
        unixSignals, logging, metrics, nioCore,
      ]),
    target(
      "Simulation",
      [
        "VitalSigns", "HubRuntime", "DeviceProfile", "ProfileCatalogue", "MQTTLink", "CoreRings", "RealtimeCore", "JournalValues",
        "JournalFiles", "Journal", "JournalCopies",
        "Forwarding", "HubConfiguration", "AlertTexts", "LocalAPI", "HubRegistry", "HubCore", "DeviceIntake", "CoreAPI", "Delivery", grdb,
        logging,
      ],
      pages: ["Found.md"]),
    .executableTarget(
      name: "knutepunkt",
      dependencies: [
        "NEWS2Scoring", "Gateway", "Simulation", "Doctor", "LocalAPI", "HubRegistry", "HubConfiguration", "HubRuntime", "ProfileCatalogue",
        "DeviceProfile", "People", "JournalCopies",
        "RealtimeCore", "VitalSigns",
        argumentParser,
      ],
      resources: [.copy("Resources")], swiftSettings: strict,
      // MQTTLink's own, in the place of the C library's: libmosquitto finds it only if the linker lists it (MosquittoClient.swift).
      linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic-symbol=__assert_fail"])]),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "CoreRings", "JournalValues",
        "VitalSigns", "HubRuntime", "RealtimeCore", "CoreState", "Journal", "CLinux", "CMosquitto", "HubConfiguration", "LocalAPI", grdb,
        histogram, argumentParser,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "Fuzzing",
      dependencies: [
        "JournalValues", "VitalSigns", "DeviceProfile", "ProfileCatalogue", "BlueZ", "RealtimeCore", "CoreState", "Journal",
        "HubConfiguration", "LocalAPI", argumentParser,
      ],
      swiftSettings: strict),

    tests("VitalSigns", ["VitalSigns"]),
    tests("HubClaims", ["HubClaims", "VitalSigns"]),
    tests("DeviceProfile", ["DeviceProfile", "VitalSigns"]),
    tests("ProfileCatalogue", ["ProfileCatalogue", "DeviceProfile", "VitalSigns", crypto]),
    tests("BluetoothLink", ["BlueZ", "BluetoothLink", "DeviceProfile", "VitalSigns", "CBluetooth", "CSystemd", logging]),
    tests("MQTTLink", ["MQTTLink", "VitalSigns", logging]),
    tests("RealtimeCore", ["CoreRings", "NEWS2Scoring", "RealtimeCore", "CoreState", "VitalSigns"], helpers: ["Fixtures"]),
    tests("People", ["People", "VitalSigns"]),
    tests("Journal", ["People", "JournalValues", "JournalFiles", "Journal", "VitalSigns", grdb, crypto], helpers: ["Released"]),
    tests("JournalCopies", ["JournalCopies", "JournalValues", "Journal", "JournalFiles", "VitalSigns", grdb]),
    tests("Forwarding", ["Forwarding", "VitalSigns"]),
    tests(
      "FHIRForwarder", ["FHIRForwarder", "Forwarding", "People", "VitalSigns"],
      helpers: ["receiver.py", "validate_bundle.py", "receiver-certificate.pem", "receiver-key.pem"]),
    tests("LocalAPI", ["LocalAPI", "VitalSigns"]),
    tests("WebhookForwarder", ["WebhookForwarder", "Forwarding", "People", "HTTPDelivery", "VitalSigns", crypto]),
    tests(
      "Console",
      [
        "Console", "People", "AlertTexts", "LocalAPI", "HubRuntime", "VitalSigns", hummingbird, hummingbirdTesting, httpTypes, nioCore,
        logging, lifecycle,
      ]),
    tests(
      "Gateway",
      [
        "HTTPServing", "BlueZ", "CoreRings", "People", "JournalValues", "Gateway", "HubRuntime", "HubConfiguration", "AlertTexts",
        "LocalAPI",
        "Observability",
        "HubRegistry", "HubCore", "DeviceIntake",
        "CoreAPI", "Delivery", "Console", "Doctor", "Journal", "RealtimeCore", "CoreState", "Forwarding", "VitalSigns", "ProfileCatalogue",
        "DeviceProfile", "BluetoothLink", "MQTTLink", grdb, hummingbird, httpTypes, nioCore, nioPosix, logging,
        metrics, yams,
      ]),
    tests(
      "knutepunkt",
      ["knutepunkt", "Doctor", "People", "LocalAPI", "HubConfiguration", "HubRuntime", "RealtimeCore", "VitalSigns", argumentParser]),
    tests("Simulation", ["Simulation", "VitalSigns", grdb]),
    tests("Architecture", []),
  ]
)
