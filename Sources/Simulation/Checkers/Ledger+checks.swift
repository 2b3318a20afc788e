// The checkers that look while the world goes on: every half minute, and whenever a destination got something.

import CoreAPI
import Forwarding
import HubConfiguration
import HubCore
import Journal
import Synchronization
import VitalSigns

extension Ledger {
  /// The look of every half minute.
  ///
  /// - Parameters:
  ///   - upSince: when this run of the hub began.
  ///   - canHear: the link is connected now.
  mutating func check(
    _ hub: SimulatedHub, _ devices: [SimulatedDevice], _ destinations: [SimulatedDestination], upSince: Int64, canHear: Bool, at now: Int64
  ) {
    checkPresses(at: now)
    checkDeliveries(destinations, at: now)
    checkBounds(hub, at: now)
    if now - upSince > Self.silenceGrace { checkSilence(devices, at: now) }
    if canHear { checkRoom(hub, at: now) }
  }

  private mutating func checkPresses(at now: Int64) {
    if let late = presses.first(where: { $0.due < now }) {
      report(.pressIsTold, "message \(late.message) is a press, and nobody has heard of it", at: now)
    }
  }

  /// What destinations got since the last look. Before the ledger forgets what was told before a restore, too: that is not to be taken for what
  /// came after it.
  mutating func checkArrivals(_ destinations: [SimulatedDestination], at now: Int64) {
    for destination in destinations {
      if let clash = destination.clash { report(.deliveryHasOneName, "\(destination.name) got two values as \(clash)", at: now) }
      for (name, item) in destination.takeFirsts() {
        checkName(name, of: item, at: destination, now)
        checkOrder(item, at: destination, now)
      }
    }
  }

  mutating func checkDeliveries(_ destinations: [SimulatedDestination], at now: Int64) {
    checkArrivals(destinations, at: now)
    for destination in destinations where destination.isAlwaysWell {
      for key in owed.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
        if destination.received[key] != nil {
          owed[key] = nil
        } else if let due = owed[key], due < now {
          report(.destinationsAreApart, "\(destination.name) is well and has not got \(key)", at: now)
          return
        }
      }
    }
  }

  /// The same thing under two names is two things to whoever gets it.
  private mutating func checkName(_ name: DeliveryKey, of item: DeliveryItem, at destination: SimulatedDestination, _ now: Int64) {
    let what: String
    switch item.record {
    case .alert(let record):
      let change = record.transition
      if unstored.contains(Change(alert: change.id, revision: change.revision)) { return }
      what = "\(change.id) \(change.kind) \(change.revision) \(change.priority) \(change.level)"
      // What two people did is two things, though an alert without a place counts both as its first change.
      if [.acknowledged, .responding].contains(change.kind) { return }
    case .observation(let record): what = "observation \(record.sequence)"
    case .score, .dose: return
    }
    let place = "\(destination.name) \(what)"
    if let before = names[place], before != name {
      report(.deliveryHasOneName, "\(destination.name) got \(what) as \(before) and as \(name)", at: now)
    }
    names[place] = name
  }

  /// What was told and is not in the journal is decided again by the next run, perhaps at another instant: then it is another change.
  mutating func noteUnstored(beyond stored: [AlertID: UInt16]) {
    for (alert, told) in toldThrough {
      let first = stored[alert].map { $0 &+ 1 } ?? 0
      if first <= told { for revision in first...told { loses(Change(alert: alert, revision: revision)) } }
    }
  }

  private mutating func loses(_ change: Change) {
    unstored.insert(change)
    guard let instant = decidedAt[change] else { return }
    lostDecisions[change, default: []].insert(instant)
    let end = " \(change.alert)"
    for (place, last) in lastChange where last == (instant, change.revision) && place.hasSuffix(end) { lastChange[place] = nil }
  }

  /// Each change of an alert, and each record of a person, comes after those before it.
  private mutating func checkOrder(_ item: DeliveryItem, at destination: SimulatedDestination, _ now: Int64) {
    switch item.record {
    case .alert(let record):
      let place = "\(destination.name) \(record.transition.id)"
      let revision = record.transition.revision
      // What a run told and took with it orders nothing.
      let change = Change(alert: record.transition.id, revision: revision)
      if lostDecisions[change]?.contains(record.instant) ?? false { return }
      if let last = lastChange[place], (record.instant.rawValue, revision) < (last.instant.rawValue, last.revision) {
        report(.orderIsKept, "\(destination.name) got \(item.key) after a later change of the alert", at: now)
      }
      lastChange[place] = (record.instant, revision)
    case .observation(let record):
      let place = "\(destination.name) \(item.person)"
      if let last = lastRecord[place], record.sequence < last, !mayYield(record.sequence, at: destination) {
        report(.orderIsKept, "\(destination.name) got \(item.key) of \(item.person) after entry \(last)", at: now)
      }
      lastRecord[place] = record.sequence
    case .score, .dose: break
    }
  }

  /// Whether a record was under way, as far as anybody knows, when the destination failed.
  private func mayYield(_ sequence: UInt64, at destination: SimulatedDestination) -> Bool {
    guard let failedAt = destination.failedAt else { return false }
    return failedAt >= (cameAt[sequence] ?? cameAt[sequence + 1] ?? 0)
  }

  private mutating func checkSilence(_ devices: [SimulatedDevice], at now: Int64) {
    for device in devices where device.patient != .none {
      guard let since = heard[device.id], now - since > Int64(device.kind.expected) * World.second + Self.silenceGrace else { continue }
      if !lost.contains(device.id) {
        report(.silenceIsTold, "\(device.id) (\(device.kind)) has been silent for \((now - since) / World.second) s", at: now)
        return
      }
    }
  }

  /// A commit cuts the log by itself at four times `JournalConfiguration.checkpointPages`, whose frames have 4 120 bytes; and a large group more.
  private static let logBytesMax = (4 * 2_000 + 500) * 4_120

  private mutating func checkBounds(_ hub: SimulatedHub, at now: Int64) {
    let open = hub.parts.pipeline.core.vitals.openAlerts.load(ordering: .relaxed)
    let sizes = hub.parts.configuration.realtime
    // Each person's first alert and the hub's own find room beside the others (TimerLayout.alertPlaces).
    if !wasResized, open > sizes.alertsMax + sizes.patientsMax + 64 { report(.boundsHold, "\(open) open alerts", at: now) }
    let log = hub.parts.pipeline.writer.logBytes.load(ordering: .relaxed)
    if log > Self.logBytesMax { report(.boundsHold, "the journal's log has \(log) bytes", at: now) }
    if hub.parts.intake.depth > hub.parts.intake.capacity { report(.boundsHold, "\(hub.parts.intake.depth) entries wait", at: now) }
  }

  /// What the journal has open and the core does not follow, it does not follow for long without a word. Only a journal that has what the
  /// core had decided at the look before can be asked: in one whose disk stands still everything is open that somebody has closed since.
  private mutating func checkRoom(_ hub: SimulatedHub, at now: Int64) {
    let isBehind = hub.parts.pipeline.durable.sequence < decidedBefore
    decidedBefore = hub.parts.pipeline.core.vitals.lastSequence.load(ordering: .relaxed)
    guard !isBehind else {
      looksWithoutRoom = 0
      return
    }
    let followed = hub.parts.pipeline.core.vitals.openAlerts.load(ordering: .relaxed)
    guard !roomWasTold, let open = try? hub.parts.reader.openAlertGroups().reduce(0, +), open > followed else {
      looksWithoutRoom = 0
      return
    }
    looksWithoutRoom += 1
    // One look may fall between a decision and its commit.
    if looksWithoutRoom < 3 { return }
    report(.lackOfRoomIsTold, "\(open) alerts are open, \(followed) are followed, and nobody was told of it", at: now)
  }
}
