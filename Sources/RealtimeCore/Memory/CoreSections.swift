// The core's whole memory: one block, allocated at start, in sections. A copy of it is what the core's thread hands out when a snapshot
// is wanted (CoreCopy.swift); the snapshot itself is written from the copy, elsewhere (target CoreState).
//
// Sections: header, people (hot), signal plans (hot, 8 a person), people's plans (cold), devices, alerts, the hub's own conditions,
// the ids that were closed last, four identity tables, the heap of deadlines. `CoreArena` is how the rules reach them.

import CoreRings
import VitalSigns

/// Bytes from the start of the block, counted section by section.
private struct SectionPlan {
  private(set) var end = 0

  mutating func take<T>(_ type: T.Type, _ count: Int) -> Int {
    defer { end += (count * MemoryLayout<T>.stride + 63) & ~63 }
    return end
  }
}

/// A table of identities in the block.
struct TableLayout {
  let capacity: Int
  let keys: Int
  let slots: Int
}

/// Where each section begins, for a configuration's sizes: bytes from the start of the block.
package struct CoreLayout {
  let patients, signals, plans, devices, alerts, conditions, closed: Int
  let patientTable, deviceTable, alertTable, groupTable: TableLayout
  let deadlines, positions, deadlineCount: Int
  package let byteCount: Int
  package let timers: TimerLayout

  /// The first section: the header, filled up to a cache line.
  package static var headerBytes: Int { (MemoryLayout<CoreHeader>.stride + 63) & ~63 }

  package static var patientsRange: ClosedRange<Int> { 1...1_000_000 }
  package static var devicesRange: ClosedRange<Int> { 1...4_000_000 }
  package static var alertsRange: ClosedRange<Int> { 16...1_000_000 }

  /// The sizes are within the ranges above.
  package init(_ configuration: CoreConfiguration) {
    let (people, devices, alerts) = (configuration.patientsMax, configuration.devicesMax, configuration.alertsMax)
    precondition(Self.patientsRange.contains(people), "patientsMax is 1…1 000 000")
    precondition(Self.devicesRange.contains(devices), "devicesMax is 1…4 000 000")
    precondition(Self.alertsRange.contains(alerts), "alertsMax is 16…1 000 000")
    timers = TimerLayout(patientsMax: UInt32(people), devicesMax: UInt32(devices), alertsMax: UInt32(alerts))
    let places = Int(timers.alertPlaces)
    let (patientRoom, deviceRoom, alertRoom) = (
      SlotIndex.capacity(for: people), SlotIndex.capacity(for: devices), SlotIndex.capacity(for: places)
    )
    var plan = SectionPlan()
    _ = plan.take(CoreHeader.self, 1)
    patients = plan.take(PatientState.self, people)
    signals = plan.take(SignalPlan.self, people * PlanSignal.count)
    plans = plan.take(PatientPlan.self, people)
    self.devices = plan.take(DeviceState.self, devices)
    self.alerts = plan.take(OpenAlert.self, places)
    conditions = plan.take(HubConditionState.self, HubConditionState.countMax)
    closed = plan.take(UInt64.self, Int(CoreArena.closedIDsCount))
    let (patientKeys, deviceKeys) = (plan.take(UInt64.self, patientRoom), plan.take(UInt64.self, deviceRoom))
    let (alertKeys, groupKeys) = (plan.take(UInt64.self, alertRoom), plan.take(UInt64.self, alertRoom))
    patientTable = TableLayout(capacity: patientRoom, keys: patientKeys, slots: plan.take(UInt32.self, patientRoom))
    deviceTable = TableLayout(capacity: deviceRoom, keys: deviceKeys, slots: plan.take(UInt32.self, deviceRoom))
    alertTable = TableLayout(capacity: alertRoom, keys: alertKeys, slots: plan.take(UInt32.self, alertRoom))
    groupTable = TableLayout(capacity: alertRoom, keys: groupKeys, slots: plan.take(UInt32.self, alertRoom))
    deadlines = plan.take(DeadlineHeap.Entry.self, timers.count)
    positions = plan.take(UInt32.self, timers.count)
    deadlineCount = plan.take(UInt32.self, 1)
    byteCount = plan.end
  }
}

/// Pointers into the block, and what was configured. Written once, at start.
struct CoreSections {
  let block: UnsafeMutableRawPointer
  let byteCount: Int
  let configuration: CoreConfiguration
  let timers: TimerLayout
  let header: UnsafeMutablePointer<CoreHeader>
  let patientStates: UnsafeMutablePointer<PatientState>
  let signalPlans: UnsafeMutablePointer<SignalPlan>
  let patientPlans: UnsafeMutablePointer<PatientPlan>
  let deviceStates: UnsafeMutablePointer<DeviceState>
  let alertRecords: UnsafeMutablePointer<OpenAlert>
  let hubConditions: UnsafeMutablePointer<HubConditionState>
  let closedIDs: UnsafeMutablePointer<UInt64>
  let patientIndex: SlotIndex
  let deviceIndex: SlotIndex
  let alertIndex: SlotIndex
  let groupIndex: SlotIndex
  let heap: DeadlineHeap

  /// `block` has `CoreLayout.byteCount` bytes.
  init(_ configuration: CoreConfiguration, at block: UnsafeMutableRawPointer) {
    let layout = CoreLayout(configuration)
    func bound<T>(_ type: T.Type, _ offset: Int, _ count: Int) -> UnsafeMutablePointer<T> {
      (block + offset).bindMemory(to: type, capacity: count)
    }
    func table(_ table: TableLayout) -> SlotIndex {
      SlotIndex(
        keys: bound(UInt64.self, table.keys, table.capacity), slots: bound(UInt32.self, table.slots, table.capacity),
        mask: table.capacity - 1)
    }
    let (patients, devices, timers) = (configuration.patientsMax, configuration.devicesMax, layout.timers)
    self.block = block
    self.byteCount = layout.byteCount
    self.timers = timers
    self.configuration = configuration
    header = bound(CoreHeader.self, 0, 1)
    patientStates = bound(PatientState.self, layout.patients, patients)
    signalPlans = bound(SignalPlan.self, layout.signals, patients * PlanSignal.count)
    patientPlans = bound(PatientPlan.self, layout.plans, patients)
    deviceStates = bound(DeviceState.self, layout.devices, devices)
    alertRecords = bound(OpenAlert.self, layout.alerts, Int(timers.alertPlaces))
    hubConditions = bound(HubConditionState.self, layout.conditions, HubConditionState.countMax)
    closedIDs = bound(UInt64.self, layout.closed, Int(CoreArena.closedIDsCount))
    patientIndex = table(layout.patientTable)
    deviceIndex = table(layout.deviceTable)
    alertIndex = table(layout.alertTable)
    groupIndex = table(layout.groupTable)
    heap = DeadlineHeap(
      entries: bound(DeadlineHeap.Entry.self, layout.deadlines, timers.count),
      positions: bound(UInt32.self, layout.positions, timers.count), count: bound(UInt32.self, layout.deadlineCount, 1))
  }
}
