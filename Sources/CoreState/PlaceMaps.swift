// Which places of the three arenas are taken, which are free and in which order they are given out next, and what becomes of each when
// the memory that the state is read into has another size.
//
// Timers that are due at one instant fire in the order of places, and a newcomer gets the place that was given up last. So a place is
// kept where it can be. Where the new arena is too small for its number, places close up, and their order stays: those that are
// taken, and of the free ones as many as there is room for, those first that are given out first. Then the core decides as it would
// have decided in the old size, until it is full.

import RealtimeCore

/// The places of one arena, counted from 1.
struct PlaceMap {
  /// Taken, ascending; as they are numbered in the stored state.
  private(set) var used: [UInt32] = []
  /// Given up, the next to be given out first.
  private(set) var free: [UInt32] = []
  /// By stored place − 1: its place now; 0: it is not taken over.
  private var places: [UInt32] = []

  /// Every place up to the highest that was ever taken is taken or free.
  private var highWater: Int { used.count + free.count }

  init() {}

  /// Of an arena: `next` gives the free place after a free place.
  init(_ use: ArenaUse, limit: UInt32, next: (UInt32) -> UInt32) throws(SnapshotError) {
    guard use.highWater <= limit else { throw .damaged("more places than there are") }
    var isFree = [Bool](repeating: false, count: Int(use.highWater))
    var place = use.firstFree
    while place != 0 {
      guard place <= use.highWater, !isFree[Int(place - 1)] else { throw .damaged("free places in a circle") }
      isFree[Int(place - 1)] = true
      free.append(place)
      place = next(place)
    }
    for (index, isFree) in isFree.enumerated() where !isFree { used.append(UInt32(index + 1)) }
    guard used.count == Int(use.count) else { throw .damaged("places that are neither taken nor free") }
  }

  func place(of stored: UInt32) -> UInt32? { places.indices.contains(Int(stored) - 1) ? places[Int(stored) - 1] : nil }

  /// Places in the new arena, in the order of `used`.
  var taken: [UInt32] { used.map { places[Int($0) - 1] } }

  mutating func code(_ coder: inout RecordCoder) throws(SnapshotError) {
    try Self.code(&used, &coder)
    try Self.code(&free, &coder)
    guard coder.isReading else { return }
    places = [UInt32](repeating: 0, count: highWater)
    // Every place exactly once.
    for place in used + free {
      guard place >= 1, place <= highWater, places[Int(place) - 1] == 0 else { throw .damaged("a place that is taken twice") }
      places[Int(place) - 1] = place
    }
    guard zip(used, used.dropFirst()).allSatisfy(<) else { throw .damaged("places out of order") }
  }

  private static func code(_ list: inout [UInt32], _ coder: inout RecordCoder) throws(SnapshotError) {
    var count = UInt32(truncatingIfNeeded: list.count)
    try coder.number(&count)
    if coder.isReading {
      guard Int(count) <= coder.remaining / 4 else { throw .damaged("a section ends within a record") }
      list = [UInt32](repeating: 0, count: Int(count))
    }
    for index in list.indices { try coder.number(&list[index]) }
  }

  /// Gives every place its number in an arena with `room` places, which are enough for those that are taken.
  mutating func settle(room: Int) {
    guard highWater > room else { return }
    free = Array(free.prefix(room - used.count))
    places = [UInt32](repeating: 0, count: places.count)
    for (index, place) in (used + free).sorted().enumerated() { places[Int(place) - 1] = UInt32(index + 1) }
  }

  /// How the arena is used afterwards; `link` notes at a free place which one comes after it.
  func use(_ link: (_ free: UInt32, _ next: UInt32) -> Void) -> ArenaUse {
    var next: UInt32 = 0
    for place in free.reversed() {
      link(places[Int(place) - 1], next)
      next = places[Int(place) - 1]
    }
    return ArenaUse(highWater: UInt32(highWater), firstFree: next, count: UInt32(used.count))
  }
}

/// The places of all arenas: the first section of every state.
struct PlaceMaps {
  var people = PlaceMap()
  var devices = PlaceMap()
  var alerts = PlaceMap()

  init() {}

  init(_ arena: CoreArena) throws(SnapshotError) {
    let (header, timers) = (arena.header.pointee, arena.timers)
    people = try PlaceMap(header.patients, limit: timers.patientsMax) { arena.patient(PatientSlot(number: $0)).pointee.firstDevice.number }
    devices = try PlaceMap(header.devices, limit: timers.devicesMax) { arena.device(DeviceSlot(number: $0)).pointee.next.number }
    alerts = try PlaceMap(header.alerts, limit: timers.alertPlaces) { arena.alert(AlertSlot(number: $0)).pointee.next.number }
  }

  mutating func code(_ coder: inout RecordCoder) throws(SnapshotError) {
    try people.code(&coder)
    try devices.code(&coder)
    try alerts.code(&coder)
  }

  /// Refuses what a core of this configuration has no room for, else gives every place its number there.
  mutating func settle(_ configuration: CoreConfiguration) throws(SnapshotError) {
    let timers = CoreLayout(configuration).timers
    for (size, needed, configured) in [
      (CoreSize.patientsMax, people.used.count, configuration.patientsMax), (.devicesMax, devices.used.count, configuration.devicesMax),
      (.alertsMax, alerts.used.count - Int(timers.alertPlaces - timers.alertsMax), configuration.alertsMax),
    ] where needed > configured {
      throw .doesNotFit(size, needed: needed, configured: configured)
    }
    people.settle(room: configuration.patientsMax)
    devices.settle(room: configuration.devicesMax)
    alerts.settle(room: Int(timers.alertPlaces))
  }

  /// Marks the places as taken and free.
  func apply(to arena: CoreArena) {
    let header = arena.header
    header.pointee.patients = people.use { arena.patient(PatientSlot(number: $0)).pointee.firstDevice = DeviceSlot(number: $1) }
    header.pointee.devices = devices.use { arena.device(DeviceSlot(number: $0)).pointee.next = DeviceSlot(number: $1) }
    header.pointee.alerts = alerts.use { arena.alert(AlertSlot(number: $0)).pointee.next = AlertSlot(number: $1) }
  }
}

extension PlaceMaps {
  /// The people's places in memory, in the order of their records.
  func people(_ isReading: Bool) -> [PatientSlot] { (isReading ? people.taken : people.used).map { PatientSlot(number: $0) } }
  func devices(_ isReading: Bool) -> [DeviceSlot] { (isReading ? devices.taken : devices.used).map { DeviceSlot(number: $0) } }
  func alerts(_ isReading: Bool) -> [AlertSlot] { (isReading ? alerts.taken : alerts.used).map { AlertSlot(number: $0) } }
}
