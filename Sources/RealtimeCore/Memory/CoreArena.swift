// How the rules reach the core's memory (CoreSections.swift): one pointer, copied freely, owning nothing. A slot that is handed to it
// is one that it gave out; it checks no liveness. `RealtimeCore` owns the memory and frees it.

import CoreRings
package import VitalSigns

/// The memory of one core. Realtime-safe after `init`.
package struct CoreArena {
  private let sections: UnsafeMutablePointer<CoreSections>

  /// Takes all the memory of the core from the heap. Its owner calls `deallocate`.
  package init(_ configuration: CoreConfiguration) {
    sections = StartupMemory.allocate(CoreSections.self, count: 1)
    let block = StartupMemory.allocate(byteCount: CoreLayout(configuration).byteCount)
    sections.initialize(to: CoreSections(configuration, at: block))
  }

  /// Looks at a copy of a block, which stays its owner's: who looks calls `forget`. The copy has `CoreLayout.byteCount` bytes at an
  /// address that eight divides.
  package init(copy block: UnsafeMutableRawPointer, _ configuration: CoreConfiguration) {
    sections = StartupMemory.allocate(CoreSections.self, count: 1)
    sections.initialize(to: CoreSections(configuration, at: block))
  }

  package func deallocate() {
    block.deallocate()
    sections.deallocate()
  }

  /// Ends a look at a copy.
  package func forget() { sections.deallocate() }

  package var block: UnsafeMutableRawPointer { @_noLocks get { sections.pointee.block } }
  package var byteCount: Int { @_noLocks get { sections.pointee.byteCount } }
  package var configuration: CoreConfiguration { @_noLocks get { sections.pointee.configuration } }
  package var header: UnsafeMutablePointer<CoreHeader> { @_noLocks get { sections.pointee.header } }
  package var heap: DeadlineHeap { @_noLocks get { sections.pointee.heap } }
  package var timers: TimerLayout { @_noLocks get { sections.pointee.timers } }
  /// The lower halves of the ids that were closed last, a ring: who acts on one of them comes too late.
  package var closedIDs: UnsafeMutablePointer<UInt64> { @_noLocks get { sections.pointee.closedIDs } }
  package static var closedIDsCount: UInt32 { @_noLocks get { 256 } }

  @_noLocks package func patient(_ slot: PatientSlot) -> UnsafeMutablePointer<PatientState> {
    sections.pointee.patientStates + Int(slot.number - 1)
  }
  @_noLocks package func plan(_ slot: PatientSlot) -> UnsafeMutablePointer<PatientPlan> {
    sections.pointee.patientPlans + Int(slot.number - 1)
  }
  @_noLocks package func device(_ slot: DeviceSlot) -> UnsafeMutablePointer<DeviceState> {
    sections.pointee.deviceStates + Int(slot.number - 1)
  }
  @_noLocks package func alert(_ slot: AlertSlot) -> UnsafeMutablePointer<OpenAlert> {
    sections.pointee.alertRecords + Int(slot.number - 1)
  }
  @_noLocks package func hubCondition(_ place: HubPlace) -> UnsafeMutablePointer<HubConditionState> {
    sections.pointee.hubConditions + Int(place.number)
  }
  @_noLocks package func signal(_ patient: PatientSlot, _ signal: PlanSignal) -> UnsafeMutablePointer<SignalPlan> {
    sections.pointee.signalPlans + (Int(patient.number - 1) * PlanSignal.count + Int(signal.rawValue))
  }

  // MARK: From an identity to its slot

  @_noLocks package func slot(of id: PatientID) -> PatientSlot {
    PatientSlot(number: sections.pointee.patientIndex.find(UInt64(id.rawValue)))
  }
  @_noLocks package func setSlot(_ slot: PatientSlot, of id: PatientID) {
    sections.pointee.patientIndex.insert(UInt64(id.rawValue), slot: slot.number)
  }
  @_noLocks func removeSlot(of id: PatientID) { sections.pointee.patientIndex.remove(UInt64(id.rawValue)) }

  @_noLocks package func slot(of id: DeviceID) -> DeviceSlot { DeviceSlot(number: sections.pointee.deviceIndex.find(UInt64(id.rawValue))) }
  @_noLocks package func setSlot(_ slot: DeviceSlot, of id: DeviceID) {
    sections.pointee.deviceIndex.insert(UInt64(id.rawValue), slot: slot.number)
  }
  @_noLocks func removeSlot(of id: DeviceID) { sections.pointee.deviceIndex.remove(UInt64(id.rawValue)) }

  /// By the lower half of the id: who acts on an alert compares the upper one.
  @_noLocks package func slot(of id: AlertID) -> AlertSlot { AlertSlot(number: sections.pointee.alertIndex.find(id.low)) }
  @_noLocks package func setSlot(_ slot: AlertSlot, of id: AlertID) { sections.pointee.alertIndex.insert(id.low, slot: slot.number) }
  @_noLocks func removeSlot(of id: AlertID) { sections.pointee.alertIndex.remove(id.low) }

  /// The newest alert of a group.
  @_noLocks package func newest(in group: AlertGroup) -> AlertSlot { AlertSlot(number: sections.pointee.groupIndex.find(group.key)) }
  @_noLocks package func setNewest(_ slot: AlertSlot, in group: AlertGroup) {
    sections.pointee.groupIndex.set(group.key, slot: slot.number)
  }
  @_noLocks func removeGroup(_ group: AlertGroup) { sections.pointee.groupIndex.remove(group.key) }
}

// MARK: Places

extension CoreArena {
  // Places that were given back are used first, newest first, so that the memory in use stays small. The number of the next free
  // place stands in a field that a free record does not need otherwise (of a person, `firstDevice`).

  /// A place for a person; none when all are taken.
  @_noLocks func takePatient() -> PatientSlot {
    let free = PatientSlot(number: header.pointee.patients.firstFree)
    guard free != .none else { return PatientSlot(number: header.pointee.patients.extended(limit: timers.patientsMax)) }
    header.pointee.patients.firstFree = patient(free).pointee.firstDevice.number
    header.pointee.patients.count += 1
    patient(free).pointee.firstDevice = .none
    return free
  }

  @_noLocks func releasePatient(_ slot: PatientSlot) {
    clear(patient(slot), 1)
    clear(signal(slot, .oxygenSaturation), PlanSignal.count)
    clear(plan(slot), 1)
    patient(slot).pointee.firstDevice = DeviceSlot(number: header.pointee.patients.firstFree)
    header.pointee.patients.firstFree = slot.number
    header.pointee.patients.count -= 1
  }

  /// A place for a device; none when all are taken.
  @_noLocks func takeDevice() -> DeviceSlot {
    let free = DeviceSlot(number: header.pointee.devices.firstFree)
    guard free != .none else { return DeviceSlot(number: header.pointee.devices.extended(limit: timers.devicesMax)) }
    header.pointee.devices.firstFree = device(free).pointee.next.number
    header.pointee.devices.count += 1
    device(free).pointee.next = .none
    return free
  }

  @_noLocks func releaseDevice(_ slot: DeviceSlot) {
    clear(device(slot), 1)
    device(slot).pointee.next = DeviceSlot(number: header.pointee.devices.firstFree)
    header.pointee.devices.firstFree = slot.number
    header.pointee.devices.count -= 1
  }

  /// A place for an alert; none when all are taken.
  @_noLocks func takeAlert() -> AlertSlot {
    let free = AlertSlot(number: header.pointee.alerts.firstFree)
    guard free != .none else { return AlertSlot(number: header.pointee.alerts.extended(limit: timers.alertPlaces)) }
    header.pointee.alerts.firstFree = alert(free).pointee.next.number
    header.pointee.alerts.count += 1
    alert(free).pointee.next = .none
    return free
  }

  @_noLocks func releaseAlert(_ slot: AlertSlot) {
    clear(alert(slot), 1)
    alert(slot).pointee.next = AlertSlot(number: header.pointee.alerts.firstFree)
    header.pointee.alerts.firstFree = slot.number
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
