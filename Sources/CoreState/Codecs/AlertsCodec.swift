// The alerts that are open, and suspicions. One record for each, in the order of places. Groups are written as what they are made from:
// which alert of the group was opened before this one.
//
// History. 1: versions from 0.4 on.

import RealtimeCore
import VitalSigns

struct AlertsCodec: StateCodec {
  static var name: String { "alerts" }
  static var version: UInt16 { 1 }
  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { maps.alerts.used.count }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    try expect(records, maps.alerts.used.count)
    for slot in maps.alerts(coder.isReading) {
      let record = arena.alert(slot)
      try codeIdentity(record, &coder)
      try codeLifecycle(record, &coder)
      try codeReasons(record, &coder)
      try codeOwner(record, &coder)
      try coder.slot(&record.pointee.next)
      try coder.timer(arena.timers.alert(slot), arena)
      guard coder.isReading else { continue }
      record.pointee.newer = .none
      guard record.pointee.id != .none, arena.slot(of: record.pointee.id) == .none else { throw .damaged("an alert that is there twice") }
      arena.setSlot(slot, of: record.pointee.id)
    }
  }

  private static func codeIdentity(_ record: UnsafeMutablePointer<OpenAlert>, _ coder: inout RecordCoder) throws(SnapshotError) {
    var (high, low) = (record.pointee.id.high, record.pointee.id.low)
    try coder.number(&high)
    try coder.number(&low)
    record.pointee.id = AlertID(high: high, low: low)
    var (person, device) = (record.pointee.person.rawValue, record.pointee.device.rawValue)
    try coder.number(&person)
    try coder.number(&device)
    record.pointee.person = PatientID(rawValue: person)
    record.pointee.device = DeviceID(rawValue: device)
    try coder.number(&record.pointee.firstCause)
    try coder.instant(&record.pointee.raisedAt)
    try coder.number(&record.pointee.revision)
    try codeRule(&record.pointee.groupRule, &coder)
  }

  /// A rule in memory that is still empty is no rule, so it is not read before it is written.
  private static func codeRule(_ rule: inout AlertRule, _ coder: inout RecordCoder) throws(SnapshotError) {
    if coder.isReading { rule = .sos }
    try coder.raw(&rule)
  }

  private static func codeLifecycle(_ record: UnsafeMutablePointer<OpenAlert>, _ coder: inout RecordCoder) throws(SnapshotError) {
    let now = record.pointee.lifecycle
    var (base, deadline, level, latches) = (now.base, now.deadline, now.level, now.latches)
    var (state, priority) = coder.isReading ? (.raised, .high) : (now.state, now.priority)
    try coder.instant(&base)
    try coder.instant(&deadline)
    try coder.raw(&state)
    try coder.raw(&priority)
    try coder.number(&level)
    try coder.flag(&latches)
    record.pointee.lifecycle = AlertLifecycle(
      base: base, deadline: deadline, state: state, priority: priority, level: level, latches: latches)
  }

  private static func codeReasons(_ record: UnsafeMutablePointer<OpenAlert>, _ coder: inout RecordCoder) throws(SnapshotError) {
    try codeRule(&record.pointee.rule, &coder)
    try coder.number(&record.pointee.value)
    try coder.number(&record.pointee.limit)
    try coder.number(&record.pointee.upper)
    try coder.number(&record.pointee.subject)
    try coder.number(&record.pointee.missing)
    var hasSecond = !coder.isReading && record.pointee.alsoRule != nil
    try coder.flag(&hasSecond)
    var second = hasSecond && !coder.isReading ? record.pointee.alsoRule ?? .sos : .sos
    try coder.raw(&second)
    record.pointee.alsoRule = hasSecond ? second : nil
    try coder.number(&record.pointee.alsoValue)
    try coder.number(&record.pointee.alsoLimit)
    try coder.number(&record.pointee.alsoUpper)
    try coder.number(&record.pointee.alsoSubject)
  }

  /// The owner's kind says what its number is. Nobody's alert needs none.
  private static func codeOwner(_ record: UnsafeMutablePointer<OpenAlert>, _ coder: inout RecordCoder) throws(SnapshotError) {
    let owners: [AlertOwner] = [.none, .patientNEWS2, .patientSignal, .device, .hub]
    try coder.choice(&record.pointee.owner, owners)
    try coder.choice(&record.pointee.alsoOwner, owners)
    try coder.number(&record.pointee.condition)
    let slot = record.pointee.ownerSlot
    switch record.pointee.owner == .none ? record.pointee.alsoOwner : record.pointee.owner {
    case .none: record.pointee.ownerSlot = .none
    case .patientNEWS2, .patientSignal:
      var patient = slot.patient
      try coder.slot(&patient)
      record.pointee.ownerSlot = OwnerSlot(patient)
      try expect(patient != .none)
    case .device:
      var device = slot.device
      try coder.slot(&device)
      record.pointee.ownerSlot = OwnerSlot(device)
      try expect(device != .none && Int(record.pointee.condition) < DeviceCondition.count)
    case .hub:
      var number = slot.place.number
      try coder.number(&number)
      record.pointee.ownerSlot = OwnerSlot(HubPlace(number: number))
      try expect(Int(number) < HubConditionState.countMax)
    }
  }

  private static func expect(_ isSound: Bool) throws(SnapshotError) {
    guard isSound else { throw .damaged("an alert of a condition that there is not") }
  }
}
