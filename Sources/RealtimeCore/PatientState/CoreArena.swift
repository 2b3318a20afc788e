// The core's whole memory: one block, allocated at start, in sections. A snapshot is a copy of it.
//
// Sections: header, people (hot), signal plans (hot, 8 a person), people's plans (cold), devices, alerts, the hub's own conditions,
// ids closed last, four identity tables, the heap of deadlines. Slots count from 1. Nothing in here owns anything: `RealtimeCore` frees the block.

import VitalSigns

/// What stands before the arenas: the clock, the counters, the free lists.
struct CoreHeader {
  /// The latest of all entries' instants and passed deadlines: nothing earlier happens any more.
  var now: MonotonicInstant
  var lastSequence: UInt64
  var anchorInstant: Int64
  var anchorWall: Int64
  var processed: UInt64
  var late: UInt64
  var refused: UInt64
  /// The wall clock at the last change of the offset, milliseconds since 1970.
  var changedWall: Int64
  var utcOffsetSeconds: Int32
  /// The offset before the last change.
  var offsetBeforeSeconds: Int32
  var isAnchored: UInt32
  var patients: ArenaUse
  var devices: ArenaUse
  var alerts: ArenaUse
  /// Alerts that were told without room to follow them, and that nobody has closed yet.
  var untracked: UInt32
  /// Above every counter of people and devices that have left: where a newcomer's counters start, so that a person who
  /// comes back under the same number never gets an old alert's id again.
  var episodesFloor: UInt32
  /// Of the hub's own alerts and of unregistered devices'.
  var episodes: InlineArray<48, UInt32>
  /// Where the next closed id goes in the ring of those.
  var nextClosed: UInt32
  /// Frames of which a part is in.
  var openFrames: UInt32
}

/// A condition of the hub itself: it holds, or its alert is still open.
struct HubConditionState {
  /// When a resolved alert of a condition that still holds is told again; 0: nothing was resolved.
  var speaksAgain: Int64
  var subject: UInt32
  /// Its open alert, or 0.
  var alert: UInt32
  var rule: AlertRule
  var isUsed: Bool
  var holds: Bool
  var unused: InlineArray<5, UInt8>

  /// Places: every link, destination and role that a configuration may name, twice over. What finds none is told all the same.
  static var countMax: Int { @_noLocks get { 256 } }
}

/// Which places of an arena are taken: all up to `highWater` but those in the free list.
struct ArenaUse {
  var highWater: UInt32
  var firstFree: UInt32
  var count: UInt32
}

/// Timers are numbered through: three a person, one a device, one an alert, one of the hub.
struct TimerLayout {
  let patientsMax: UInt32
  let devicesMax: UInt32
  /// Alerts that the configuration gives room for.
  let alertsMax: UInt32
  /// All places: beyond `alertsMax` are those that a flood can never take.
  var alertPlaces: UInt32 { @_noLocks get { alertsMax + patientsMax + 64 } }
  var count: Int { Int(3 * patientsMax + devicesMax + alertPlaces + 1) }

  /// The earliest moment at which an input of the score may go stale.
  @_noLocks func staleness(_ patient: UInt32) -> UInt32 { patient - 1 }
  /// The next dose to judge, or the next night watch.
  @_noLocks func schedule(_ patient: UInt32) -> UInt32 { patientsMax + patient - 1 }
  @_noLocks func silence(_ device: UInt32) -> UInt32 { 2 * patientsMax + device - 1 }
  @_noLocks func alert(_ alert: UInt32) -> UInt32 { 2 * patientsMax + devicesMax + alert - 1 }
  /// What was resolved and still holds, and the end of a frame.
  @_noLocks func again(_ patient: UInt32) -> UInt32 { 2 * patientsMax + devicesMax + alertPlaces + patient - 1 }
  var hub: UInt32 { @_noLocks get { 3 * patientsMax + devicesMax + alertPlaces } }
}

/// Where each section begins, bytes from the start of the block.
private struct Sections {
  private(set) var end = 0

  mutating func take<T>(_ type: T.Type, _ count: Int) -> Int {
    defer { end += (count * MemoryLayout<T>.stride + 63) & ~63 }
    return end
  }
}

/// Pointers into the block. Copyable, owning nothing.
struct CoreArena {
  let block: UnsafeMutableRawPointer
  let byteCount: Int
  let header: UnsafeMutablePointer<CoreHeader>
  private let patientStates: UnsafeMutablePointer<PatientState>
  private let signalPlans: UnsafeMutablePointer<SignalPlan>
  private let patientPlans: UnsafeMutablePointer<PatientPlan>
  private let deviceStates: UnsafeMutablePointer<DeviceState>
  private let alertRecords: UnsafeMutablePointer<AlertRecord>
  let patientIndex: SlotIndex
  let deviceIndex: SlotIndex
  private let hubConditions: UnsafeMutablePointer<HubConditionState>
  /// The lower halves of the ids that were closed last, a ring: who acts on one of them comes too late.
  let closedIDs: UnsafeMutablePointer<UInt64>
  static var closedIDsCount: UInt32 { @_noLocks get { 256 } }
  let alertIndex: SlotIndex
  /// The newest alert of each group: one person's (or device's) alerts of one rule.
  let groupIndex: SlotIndex
  let heap: DeadlineHeap
  let timers: TimerLayout

  /// Allocates and clears the block. The only allocation of the core; the owner frees `block`.
  init(_ configuration: CoreConfiguration) {
    let (patients, devices, alerts) = (configuration.patientsMax, configuration.devicesMax, configuration.alertsMax)
    precondition((1...1_000_000).contains(patients), "patientsMax is 1…1 000 000")
    precondition((1...4_000_000).contains(devices), "devicesMax is 1…4 000 000")
    precondition((16...1_000_000).contains(alerts), "alertsMax is 16…1 000 000")
    let timers = TimerLayout(patientsMax: UInt32(patients), devicesMax: UInt32(devices), alertsMax: UInt32(alerts))
    let places = Int(timers.alertPlaces)
    let (patientTable, deviceTable, alertTable) = (
      SlotIndex.capacity(for: patients), SlotIndex.capacity(for: devices), SlotIndex.capacity(for: places)
    )
    var sections = Sections()
    let headerAt = sections.take(CoreHeader.self, 1)
    let patientsAt = sections.take(PatientState.self, patients)
    let signalsAt = sections.take(SignalPlan.self, patients * PlanSignal.count)
    let plansAt = sections.take(PatientPlan.self, patients)
    let devicesAt = sections.take(DeviceState.self, devices)
    let alertsAt = sections.take(AlertRecord.self, places)
    let conditionsAt = sections.take(HubConditionState.self, HubConditionState.countMax)
    let closedAt = sections.take(UInt64.self, Int(Self.closedIDsCount))
    let patientKeysAt = sections.take(UInt64.self, patientTable)
    let deviceKeysAt = sections.take(UInt64.self, deviceTable)
    let alertKeysAt = sections.take(UInt64.self, alertTable)
    let groupKeysAt = sections.take(UInt64.self, alertTable)
    let patientSlotsAt = sections.take(UInt32.self, patientTable)
    let deviceSlotsAt = sections.take(UInt32.self, deviceTable)
    let alertSlotsAt = sections.take(UInt32.self, alertTable)
    let groupSlotsAt = sections.take(UInt32.self, alertTable)
    let deadlinesAt = sections.take(DeadlineHeap.Entry.self, timers.count)
    let positionsAt = sections.take(UInt32.self, timers.count)
    let deadlineCountAt = sections.take(UInt32.self, 1)

    let block = StartupMemory.allocate(byteCount: sections.end)
    func bound<T>(_ type: T.Type, _ offset: Int, _ count: Int) -> UnsafeMutablePointer<T> {
      (block + offset).bindMemory(to: type, capacity: count)
    }
    func table(_ keys: Int, _ slots: Int, _ capacity: Int) -> SlotIndex {
      SlotIndex(keys: bound(UInt64.self, keys, capacity), slots: bound(UInt32.self, slots, capacity), mask: capacity - 1)
    }
    self.block = block
    self.byteCount = sections.end
    self.timers = timers
    header = bound(CoreHeader.self, headerAt, 1)
    patientStates = bound(PatientState.self, patientsAt, patients)
    signalPlans = bound(SignalPlan.self, signalsAt, patients * PlanSignal.count)
    patientPlans = bound(PatientPlan.self, plansAt, patients)
    deviceStates = bound(DeviceState.self, devicesAt, devices)
    alertRecords = bound(AlertRecord.self, alertsAt, places)
    hubConditions = bound(HubConditionState.self, conditionsAt, HubConditionState.countMax)
    closedIDs = bound(UInt64.self, closedAt, Int(Self.closedIDsCount))
    patientIndex = table(patientKeysAt, patientSlotsAt, patientTable)
    deviceIndex = table(deviceKeysAt, deviceSlotsAt, deviceTable)
    alertIndex = table(alertKeysAt, alertSlotsAt, alertTable)
    groupIndex = table(groupKeysAt, groupSlotsAt, alertTable)
    heap = DeadlineHeap(
      entries: bound(DeadlineHeap.Entry.self, deadlinesAt, timers.count),
      positions: bound(UInt32.self, positionsAt, timers.count), count: bound(UInt32.self, deadlineCountAt, 1))
  }

  @_noLocks func patient(_ slot: UInt32) -> UnsafeMutablePointer<PatientState> { patientStates + Int(slot - 1) }
  @_noLocks func plan(_ slot: UInt32) -> UnsafeMutablePointer<PatientPlan> { patientPlans + Int(slot - 1) }
  @_noLocks func device(_ slot: UInt32) -> UnsafeMutablePointer<DeviceState> { deviceStates + Int(slot - 1) }
  @_noLocks func alert(_ slot: UInt32) -> UnsafeMutablePointer<AlertRecord> { alertRecords + Int(slot - 1) }
  @_noLocks func hubCondition(_ place: UInt32) -> UnsafeMutablePointer<HubConditionState> { hubConditions + Int(place) }
  @_noLocks func signal(_ patient: UInt32, _ signal: PlanSignal) -> UnsafeMutablePointer<SignalPlan> {
    signalPlans + (Int(patient - 1) * PlanSignal.count + Int(signal.rawValue))
  }

  // Places that were given back are used first, newest first, so that the memory in use stays small. Their link stands in
  // a field that a free record does not need otherwise.

  /// A place for a person, or 0 when all are taken.
  @_noLocks func takePatient() -> UInt32 {
    let free = header.pointee.patients.firstFree
    guard free != 0 else { return header.pointee.patients.extended(limit: timers.patientsMax) }
    header.pointee.patients.firstFree = patient(free).pointee.firstDevice
    header.pointee.patients.count += 1
    patient(free).pointee.firstDevice = 0
    return free
  }

  @_noLocks func releasePatient(_ slot: UInt32) {
    clear(patient(slot), 1)
    clear(signal(slot, .oxygenSaturation), PlanSignal.count)
    clear(plan(slot), 1)
    patient(slot).pointee.firstDevice = header.pointee.patients.firstFree
    header.pointee.patients.firstFree = slot
    header.pointee.patients.count -= 1
  }

  /// A place for a device, or 0 when all are taken.
  @_noLocks func takeDevice() -> UInt32 {
    let free = header.pointee.devices.firstFree
    guard free != 0 else { return header.pointee.devices.extended(limit: timers.devicesMax) }
    header.pointee.devices.firstFree = device(free).pointee.next
    header.pointee.devices.count += 1
    device(free).pointee.next = 0
    return free
  }

  @_noLocks func releaseDevice(_ slot: UInt32) {
    clear(device(slot), 1)
    device(slot).pointee.next = header.pointee.devices.firstFree
    header.pointee.devices.firstFree = slot
    header.pointee.devices.count -= 1
  }

  /// A place for an alert, or 0 when all are taken.
  @_noLocks func takeAlert() -> UInt32 {
    let free = header.pointee.alerts.firstFree
    guard free != 0 else { return header.pointee.alerts.extended(limit: timers.alertPlaces) }
    header.pointee.alerts.firstFree = alert(free).pointee.next
    header.pointee.alerts.count += 1
    alert(free).pointee.next = 0
    return free
  }

  @_noLocks func releaseAlert(_ slot: UInt32) {
    clear(alert(slot), 1)
    alert(slot).pointee.next = header.pointee.alerts.firstFree
    header.pointee.alerts.firstFree = slot
    header.pointee.alerts.count -= 1
  }

  @_noLocks private func clear<T>(_ place: UnsafeMutablePointer<T>, _ count: Int) {
    let raw = UnsafeMutableRawPointer(place)
    let byteCount = count * MemoryLayout<T>.stride
    var offset = 0
    while offset < byteCount {
      raw.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
      offset += 1
    }
  }
}

extension ArenaUse {
  /// The first place never used, or 0.
  @_noLocks fileprivate mutating func extended(limit: UInt32) -> UInt32 {
    guard highWater < limit else { return 0 }
    highWater += 1
    count += 1
    return highWater
  }
}
