// From a Bluetooth frame to the intake: whose it is, what its profile makes of it, whether it is known already, and one entry for
// each reading. What cannot be used is counted and quarantined with its reason. It never stops the link.
//
// A device that nobody registered may be the one that is being paired: then its readings are shown to the installer and go no
// further. Or it is a stranger's: then nothing at all is kept of it.

package import BluetoothLink
package import DeviceProfile
import Foundation
package import HubCore
package import HubRegistry
package import HubRuntime
import Journal
package import JournalValues
import Logging
import Synchronization
package import VitalSigns

/// The handler of the Bluetooth link. Its methods run on the link's thread, but for those that say otherwise.
///
/// @unchecked Sendable: `result`, `books`, `marksAtStart`, `filters`, `held`, `toldAlive`, `clocks`, `bondIsLost`, `batteries`, `recordedUpTo`, `shedSeen` and
/// `quarantineBudget` are touched by the link's thread alone.
package final class BluetoothFrameIntake: BluetoothHandler, @unchecked Sendable {
  package static let linkName = "bluetooth"
  /// The time between two signs of life that only say that the device is there.
  static let aliveIntervalSeconds: UInt32 = 600
  /// An unchanged battery is told again after this.
  static let batteryIntervalSeconds: UInt32 = 86_400

  /// What the store leaves out because the disk is full: entries so far, and whether it does now.
  package struct Shedding: Sendable {
    var entries: UInt64 = 0
    var isNow = false
  }

  private struct FilterKey: Hashable {
    var device: DeviceID
    var frame: Int
  }

  /// A frame whose first readings are in the intake when it filled up.
  private struct Held {
    var frame: BluetoothFrame
    var readings: [Reading]
    var mark: RecordBook.Mark?
    var way: Arrival
    var taken = 0
    var stamp: Intake.Stamp
  }

  let registry: Registry
  let intake: Intake
  private let requests: JournalRequests
  private let civil: CivilClock
  private let number = stableNumber(of: BluetoothFrameIntake.linkName)
  private let frameCount = Atomic<UInt64>(0)
  private let counters = Mutex<[DeviceID: [String: UInt64]]>([:])
  private let pairing = Mutex(PairingTest())
  /// Books by `markLink`. What is known of a device outlives its registration.
  private var books: [UInt32: RecordBook] = [:]
  private var marksAtStart: [UInt32: [DeliveryMark]]
  private let shedding: @Sendable () -> Shedding
  private var shedSeen: UInt64
  /// Every entry up to this one is in the record, and none of them was left out.
  private var recordedUpTo: UInt64 = 0
  private var filters: [FilterKey: RepeatFilter] = [:]
  private var held: [DeviceID: Held] = [:]
  private var toldAlive: [DeviceID: MonotonicInstant] = [:]
  var clocks = DeviceClocks()
  /// Whether the core knows that the device's bond is lost; nil: nothing was said in this run.
  var bondIsLost: [DeviceID: Bool] = [:]
  /// The devices that must be paired again, and since when. At most one entry a registered device.
  let bondsLost = Mutex<[DeviceID: WallTime]>([:])
  private var calls = CallBook()
  var batteries: [DeviceID: (level: Int, told: MonotonicInstant)] = [:]
  private var result = DecodeResult()
  private var quarantineBudget = QuarantineBudget()

  /// The chosen device of the pairing window, and what it sent.
  private struct PairingTest {
    var profile: DeviceProfile?
    /// The device, when it is registered already and is being paired anew. Its readings are recorded as always, and shown as well.
    var registered: DeviceID?
    var readings: [Reading] = []
    var isLogged = false
  }

  package init(
    registry: Registry, intake: Intake, requests: JournalRequests, civil: CivilClock, marks: [DeliveryMark],
    shedding: @escaping @Sendable () -> Shedding = { Shedding() }
  ) {
    self.shedding = shedding
    shedSeen = shedding().entries
    self.registry = registry
    self.intake = intake
    self.requests = requests
    self.civil = civil
    marksAtStart = Dictionary(grouping: marks, by: \.link)
  }

  /// Frames of the hub's devices. Any thread.
  package var received: UInt64 { frameCount.load(ordering: .relaxed) }

  /// Frames that were not used, by device and reason. Any thread.
  package var refused: [DeviceID: [String: UInt64]] { counters.withLock { $0 } }

  /// An installer chose a device of this profile: its readings are kept for the screen. Any thread.
  package func beginPairingTest(_ profile: DeviceProfile?) { pairing.withLock { $0 = PairingTest(profile: profile) } }

  /// The device that is being paired turned out to be this one of the hub's. Any thread.
  package func pairingIsOf(_ device: DeviceID) { pairing.withLock { if $0.profile != nil { $0.registered = device } } }

  /// True once for each pairing: somebody sees a person's readings, which goes into the access log. Any thread.
  package func isFirstLook() -> Bool {
    pairing.withLock { pairing in
      defer { pairing.isLogged = true }
      return !pairing.isLogged
    }
  }

  /// The newest frame of the device that is being paired. Any thread.
  package var pairingReadings: [Reading] { pairing.withLock { $0.readings } }

  // MARK: BluetoothHandler

  package func frame(_ frame: BluetoothFrame) -> BluetoothFrameOutcome {
    // The stamp is taken first of all: what follows is time that the hub itself takes.
    let stamp = intake.stamp()
    guard let (device, profile) = registry.device(onBluetooth: frame.address) else { return showInstaller(frame) }
    guard let index = profile.frameIndex(frame.source) else {
      // Advertisements carry more than one thing, so not each has a program. A characteristic without a program never gets here.
      return .refused
    }
    if let held = held[device.id], held.frame == frame { return take(held, of: device) }
    frameCount.wrappingAdd(1, ordering: .relaxed)
    do {
      try profile.decode(frame.bytes.span, frameIndex: index, into: &result)
    } catch {
      count(error.reason.key, device.id)
      quarantine(frame, of: device, reason: error.reason.key)
      if profile.isLoudAbout(error) { notUnderstood(device.id, stamp) }
      return .unrecorded
    }
    registry.seen(device.id, at: stamp.wall)
    let isFromStore = books[Self.markLink(device.address)]?.isFetching(frame.source.number) == true
    var statement: RecordBook.Statement?
    if !isFromStore, let rule = profile.frames[index].repeats {
      let key = FilterKey(device: device.id, frame: index)
      if result.readings.contains(where: \.isAlarm) {
        statement = RecordBook.Statement(frame.bytes, repeatMark: result.repeatMark, source: frame.source.number, rule: rule)
        // The filter is empty in a run's first frame, and the run before may have taken this statement. The journal has what was
        // taken.
        if filters[key] == nil, book(of: device, { $0.wasSaid(statement, at: stamp.wall) }) {
          _ = filters[key, default: RepeatFilter()].hear(frame.bytes, mark: result.repeatMark, rule: rule, at: stamp.instant)
          alive(device.id, stamp)
          return .duplicate(sequence: 0)
        }
      }
      if filters[key, default: RepeatFilter()].hear(frame.bytes, mark: result.repeatMark, rule: rule, at: stamp.instant) == .repeated {
        alive(device.id, stamp)
        return .duplicate(sequence: 0)
      }
    }
    for dropped in result.dropped { count(dropped.reason.key, device.id) }
    // Somebody may have called for help in words that nobody knows, whatever else the frame said.
    if profile.isLoudAbout(result) { notUnderstood(device.id, stamp) }
    if result.readings.isEmpty {
      // The frame is still a sign of life; its bytes are worth a look unless the device itself says "no value".
      let odd = result.dropped.first { $0.reason != .sentinel && $0.reason != .demoOrTestData && $0.reason != .otherUser }
      if let odd { quarantine(frame, of: device, reason: odd.reason.key) }
      alive(device.id, stamp)
      return odd == nil ? .refused : .unrecorded
    }
    let readings = result.readings
    pairing.withLock { if $0.registered == device.id { $0.readings = readings } }
    let (known, isStored) = book(of: device) { book in
      let mark = book.mark(readings: readings, source: frame.source.number, bytes: frame.bytes)
      return (mark, book.isFetching(frame.source.number))
    }
    let mark = known ?? statement?.mark(at: stamp.wall)
    if let known, let sequence = books[Self.markLink(device.address)]?.sequence(of: known) {
      count("duplicate", device.id)
      return .duplicate(sequence: sequence)
    }
    if isStored, shedding().isNow, !readings.contains(where: \.isAlarm) {
      // On a full disk the value would only be counted, and the device can wait with it.
      count("storeFull", device.id)
      return .unrecorded
    }
    // An alarm does not wait behind a routine value of its own frame.
    let ordered = readings.filter(\.isAlarm) + readings.filter { !$0.isAlarm }
    // What a crash left of this frame in the record is not taken again.
    let taken = mark.map { mark in book(of: device) { $0.partsTaken(of: mark, count: ordered.count) } } ?? 0
    return take(
      Held(frame: frame, readings: ordered, mark: mark, way: isStored ? .stored : .live, taken: taken, stamp: stamp), of: device)
  }

  package func frameLost(address: String) {
    guard let (device, profile) = registry.device(onBluetooth: address) else { return }
    count("overrun", device.id)
    // Nobody knows what was in the frame that was thrown away.
    if profile.carriesCallsForHelp { notUnderstood(device.id, intake.stamp()) }
  }

  package func noteRecorded(upTo sequence: UInt64) -> Bool {
    defer { recordedUpTo = sequence }
    let shed = shedding().entries
    if shed == shedSeen { return true }
    shedSeen = shed
    for link in Array(books.keys) { books[link]?.forget(after: recordedUpTo) }
    return false
  }

  package func recordsBegan(address: String, from characteristics: [BluetoothUUID]) {
    guard let (device, _) = registry.device(onBluetooth: address) else { return }
    let sources = Set(characteristics.map { BluetoothFrame.Source.characteristic($0).number })
    book(of: device) { $0.fetchBegan(from: sources) }
  }

  package func recordsEnded(address: String) {
    guard let (device, _) = registry.device(onBluetooth: address) else { return }
    books[Self.markLink(device.address)]?.fetchEnded()
  }

  package func recordsDeleted(address: String) {
    guard let (device, _) = registry.device(onBluetooth: address) else { return }
    let epoch = book(of: device) {
      $0.deleted()
      return $0.epoch
    }
    // Nobody waits for this mark. After a crash in this moment it may be missing, and then an equal record without a time might be
    // taken for an old one.
    let mark = DeliveryMark(link: Self.markLink(address), message: RecordBook.epochMessage, hash: epoch)
    requests.enqueue { $0.deliveryMarks.append(mark) }
  }

  package func connected(address: String) {
    guard let (device, _) = registry.device(onBluetooth: address) else { return }
    let stamp = intake.stamp()
    registry.seen(device.id, at: stamp.wall)
    alive(device.id, stamp)
  }

  package func disconnected(address: String) {
    guard let (device, _) = registry.device(onBluetooth: address) else { return }
    books[Self.markLink(device.address)]?.fetchEnded()
  }

  // MARK: Readings

  /// Takes one entry for each reading. When the intake fills in the middle, the link offers the frame again and the rest follows. A
  /// routine value that the device does not keep is shed and counted instead.
  private func take(_ start: Held, of device: RegisteredDevice) -> BluetoothFrameOutcome {
    var progress = start
    var last: UInt64 = 0
    let readings = start.readings
    while progress.taken < readings.count {
      let reading = readings[progress.taken]
      let isLast = progress.taken == readings.count - 1
      let known = progress.mark.map { mark in
        let known = isLast ? mark : RecordBook.part(progress.taken, of: mark)
        return DeliveryMark(link: Self.markLink(device.address), message: known.place, hash: known.hash)
      }
      let isKept = progress.mark != nil || reading.isAlarm
      if let sequence = intake.submit(
        reading, device: device.id, civil: civil, clocks: &clocks, by: progress.way, mark: known, stamp: progress.stamp,
        keeper: isKept ? .producer : .nobody, moreFollows: !isLast)
      {
        last = sequence
      } else if isKept {
        held[device.id] = progress
        return .busy
      } else {
        count("shed", device.id)
      }
      progress.taken += 1
    }
    held[device.id] = nil
    if let mark = progress.mark { book(of: device) { $0.took(mark, last) } }
    return last == 0 ? .refused : .accepted(sequence: last)
  }

  func alive(_ device: DeviceID, _ stamp: Intake.Stamp) {
    if let told = toldAlive[device], stamp.instant < told.adding(seconds: Self.aliveIntervalSeconds) { return }
    let event = IntakePayload.event(DeviceEvent(kind: .heartbeat))
    if intake.submit(event, device: device, stamp: stamp, keeper: .nobody) != nil { toldAlive[device] = stamp.instant }
  }

  private func notUnderstood(_ device: DeviceID, _ stamp: Intake.Stamp) {
    // An advertisement is sent many times a second, so the event is not told again at once.
    guard calls.notUnderstood(device, at: stamp.instant) != nil else { return }
    _ = intake.submit(.event(DeviceEvent(kind: .notUnderstood)), device: device, stamp: stamp, keeper: .nobody)
  }

  /// The number under which a device's marks are filed. It follows from the address, so that the marks outlive a registration.
  static func markLink(_ address: String) -> UInt32 { stableNumber(of: "\(linkName)/\(address)") }

  @discardableResult
  private func book<Result>(of device: RegisteredDevice, _ body: (inout RecordBook) -> Result) -> Result {
    let link = Self.markLink(device.address)
    var book = books[link] ?? RecordBook(marks: marksAtStart.removeValue(forKey: link) ?? [])
    defer { books[link] = book }
    return body(&book)
  }

  // MARK: Pairing

  private func showInstaller(_ frame: BluetoothFrame) -> BluetoothFrameOutcome {
    // Nobody knows whose the value is, so it is not recorded, now or later. The device keeps what it can keep.
    guard let profile = pairing.withLock({ $0.profile }), let index = profile.frameIndex(frame.source) else { return .unrecorded }
    var shown = DecodeResult()
    guard (try? profile.decode(frame.bytes.span, frameIndex: index, into: &shown)) != nil, !shown.readings.isEmpty else {
      return .unrecorded
    }
    let readings = shown.readings
    pairing.withLock { $0.readings = readings }
    return .unrecorded
  }

  // MARK: What cannot be used

  private func count(_ reason: String, _ device: DeviceID) { counters.withLock { $0[device, default: [:]][reason, default: 0] += 1 } }

  private func quarantine(_ frame: BluetoothFrame, of device: RegisteredDevice, reason: String) {
    let wall = intake.clock.wall()
    guard quarantineBudget.takes(at: wall) else { return }
    // The topic names the device's number, not its address.
    let made = QuarantinedFrame(
      link: number, topic: "\(Self.linkName)/\(device.id)/\(frame.source.text)", reason: reason, payload: frame.bytes, wall: wall)
    requests.enqueue(.quarantine) { $0.quarantined.append(made) }
  }
}
