// The core's whole memory: one block, allocated at start, in sections. A snapshot is a copy of it.
//
// Sections: header, people (hot), signal plans (hot, 8 a person), people's plans (cold), devices, alerts, the hub's own conditions,
// the ids that were closed last, four identity tables, the heap of deadlines. `CoreArena` is how the rules reach them.

import CoreRings
import VitalSigns

/// Where each section begins: bytes from the start of the block.
private struct SectionPlan {
  private(set) var end = 0

  mutating func take<T>(_ type: T.Type, _ count: Int) -> Int {
    defer { end += (count * MemoryLayout<T>.stride + 63) & ~63 }
    return end
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

  /// Allocates and clears the block.
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
    var sections = SectionPlan()
    let headerAt = sections.take(CoreHeader.self, 1)
    let patientsAt = sections.take(PatientState.self, patients)
    let signalsAt = sections.take(SignalPlan.self, patients * PlanSignal.count)
    let plansAt = sections.take(PatientPlan.self, patients)
    let devicesAt = sections.take(DeviceState.self, devices)
    let alertsAt = sections.take(OpenAlert.self, places)
    let conditionsAt = sections.take(HubConditionState.self, HubConditionState.countMax)
    let closedAt = sections.take(UInt64.self, Int(CoreArena.closedIDsCount))
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
    self.configuration = configuration
    header = bound(CoreHeader.self, headerAt, 1)
    patientStates = bound(PatientState.self, patientsAt, patients)
    signalPlans = bound(SignalPlan.self, signalsAt, patients * PlanSignal.count)
    patientPlans = bound(PatientPlan.self, plansAt, patients)
    deviceStates = bound(DeviceState.self, devicesAt, devices)
    alertRecords = bound(OpenAlert.self, alertsAt, places)
    hubConditions = bound(HubConditionState.self, conditionsAt, HubConditionState.countMax)
    closedIDs = bound(UInt64.self, closedAt, Int(CoreArena.closedIDsCount))
    patientIndex = table(patientKeysAt, patientSlotsAt, patientTable)
    deviceIndex = table(deviceKeysAt, deviceSlotsAt, deviceTable)
    alertIndex = table(alertKeysAt, alertSlotsAt, alertTable)
    groupIndex = table(groupKeysAt, groupSlotsAt, alertTable)
    heap = DeadlineHeap(
      entries: bound(DeadlineHeap.Entry.self, deadlinesAt, timers.count),
      positions: bound(UInt32.self, positionsAt, timers.count), count: bound(UInt32.self, deadlineCountAt, 1))
  }
}
