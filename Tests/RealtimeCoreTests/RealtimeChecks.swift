// Proof that the realtime path allocates nothing, by two means beside the compiler's own `@_noLocks`:
//
// 1. The same files compile as Embedded Swift with `-no-allocations`. Left out are the two ring classes (shells around what is
//    checked: a class is an allocation by itself) and StartupMemory.swift, the one place that takes memory, for which a stand-in
//    traps. VitalSigns' value files compile as Embedded too, without the flag, because `CaseIterable` makes arrays.
// 2. An optimized program with a counting `malloc` of its own takes a million entries and counts none.
//
// Each has a control that must fail, because a check that cannot fail proves nothing. Needs swiftc and clang of the toolchain.

import Foundation
import Testing

/// A scratch folder and the toolchain.
private struct Workshop {
  let folder: URL
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Sources").resolvingSymlinksInPath()

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("realtime-checks-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// The Swift files of a target, sorted, but for those whose names end in one of `excluded`.
  func files(_ target: String, excluding excluded: [String] = []) throws -> [String] {
    let root = Self.sources.appendingPathComponent(target).resolvingSymlinksInPath()
    let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    let swift = all.filter { $0.pathExtension == "swift" }.map(\.path)
    let kept = swift.filter { path in !excluded.contains { path.hasSuffix($0) } }.sorted()
    try #require(
      kept.count > (target == "CoreRings" || target == "NEWS2Scoring" ? 0 : 5), "the sources of \(target) are where this test expects them")
    return kept
  }

  func write(_ text: String, to name: String) throws -> String {
    let url = folder.appendingPathComponent(name)
    try text.write(to: url, atomically: true, encoding: .utf8)
    return url.path
  }

  /// Runs a program in the folder; gives its exit status and what it printed.
  func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let log = folder.appendingPathComponent("output.txt")
    try Data().write(to: log)
    let handle = try FileHandle(forWritingTo: log)
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    try handle.close()
    return (process.terminationStatus, try String(contentsOf: log, encoding: .utf8))
  }

  func swiftc(_ arguments: [String]) throws -> (status: Int32, output: String) {
    // As Package.swift has it; without it `package import` in one file would make the others' imports ambiguous.
    let imports = ["-enable-upcoming-feature", "InternalImportsByDefault"]
    return try run(["swiftc", "-swift-version", "6", "-package-name", "knutepunkt", "-wmo", "-O", "-I", "."] + imports + arguments)
  }
}

private let textFiles = ["Text.swift", "/Names.swift", "/CodeSystem.swift", "/EnteredValue.swift", "/Hexadecimal.swift"]
private let embedded = ["-parse-as-library", "-enable-experimental-feature", "Embedded"]

@Suite(.serialized) struct RealtimeChecks {
  @Test func theCoreCompilesAsEmbeddedSwiftWithoutAllocations() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let values = try workshop.swiftc(
      embedded + ["-module-name", "VitalSigns", "-emit-module", "-emit-module-path", "VitalSigns.swiftmodule", "-c", "-o", "values.o"]
        + workshop.files("VitalSigns", excluding: textFiles))
    #expect(values.status == 0, "\(values.output)")
    let standIn = try workshop.write(
      """
      package enum StartupMemory {
        package static func allocate(byteCount: Int) -> UnsafeMutableRawPointer { fatalError() }
        package static func allocate<T: ~Copyable>(_ type: T.Type, count: Int) -> UnsafeMutablePointer<T> { fatalError() }
      }
      """, to: "StandIn.swift")
    // The memory at start stands in for CoreRings: rings are allocated once, before the first entry.
    for (module, files) in [("CoreRings", [standIn]), ("NEWS2Scoring", try workshop.files("NEWS2Scoring"))] {
      let built = try workshop.swiftc(
        embedded + [
          "-no-allocations", "-module-name", module, "-emit-module", "-emit-module-path", "\(module).swiftmodule", "-c", "-o",
          "\(module).o",
        ] + files)
      #expect(built.status == 0, "\(built.output)")
    }
    let command =
      try embedded + ["-no-allocations", "-module-name", "RealtimeCore", "-c", "-o", "core.o"] + workshop.files("RealtimeCore")
    let core = try workshop.swiftc(command)
    #expect(core.status == 0, "\(core.output)")

    let control = try workshop.write(
      """
      import VitalSigns
      final class Note { var outcome: UInt64 = 0 }
      extension RealtimeCore { public func noted() -> UInt64 { let note = Note(); note.outcome += lastSequence; return note.outcome } }
      """, to: "Control.swift")
    let refused = try workshop.swiftc(command + [control])
    #expect(refused.status != 0 && refused.output.contains("-no-allocations mode"), "the control must be refused")
  }

  @Test func theCompilerRefusesAllocationsAndLocksOnMarkedFunctions() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let bodies = [
      "array growth": "@_noLocks public func hot(_ list: inout [Int]) { list.append(1) }",
      "a lock": "import Synchronization\nlet lock = Mutex(0)\n@_noLocks public func hot() -> Int { lock.withLock { $0 } }",
      "a string": "@_noLocks public func hot(_ n: Int) -> Bool { \"\\(n)\" == \"7\" }",
    ]
    for (name, body) in bodies {
      let file = try workshop.write(body, to: "Control.swift")
      let refused = try workshop.swiftc(["-parse-as-library", "-c", "-o", "control.o", file])
      let isRealtimeError = refused.output.contains("can cause")
      #expect(refused.status != 0 && isRealtimeError, "\(name) must be refused: \(refused.output)")
    }
  }

  @Test func aMillionEntriesAllocateNothing() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let shim = try workshop.write(countingAllocator, to: "allocations.c")
    let main = try workshop.write(driver, to: "main.swift")
    #expect(try workshop.run(["clang", "-O1", "-c", "-o", "allocations.o", shim]).status == 0)
    for target in ["VitalSigns", "CoreRings", "NEWS2Scoring", "RealtimeCore"] {
      let built = try workshop.swiftc(
        [
          "-parse-as-library", "-module-name", target, "-emit-module", "-emit-module-path", "\(target).swiftmodule", "-c", "-o",
          "\(target).o",
        ]
          + workshop.files(target))
      #expect(built.status == 0, "\(built.output)")
    }
    let linked = try workshop.swiftc([
      "-o", "driver", main, "VitalSigns.o", "CoreRings.o", "NEWS2Scoring.o", "RealtimeCore.o", "allocations.o",
    ])
    #expect(linked.status == 0, "\(linked.output)")
    let result = try workshop.run(["./driver"])
    #expect(result.status == 0, "\(result.output)")
    #expect(result.output.contains("allocations 0\n"), "\(result.output)")
    #expect(result.output.contains("control 1\n"), "the counter counts: \(result.output)")
  }
}

/// `malloc` and its kin, counted. glibc keeps its own under these names.
private let countingAllocator = """
  #include <stddef.h>
  #include <errno.h>
  extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
  static long count;
  static void one(void) { __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED); }
  long countedAllocations(void) { return __atomic_load_n(&count, __ATOMIC_RELAXED); }
  void *malloc(size_t n) { one(); return __libc_malloc(n); }
  void *calloc(size_t n, size_t m) { one(); return __libc_calloc(n, m); }
  void *realloc(void *p, size_t n) { one(); return __libc_realloc(p, n); }
  void *memalign(size_t a, size_t n) { one(); return __libc_memalign(a, n); }
  void *aligned_alloc(size_t a, size_t n) { one(); return __libc_memalign(a, n); }
  int posix_memalign(void **p, size_t a, size_t n) { one(); *p = __libc_memalign(a, n); return *p ? 0 : ENOMEM; }
  """

/// A hundred people whose devices send everything that a rule looks at, through the ring, for a million entries; prints
/// the time too, for people (nothing asserts it).
private let driver = """
  import CoreRings
  import RealtimeCore
  import VitalSigns

  @_silgen_name("countedAllocations") func countedAllocations() -> Int

  struct Driver: ~Copyable {
    let people: UInt32 = 100
    let ring = IntakeRing(capacity: 1_024, reserve: 64, firstSequence: 1)
    var core = RealtimeCore(CoreConfiguration(patientsMax: 128, devicesMax: 128, alertsMax: 4_096))
    var buffer = OutcomeBuffer(capacity: 256)
    var popped = IntakeEntry(instant: .zero, wall: .unknown, payload: .clock(ClockAnchor(utcOffsetSeconds: 0)))
    var outcomes = 0
    var instant: Int64 = 0
    var newest = AlertID.none

    mutating func take(_ payload: IntakePayload, _ device: UInt32, _ patient: UInt32) {
      let entry = IntakeEntry(
        instant: MonotonicInstant(rawValue: instant), wall: WallTime(rawValue: 1_772_452_800_000 + instant / 1_000_000),
        device: DeviceID(rawValue: device), patient: PatientID(rawValue: patient), payload: payload)
      guard ring.push(entry) != nil, ring.pop(into: &popped) else { fatalError("ring") }
      while !core.ingest(&popped, into: &buffer) { drain() }
      drain()
    }

    mutating func drain() {
      outcomes += buffer.count
      for index in 0..<buffer.count {
        if case .alert(let transition) = buffer[index].payload, transition.kind == .raised { newest = transition.id }
      }
      buffer.removeAll()
    }

    mutating func moveIn() {
      take(.clock(ClockAnchor(utcOffsetSeconds: 3_600)), 0, 0)
      for person in 1...people {
        take(.registry(.patientAdded), 0, person)
        take(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 600, isContinuous: true))), person, 0)
        take(.registry(.deviceAssigned), person, person)
        take(.registry(.planItem(.limits(.pulse, PlanLimits(yellowHigh: 120, redHigh: 140, delaySeconds: 60)))), 0, person)
        take(.registry(.planItem(.dose(slot: 0, PlannedDose(minuteOfDay: 480, graceSeconds: 600)))), 0, person)
        take(.registry(.planItem(.geofence(Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: 300)))), 0, person)
      }
    }

    mutating func measure(_ code: ObservationCode, _ mantissa: UInt64, _ exponent: Int8, _ unit: UCUMUnit, _ person: UInt32) {
      let value = Quantity(mantissa: Int64(mantissa), exponent: exponent)
      take(.observation(Observation(code: code, value: value, unit: unit)), person, 0)
    }

    mutating func live(_ index: Int, _ roll: UInt64) {
      let person = UInt32(index) % people + 1
      instant += 5_000_000
      switch roll % 64 {
      case 0: take(.event(DeviceEvent(kind: .sos)), person, 0)
      case 1: take(.event(DeviceEvent(kind: .doseTaken)), person, 0)
      case 2:
        let north = 599_000_000 + Int32(roll >> 8 & 0xffff)
        take(.location(LocationFix(latitudeE7: north, longitudeE7: 107_000_000, accuracyMetres: 20)), person, 0)
      case 3...5: take(.command(AlertCommand(alert: newest, action: .resolve, actor: .hub)), 0, 0)
      case 6...20: measure(.bodyTemperature, 360 + (roll >> 8 & 31), -1, .degreeCelsius, person)
      case 21...40: measure(.oxygenSaturation, 88 + (roll >> 8 & 7), 0, .percent, person)
      default: measure(.pulseRateOximeter, 60 + (roll >> 8 & 127), 0, .perMinute, person)
      }
    }

    mutating func run() {
      let snapshot = UnsafeMutableRawBufferPointer.allocate(byteCount: core.copySize, alignment: 64)
      moveIn()
      let count = 1_000_000
      var state: UInt64 = 1
      let clock = ContinuousClock()
      let begin = clock.now
      let before = countedAllocations()
      for index in 0..<count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        live(index, state >> 33)
        if index % 100_000 == 0 { core.copyState(into: snapshot) }
      }
      let after = countedAllocations()
      let spent = clock.now - begin
      let note = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
      note.storeBytes(of: instant, as: Int64.self)
      let control = countedAllocations()
      print("allocations \\(after - before)")
      print("control \\(control - after)")
      print("outcomes \\(outcomes), open alerts \\(core.counters.openAlerts), \\(spent / count) an entry, \\(note.load(as: Int64.self))")
    }
  }

  var driver = Driver()
  driver.run()
  """
