// Writes and reads the fields of records: each codec names its fields once, and the same lines do both. So what is read is what was
// written, in the same order. Reading looks before it takes: a section that ends early, a number that no case has, or a place that
// does not exist is an error, never a trap.

import RealtimeCore
import VitalSigns

/// A position in the bytes of one section. A value; one thread.
struct RecordCoder {
  /// Of the section that is read or written: what it holds depends on it.
  let version: UInt16
  let isReading: Bool
  /// Writing: what there is so far. Reading: the whole file.
  private(set) var bytes: [UInt8]
  private(set) var position: Int
  private let end: Int
  /// From the places in the file to the places in memory.
  private let maps: PlaceMaps

  init(writing version: UInt16) {
    self.version = version
    isReading = false
    bytes = []
    (position, end) = (0, 0)
    maps = PlaceMaps()
  }

  /// - Parameter content: lies within `bytes`.
  init(reading bytes: [UInt8], _ content: Range<Int>, version: UInt16, _ maps: PlaceMaps = PlaceMaps()) {
    self.version = version
    isReading = true
    self.bytes = bytes
    position = content.lowerBound
    end = content.upperBound
    self.maps = maps
  }

  var remaining: Int { end - position }

  mutating func skip(to position: Int) { self.position = min(position, end) }

  // MARK: Numbers and choices

  mutating func number<Number: FixedWidthInteger>(_ value: inout Number) throws(SnapshotError) {
    let size = Number.bitWidth / 8
    guard isReading else {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
      return
    }
    guard remaining >= size else { throw .damaged("a section ends within a record") }
    value = bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self)) }
    position += size
  }

  mutating func instant(_ value: inout MonotonicInstant) throws(SnapshotError) {
    var nanoseconds = value.rawValue
    try number(&nanoseconds)
    value = MonotonicInstant(rawValue: nanoseconds)
  }

  mutating func flag(_ value: inout Bool) throws(SnapshotError) { try choice(&value, [false, true]) }

  /// One of a few cases, stored as its place in `cases`: append, never reorder.
  mutating func choice<Value: Equatable>(_ value: inout Value, _ cases: [Value]) throws(SnapshotError) {
    var place = UInt8(truncatingIfNeeded: isReading ? 0 : cases.firstIndex(of: value) ?? 255)
    try number(&place)
    guard Int(place) < cases.count else { throw .damaged("a case that there is not") }
    value = cases[Int(place)]
  }

  /// A case that is stored as its raw value wherever it is stored.
  mutating func raw<Value: RawRepresentable>(_ value: inout Value) throws(SnapshotError) where Value.RawValue: FixedWidthInteger {
    var number = value.rawValue
    try self.number(&number)
    guard let read = Value(rawValue: number) else { throw .damaged("a case that there is not") }
    value = read
  }

  /// How many elements follow. More than there is room for are refused; of fewer the rest stays as it is in empty memory.
  mutating func length(_ room: Int) throws(SnapshotError) -> Int {
    var count = UInt16(truncatingIfNeeded: room)
    try number(&count)
    guard Int(count) <= room else { throw .damaged("a list that is too long") }
    return Int(count)
  }

  mutating func numbers<let room: Int, Number: FixedWidthInteger>(
    _ list: inout InlineArray<room, Number>
  ) throws(SnapshotError) {
    for index in 0..<(try length(room)) { try number(&list[index]) }
  }

  // MARK: Places. 0 is "none" where a kind has it

  /// A place that was given up since, and that nobody has now, is none.
  private mutating func place(_ number: UInt32, _ map: PlaceMap) throws(SnapshotError) -> UInt32 {
    var stored = number
    try self.number(&stored)
    if !isReading || stored == 0 { return stored }
    guard let place = map.place(of: stored) else { throw .damaged("a place that there is not") }
    return place
  }

  mutating func slot(_ value: inout PatientSlot) throws(SnapshotError) {
    value = PatientSlot(number: try place(value.number, maps.people))
  }
  mutating func slot(_ value: inout DeviceSlot) throws(SnapshotError) { value = DeviceSlot(number: try place(value.number, maps.devices)) }
  mutating func slot(_ value: inout AlertSlot) throws(SnapshotError) { value = AlertSlot(number: try place(value.number, maps.alerts)) }

  /// When a timer is armed. It may be earlier than what it is armed for (DeadlineHeap.swift), so it is state of its own.
  mutating func timer(_ timer: TimerID, _ arena: CoreArena) throws(SnapshotError) {
    var deadline = arena.heap.deadline(of: timer)
    try instant(&deadline)
    if isReading { arena.heap.set(timer, deadline) }
  }
}
