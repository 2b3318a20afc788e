// A simulated world: homes with devices, a broker, the hub with its disk, destinations, nurses, and one clock that jumps from event to
// event. One thread, no real clock, no chance but the seed's: the same settings give the same world, event by event, which the trace
// hash says.
//
// What happens to whom stands in files of their own: World+hub.swift (starting, dying, turning), World+homes.swift (devices and people),
// World+faults.swift (what goes wrong, when it is over, and when the checkers look).

import AlertTexts
import CoreAPI
import Foundation
import HubConfiguration
import HubCore
import HubRuntime
import Journal
import Synchronization
import VitalSigns

/// One world. Belongs to the thread that runs it.
final class World {
  static let second: Int64 = 1_000_000_000
  /// 2026-11-02T06:00:00Z.
  static let epoch = WallTime(rawValue: 1_793_599_200_000)
  static let controller = "974760673"
  static let (centre, relatives, recordSystem) = ("centre", "relatives", "records")

  enum Event {
    case device(Int)
    /// A message that took its time.
    case arrives(SimulatedMessage)
    case forwarder(SimulatedForwarder.Planned, run: UInt64)
    case nurse(AlertID, AlertAction)
    case fault(PlannedFault)
    case faultEnds(PlannedFault)
    case connect
    case startHub
    case startForwarder
    case check
    case startHome(Int)
  }

  let settings: SimulationSettings
  /// The world's time: nanoseconds since its beginning.
  var now: Int64 = 0
  /// When faults end, and when the world does.
  let faultsEnd: Int64
  let end: Int64
  let machine: VirtualMachine
  /// When the machine was switched on.
  var bootedAt: Int64 = 0
  /// By how much the hub's wall clock is wrong, milliseconds.
  var wallError: Int64 = 0
  var wallWasSet = false
  /// Time that was not played, because nobody was there.
  var awayMilliseconds: Int64 = 0
  let folder: String
  let disk: FaultDisk
  var configuration: KnutepunktConfiguration
  let texts: AlertSentences
  var agenda = Agenda<Event>()
  var broker = SimulatedBroker()
  var devices: [SimulatedDevice] = []
  let destinations: [SimulatedDestination]
  var hub: SimulatedHub?
  var hubSince: Int64 = 0
  var hubWake: Int64 = 0
  var forwarder: SimulatedForwarder?
  /// Rises with each run of the forward role: what was planned for one before is void.
  var forwarderRun: UInt64 = 0
  var ledger: Ledger
  var trace = SimulationTrace()
  /// Chance by what it is for, so that one more fault of a kind does not change the others.
  var diskChance: SeededRandom
  var nurseChance: SeededRandom
  var messageChance: SeededRandom
  /// Lasting faults, until when.
  var brokerDownUntil: Int64 = 0
  var linkDownUntil: Int64 = 0
  var diskStandsUntil: Int64 = 0
  var nursesSleepUntil: Int64 = 0
  /// The next acknowledgements are lost on their way, and the connection with them.
  var losesAcknowledgements = false
  var nextMessage: UInt64 = 0
  var failedStarts = 0
  /// The hub went on in a journal for the emergency because its disk had neither room nor reserve, which the ledger does not follow.
  var isInEmergency = false
  /// The death that comes is the machine's, and not the process's.
  var isPowerCut = false
  var restoring = Restoring.nothing
  var upgrading = Upgrading.nothing
  var cutOff: CallCutOff?
  var registered = 0
  var alertsMax: Int
  /// What happened, for a report.
  var counts = SimulationCounts()

  init(_ settings: SimulationSettings) throws {
    self.settings = settings
    faultsEnd = settings.milliseconds * 1_000_000
    end = faultsEnd + SimulationSettings.quiet
    var random = SeededRandom(seed: settings.seed)
    machine = VirtualMachine(boottime: Self.second, wall: Self.epoch, seed: random.next())
    folder = try Self.makeFolder()
    disk = FaultDisk(root: folder, volatileRoot: folder + "/run")
    texts = try AlertSentences()
    diskChance = SeededRandom(seed: random.next())
    nurseChance = SeededRandom(seed: random.next())
    messageChance = SeededRandom(seed: random.next())
    // A storm overflows the smallest table that the configuration takes.
    alertsMax = settings.profile == .storm ? 16 : 64
    configuration = try Self.configuration(in: folder, alertsMax: alertsMax, homes: settings.homes)
    destinations = [
      SimulatedDestination(name: Self.centre, isAlwaysWell: true), SimulatedDestination(name: Self.relatives, isAlwaysWell: false),
      SimulatedDestination(name: Self.recordSystem, isAlwaysWell: false),
    ]
    ledger = Ledger(mutant: settings.mutant, ignoring: settings.ignoring)
    disk.skipsFlushes = settings.mutant == .skipsFlush
    FaultVFS.mount(disk)
    plan(seed: random.next())
  }

  deinit {
    FaultVFS.unmount(disk)
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Room for a world of hundreds of homes and of days. Bytes.
  private static let roomWanted: UInt64 = 1 << 30

  private static func makeFolder() throws -> String {
    // In memory where the machine has such a folder with room in it: what is real of the files is only their bytes. Else in `TMPDIR`.
    let memory = "/dev/shm"
    let free = (try? FileManager.default.attributesOfFileSystem(forPath: memory)[.systemFreeSize] as? NSNumber)?.uint64Value ?? 0
    let isInMemory = FileManager.default.isWritableFile(atPath: memory) && free >= roomWanted
    let parent = isInMemory ? memory : NSTemporaryDirectory()
    let path = parent + "/knutepunkt-world-\(UUID().uuidString)"
    for name in ["/state", "/run"] { try FileManager.default.createDirectory(atPath: path + name, withIntermediateDirectories: true) }
    try "a secret of a simulated world".write(toFile: path + "/secret", atomically: true, encoding: .utf8)
    // SQLite speaks of files by their real names.
    return URL(fileURLWithPath: path).resolvingSymlinksInPath().path
  }

  static func configuration(in folder: String, alertsMax: Int, homes: Int) throws -> KnutepunktConfiguration {
    try KnutepunktConfiguration.read(
      yaml: """
        hub: { controller: "\(controller)", timeZone: Europe/Oslo, state: \(folder)/state, runtime: \(folder)/run }
        profiles: { folders: [\(folder)], trust: lab }
        realtime: { patientsMax: \(homes + 8), devicesMax: \(4 * homes + 32), alertsMax: \(alertsMax), scheduler: ordinary, lockMemory: false }
        journal: { snapshotEvery: 100, ballast: 256KiB, retention: 1d }
        links: { mqtt: [{ name: homes, host: 127.0.0.1 }] }
        destinations:
          - { name: \(centre), kind: webhook, url: "https://centre.example.no/", secretFile: \(folder)/secret }
          - { name: \(relatives), kind: webhook, url: "https://relatives.example.no/", secretFile: \(folder)/secret }
          - { name: \(recordSystem), kind: fhir, url: "https://records.example.no/" }
        sharing:
          - { destination: \(centre), controller: "\(controller)", share: [alerts], patients: all, basis: simulated }
          - { destination: \(relatives), controller: "\(controller)", share: [alerts], patients: all, basis: simulated }
          - { destination: \(recordSystem), controller: "\(controller)", share: [observations, scores, alerts], patients: all, basis: simulated }
        escalation:
          receivers:
            - { level: 0, destinations: [\(centre)] }
            - { level: 1, destinations: [\(relatives)] }
        console: { listen: off }
        observability: { listen: off }
        """, file: folder + "/knutepunkt.yaml")
  }

  // MARK: Time

  var trueWall: WallTime { Self.epoch.adding(milliseconds: now / 1_000_000 + awayMilliseconds) }

  func setClocks() {
    machine.boottime.store(now - bootedAt + Self.second, ordering: .relaxed)
    machine.wall.store(trueWall.rawValue + wallError, ordering: .relaxed)
    machine.freeBytes.store(UInt64(disk.freeBytes), ordering: .relaxed)
  }

  /// The machine's own instant now: what the forward role goes by.
  var bootInstant: MonotonicInstant { MonotonicInstant(rawValue: now - bootedAt + Self.second) }

  /// When an instant of the machine comes, on the world's time.
  func worldTime(_ instant: MonotonicInstant) -> Int64 {
    if instant == .never { return .max }
    let (sum, overflow) = instant.rawValue.addingReportingOverflow(bootedAt - Self.second)
    return overflow ? .max : sum
  }

  // MARK: Running

  /// Runs the world to its end, or to the first promise that is broken.
  func run() {
    setClocks()
    startHub()
    startForwarder()
    while now < end, ledger.violation == nil, !isInEmergency {
      // A hub that is not there wants nothing, whatever came meanwhile.
      let hubAt = hub == nil ? Int64.max : hubWake
      let next = min(agenda.first ?? end, hubAt, forwarder.map { worldTime($0.nextWake) } ?? .max, end)
      // Nothing may stand still: what wants another turn at once gets it a microsecond later.
      now = max(next, now + (next <= now && hubAt <= now ? 1_000 : 0))
      setClocks()
      while ledger.violation == nil, !disk.isDead, let event = agenda.take(until: now) { handle(event) }
      forwarder?.turn(at: bootInstant)
      settle()
      if disk.isDead { dies() }
    }
    if ledger.violation == nil, !isInEmergency { finish() }
    hub = nil
    forwarder = nil
  }

  private func handle(_ event: Event) {
    switch event {
    case .device(let index): speak(index)
    case .arrives(let message): publish(message)
    case .forwarder(let planned, let run): if run == forwarderRun { forwarder?.take(planned, at: bootInstant) }
    case .nurse(let alert, let action): act(on: alert, action)
    case .fault(let fault): begin(fault)
    case .faultEnds(let fault): finish(fault)
    case .connect: connect()
    case .startHub: startHub()
    case .startForwarder: startForwarder()
    case .check: check()
    case .startHome(let home): register(home)
    }
  }

  /// Turns the hub until nothing changes any more at this instant.
  private func settle() {
    var rounds = 0
    while let hub, ledger.violation == nil, !disk.isDead {
      let before = hub.activity
      let diskAnswers = now >= diskStandsUntil
      var round = hub.round(&broker, diskAnswers: diskAnswers)
      note(&round, of: hub)
      if disk.isDead { return }
      let reported = forwarder?.report(to: hub) ?? false
      tellForwarder(hub)
      hubWake = worldTime(MonotonicInstant(rawValue: round.again == .never ? .max : round.again.rawValue - hub.parts.clock.offset))
      if !diskAnswers { hubWake = min(hubWake, diskStandsUntil) }
      rounds += 1
      let isQuiet = hub.activity == before && round.told.isEmpty && round.link.taken.isEmpty && round.link.acknowledged.isEmpty && !reported
      if isQuiet || rounds > 200 { return }
    }
  }
}
