// Slots, timers and groups: numbers of different kinds that must never be taken for one another, and that stand in snapshots.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct SlotTests {
  /// Timers fire at one instant in the order of their numbers: inputs, schedules, devices, alerts, people, the hub.
  @Test func everyTimerHasOneOwner() {
    let layout = TimerLayout(patientsMax: 3, devicesMax: 5, alertsMax: 16)
    var expected: [(TimerID, String)] = []
    for number in UInt32(1)...3 { expected.append((layout.staleness(PatientSlot(number: number)), "staleness \(number)")) }
    for number in UInt32(1)...3 { expected.append((layout.schedule(PatientSlot(number: number)), "schedule \(number)")) }
    for number in UInt32(1)...5 { expected.append((layout.device(DeviceSlot(number: number)), "device \(number)")) }
    for number in UInt32(1)...layout.alertPlaces { expected.append((layout.alert(AlertSlot(number: number)), "alert \(number)")) }
    for number in UInt32(1)...3 { expected.append((layout.person(PatientSlot(number: number)), "person \(number)")) }
    expected.append((layout.hub, "hub"))
    #expect(expected.map(\.0.number) == Array(0..<UInt32(layout.count)))
    for (timer, name) in expected { #expect(text(of: layout.owner(of: timer)) == name) }
  }

  private func text(of owner: TimerOwner) -> String {
    switch owner {
    case .staleness(let patient): "staleness \(patient.number)"
    case .schedule(let patient): "schedule \(patient.number)"
    case .device(let device): "device \(device.number)"
    case .alert(let alert): "alert \(alert.number)"
    case .person(let patient): "person \(patient.number)"
    case .hub: "hub"
    }
  }

  /// A person's group is the same whichever device it came from; person 7, device 7 and the hub never share one.
  @Test func groupsOfDifferentHoldersDiffer() {
    let (person, device) = (PatientID(rawValue: 7), DeviceID(rawValue: 7))
    let keys = [
      AlertGroup(.fall, person: person, device: .none).key, AlertGroup(.fall, person: .none, device: device).key,
      AlertGroup(.fall, person: .none, device: .none).key, AlertGroup(.sos, person: person, device: .none).key,
      AlertGroup(.fall, person: PatientID(rawValue: 8), device: .none).key,
    ]
    #expect(Set(keys).count == keys.count)
    #expect(AlertGroup(.fall, person: person, device: device).key == keys[0])
  }

  /// What is given back is used next, and a new place is never one that somebody has.
  @Test func placesAreGivenOutOnce() {
    let arena = CoreArena(CoreConfiguration(patientsMax: 3, devicesMax: 2, alertsMax: 16))
    defer { arena.deallocate() }
    #expect((0..<4).map { _ in arena.takePatient().number } == [1, 2, 3, 0])
    arena.releasePatient(PatientSlot(number: 2))
    arena.releasePatient(PatientSlot(number: 1))
    #expect((0..<3).map { _ in arena.takePatient().number } == [1, 2, 0])
    #expect((0..<3).map { _ in arena.takeDevice().number } == [1, 2, 0])
    arena.releaseDevice(DeviceSlot(number: 1))
    #expect(arena.takeDevice() == DeviceSlot(number: 1) && arena.takeDevice() == .none)
    #expect(arena.header.pointee.patients.count == 3 && arena.header.pointee.devices.count == 2)
  }
}
