// All links over which devices reach the hub, as one part: made from the configuration, started, told of a changed registry, ended.

import BluetoothLink
package import HubClaims
package import HubConfiguration
package import HubCore
package import HubRegistry
package import HubRuntime
import Journal
package import JournalValues
package import Logging
package import ProfileCatalogue
import Synchronization
package import VitalSigns

/// What every link needs of the hub.
package struct LinkServices: Sendable {
  package var registry: Registry
  package var intake: Intake
  package var requests: JournalRequests
  package var durable: DurableSequence
  package var civil: CivilClock
  package var logger: Logger
  /// What was known of devices' clocks before this run.
  package var clocks = DeviceClocks()
  /// What this run says of itself at brokers; nil: nothing.
  package var identity: ClaimIdentity?
  /// The time of the oldest that came late at the end of the run before, having waited in a broker. `.unknown`: nothing did.
  package var waitedSince = WallTime.unknown

  package init(registry: Registry, pipeline: CorePipeline, civil: CivilClock, logger: Logger) {
    self.init(
      registry: registry, intake: pipeline.intake, requests: pipeline.requests, durable: pipeline.durable, civil: civil, logger: logger)
  }

  init(
    registry: Registry, intake: Intake, requests: JournalRequests, durable: DurableSequence, civil: CivilClock, logger: Logger
  ) {
    self.registry = registry
    self.intake = intake
    self.requests = requests
    self.durable = durable
    self.civil = civil
    self.logger = logger
  }
}

/// The links at work. Any thread.
package final class DeviceLinks: Sendable {
  package let mqtt: [RunningLink]
  /// Nil when the configuration has no Bluetooth link.
  package let bluetooth: RunningBluetooth?
  /// Whether another hub has taken this one's place.
  package let otherHubs: OtherHubs
  private let registry: Registry
  private let intake: Intake
  private let civil: CivilClock
  private let epoch: Mutex<EpochWatch>
  private let hasStarted = Atomic(false)

  /// How long letting Bluetooth devices go may take: bluetoothd drops a connection two seconds after it was asked to.
  static let lettingGo = Duration.seconds(4)
  /// How long acknowledgements of what was taken already may wait for the disk when another hub has taken this one's place.
  static let standingDown = Duration.seconds(2)

  /// Makes the links; none connects before `start()`.
  ///
  /// - Parameters:
  ///   - marks: how frames are known that the previous run took in.
  ///   - lastSequence: the newest that the journal holds.
  package init(
    _ configuration: KnutepunktConfiguration, _ services: LinkServices, catalogue: ProfileCatalogue, writer: JournalWriterThread,
    marks: [DeliveryMark], lastSequence: UInt64
  ) throws(StartError) {
    registry = services.registry
    intake = services.intake
    civil = services.civil
    epoch = Mutex(
      EpochWatch(
        links: configuration.mqttLinks.map(\.name), bluetooth: configuration.bluetooth != nil, at: services.intake.clock.now()))
    otherHubs = OtherHubs(services.identity, stateFolder: configuration.hub.statePath, logger: services.logger)
    let replaced = ReplacedBell()
    mqtt = try configuration.mqttLinks.map { settings throws(StartError) in
      try RunningLink(
        settings, configuration.hub, services, marks: marks.filter { $0.link == stableNumber(of: settings.name) },
        lastSequence: lastSequence, standDown: { replaced.ring($0) })
    }
    bluetooth = try configuration.bluetooth.map { settings throws(StartError) in
      try RunningBluetooth(settings, services, catalogue: catalogue, marks: marks, writer: writer)
    }
    for link in mqtt { link.frames.sessionStood = { [weak self, name = link.name] in self?.sessionStood(of: name, $0) } }
    replaced.answer { [weak self] in self?.standDown(by: $0) }
  }

  var wallTime: WallTime { intake.clock.wall() }

  /// Connects, unless another hub has taken this one's place.
  package func start() throws(StartError) {
    if otherHubs.replaced != nil { return }
    hasStarted.store(true, ordering: .relaxed)
    for link in mqtt { try link.start(subscriptions: registry.subscriptions()) }
    bluetooth?.start()
  }

  // MARK: The epoch of ids

  /// Nil: the connection ended.
  private func sessionStood(of link: String, _ hasSession: Bool?) {
    epoch.withLock { epoch in
      if let hasSession { epoch.connected(link, hasSession: hasSession, at: intake.clock.now()) } else { epoch.lost(link) }
    }
    beginEpochIfDue()
  }

  /// Begins the run's epoch of ids when no broker repeats any more what the run before was told. Called at each pulse. Any thread.
  package func beginEpochIfDue() {
    epoch.withLock { epoch in
      guard epoch.passes(at: intake.clock.now()) else { return }
      let chance = UInt32(truncatingIfNeeded: intake.clock.machine.randomNumber())
      let anchor = ClockAnchor(utcOffsetSeconds: civil.utcOffsetSeconds(at: intake.clock.wall()), idEpoch: max(1, chance))
      if intake.submit(.clock(anchor)) == nil { epoch.notBegun() }
    }
  }

  /// Lets all devices and brokers go.
  ///
  /// - Returns: whether Bluetooth devices were let go, which takes its time.
  package func stop(within limit: Duration) async -> Bool {
    guard hasStarted.load(ordering: .relaxed) else { return false }
    for link in mqtt { link.stop(within: limit) }
    bluetooth?.stop(within: Self.lettingGo)
    for link in mqtt { await link.ended() }
    await bluetooth?.ended()
    return bluetooth != nil
  }
}
