// Fetching and deleting a device's stored records through the record access control point (2A52, Bluetooth SIG GLS 1.0
// and RACP): subscribe, report all, wait for the disk, count, delete.
//
// The promise: a device is told to delete only what is in a committed transaction here. Everything doubtful (a count that
// differs, an answer cut short, more refused than taken, a slow disk) ends without a deletion: the records come again at
// the next session, and the gateway knows them.

import DeviceProfile
import VitalSigns

struct RecordAccess: Sendable, Hashable {
  /// The specification's own time-out of a procedure; between two records a device may erase flash.
  static let recordTimeout = Duration.seconds(30)
  /// The control point's answer to counting, deleting or aborting.
  static let responseTimeout = Duration.seconds(30)
  static let abortTimeout = Duration.seconds(5)
  static let operationTimeout = Duration.seconds(15)
  /// A store that is slower than this does not get a connection held for it.
  static let settleTimeout = Duration.seconds(60)
  /// Records and answers come through different sockets: the last record may be read after the answer.
  static let drain = Duration.milliseconds(500)
  /// Fetches in one session until the count must agree.
  static let fetchesMax = 3

  enum Result: Sendable, Hashable {
    /// All is as the profile wants it.
    case done
    /// The records are here; the device could not be made to delete them, or should not be.
    case kept
    /// The control point refused, or spoke something else.
    case failed
    /// An operation was refused by bluetoothd or the device.
    case refused(BluezFailure)
    /// An operation has no reply: the link must end.
    case hung
  }

  enum Answer: Sendable, Hashable {
    case perform(SessionOperation)
    /// These characteristics bring stored records from now on.
    case began([BluetoothUUID])
    case deleted
    case finished(Result)
  }

  /// What the control point was asked.
  enum Request: Sendable, Hashable {
    case report, abort, count
    /// `upTo`: nil for all records.
    case delete(upTo: UInt16?)

    var bytes: [UInt8] {
      switch self {
      case .report: [0x01, 0x01]
      case .abort: [0x03, 0x00]
      case .count: [0x04, 0x01]
      case .delete(nil): [0x02, 0x01]
      // Operator "less than or equal to", filter type "sequence number".
      case .delete(let upTo?): [0x02, 0x02, 0x01, UInt8(upTo & 0xFF), UInt8(upTo >> 8)]
      }
    }
  }

  /// What the control point said.
  enum Response: Sendable, Hashable {
    case general(request: UInt8, code: UInt8)
    case count(UInt16)
    /// Cut short, too long, or not an answer.
    case malformed

    init(_ bytes: [UInt8]) {
      guard bytes.count == 4, let first = bytes.first else {
        self = .malformed
        return
      }
      switch (first, bytes[1]) {
      case (0x06, 0): self = .general(request: bytes[2], code: bytes[3])
      case (0x05, 0): self = .count(UInt16(bytes[2]) | UInt16(bytes[3]) << 8)
      default: self = .malformed
      }
    }
  }

  /// One procedure: written, and answered by an indication. The two may come in either order.
  struct Exchange: Sendable, Hashable {
    var request: Request
    var isWritten = false
    var response: Response?
    var until: MonotonicInstant
  }

  enum State: Sendable, Hashable {
    /// `left`: characteristics still to be subscribed, in order; the first is under way.
    case subscribing(left: [BluetoothUUID], until: MonotonicInstant)
    case exchanging(Exchange)
    /// The report is answered; records may still come out of their socket.
    case draining(until: MonotonicInstant)
    case settling(until: MonotonicInstant)
    case finished
  }

  let fetch: BluetoothSessionStep.RecordFetch
  let control: BluetoothUUID
  let service: BluetoothUUID?
  let mode: BluetoothSessionPlan.Notifications
  /// What is to be subscribed, in order: whoever asks for records before listening loses the first.
  private let wanted: [BluetoothUUID]
  private(set) var state = State.finished

  /// Fetches begun.
  private(set) var fetches = 0
  // The current fetch:
  private(set) var records = 0
  private(set) var refused = 0
  /// A frame without an outcome: nobody stored it.
  private(set) var isUnstored = false
  /// The highest journal sequence among the frames: they are durable when the watermark is there.
  private(set) var highestJournal: UInt64 = 0
  /// The device's sequence number of the last record; nil before the first.
  private(set) var lastSequence: UInt16?
  /// The device's sequence numbers rise without wrapping, and every record has one.
  private(set) var isMonotonous = true
  private(set) var isGapless = true

  init(
    _ fetch: BluetoothSessionStep.RecordFetch, control: BluetoothUUID, service: BluetoothUUID?,
    mode: BluetoothSessionPlan.Notifications, isContextPresent: (BluetoothUUID) -> Bool, subscribed: Set<BluetoothUUID>
  ) {
    self.fetch = fetch
    self.control = control
    self.service = service
    self.mode = mode
    var wanted = [fetch.records]
    if let context = fetch.context, isContextPresent(context) { wanted.append(context) }
    wanted.append(control)
    self.wanted = wanted.filter { !subscribed.contains($0) }
  }

  /// The records are fetched: they wait for the disk, or are being counted or deleted.
  var isSettling: Bool {
    switch state {
    case .settling: true
    case .exchanging(let exchange):
      switch exchange.request {
      case .count, .delete: true
      case .report, .abort: false
      }
    case .subscribing, .draining, .finished: false
    }
  }

  var deadline: MonotonicInstant {
    switch state {
    case .subscribing(_, let until), .draining(let until), .settling(let until): until
    case .exchanging(let exchange): exchange.until
    case .finished: .never
    }
  }

  mutating func begin(at now: MonotonicInstant) -> [Answer] { subscribe(wanted, at: now) }

  private mutating func subscribe(_ left: [BluetoothUUID], at now: MonotonicInstant) -> [Answer] {
    guard let next = left.first else { return report(at: now) }
    state = .subscribing(left: left, until: now.later(by: Self.operationTimeout))
    return [.perform(.subscribe(next, service: service, mode))]
  }

  private mutating func report(at now: MonotonicInstant) -> [Answer] {
    fetches += 1
    records = 0
    refused = 0
    isUnstored = false
    highestJournal = 0
    lastSequence = nil
    isMonotonous = true
    isGapless = true
    return [.began([fetch.records] + (fetch.context.map { [$0] } ?? []))] + ask(.report, at: now)
  }

  private mutating func ask(_ request: Request, at now: MonotonicInstant) -> [Answer] {
    let limit =
      switch request {
      case .report: Self.recordTimeout
      case .abort: Self.abortTimeout
      case .count, .delete: Self.responseTimeout
      }
    state = .exchanging(Exchange(request: request, until: now.later(by: limit)))
    return [.perform(.write(control, service: service, bytes: request.bytes, awaitsResponse: true))]
  }

  private mutating func finish(_ result: Result) -> [Answer] {
    state = .finished
    return [.finished(result)]
  }

  // MARK: Inputs

  /// The reply to the last operation. A refused subscription was tried both ways before it comes here.
  mutating func replied(
    _ operation: SessionOperation, _ failure: BluezFailure?, at now: MonotonicInstant, durable: UInt64
  ) -> [Answer] {
    switch state {
    case .subscribing(let left, _):
      if let failure { return finish(.refused(failure)) }
      return subscribe(Array(left.dropFirst()), at: now)
    case .exchanging(var exchange):
      if let failure {
        switch exchange.request {
        case .report: return finish(.refused(failure))
        case .abort: return finish(.failed)
        case .count, .delete: return finish(.kept)
        }
      }
      exchange.isWritten = true
      return answered(exchange, at: now, durable: durable)
    case .draining, .settling, .finished: return []
    }
  }

  mutating func notified(
    _ characteristic: BluetoothUUID, _ bytes: [UInt8], _ outcome: BluetoothFrameOutcome?, at now: MonotonicInstant, durable: UInt64
  ) -> [Answer] {
    if characteristic == control {
      guard case .exchanging(var exchange) = state, exchange.response == nil else { return [] }
      let response = Response(bytes)
      // The answer to an earlier request that came late says nothing of this one.
      if case .general(let request, _) = response, request != exchange.request.bytes.first { return [] }
      exchange.response = response
      return answered(exchange, at: now, durable: durable)
    }
    guard characteristic == fetch.records || characteristic == fetch.context, outcome != .busy else { return [] }
    take(characteristic, bytes, outcome)
    switch state {
    case .exchanging(var exchange):
      // A device may answer and the record still be in its socket: only an unanswered report has more time now.
      if exchange.request == .report, exchange.response == nil {
        exchange.until = now.later(by: Self.recordTimeout)
        state = .exchanging(exchange)
      }
    case .draining: state = .draining(until: now.later(by: Self.drain))
    case .subscribing, .settling, .finished: break
    }
    return []
  }

  /// Part of what was taken is not in the record.
  mutating func leftOut() -> [Answer] {
    isUnstored = true
    if case .settling = state { return finish(.kept) }
    return []
  }

  mutating func durable(_ sequence: UInt64, at now: MonotonicInstant) -> [Answer] {
    guard case .settling = state, sequence >= highestJournal else { return [] }
    return askCount(at: now)
  }

  mutating func deadlineCame(at now: MonotonicInstant, durable: UInt64) -> [Answer] {
    guard now >= deadline else { return [] }
    switch state {
    case .subscribing: return finish(.hung)
    case .exchanging(let exchange):
      guard exchange.isWritten else { return finish(.hung) }
      switch exchange.request {
      case .report: return ask(.abort, at: now)
      case .abort: return finish(.failed)
      case .count, .delete: return finish(.kept)
      }
    case .draining: return settle(at: now, durable: durable)
    // Nothing is durable, so nothing was deleted: the device's memory goes on filling.
    case .settling: return finish(.kept)
    case .finished: return []
    }
  }

  // MARK: Records

  private mutating func take(_ characteristic: BluetoothUUID, _ bytes: [UInt8], _ outcome: BluetoothFrameOutcome?) {
    let isRecord = characteristic == fetch.records
    switch outcome {
    case .accepted(let sequence)?, .duplicate(let sequence)?: highestJournal = max(highestJournal, sequence)
    case .refused?: if isRecord { refused += 1 }
    case .unrecorded?, .busy?, nil: isUnstored = true
    }
    guard isRecord else { return }
    records += 1
    guard let sequence = sequenceNumber(bytes) else {
      isMonotonous = false
      return
    }
    if let lastSequence {
      if sequence <= lastSequence { isMonotonous = false }
      if sequence != lastSequence &+ 1 { isGapless = false }
    }
    lastSequence = sequence
  }

  private func sequenceNumber(_ bytes: [UInt8]) -> UInt16? {
    guard let offset = fetch.sequenceOffset, offset >= 0, offset < bytes.count, bytes.count - offset >= 2 else { return nil }
    return UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
  }

  // MARK: Answers

  private mutating func answered(_ exchange: Exchange, at now: MonotonicInstant, durable: UInt64) -> [Answer] {
    guard exchange.isWritten, let response = exchange.response else {
      state = .exchanging(exchange)
      return []
    }
    switch (exchange.request, response) {
    case (.report, .general(_, code: 0x01)):
      state = .draining(until: now.later(by: Self.drain))
      return []
    // No records found.
    case (.report, .general(_, code: 0x06)): return finish(.done)
    case (.report, _), (.abort, _): return finish(.failed)
    case (.count, .count(let count)): return counted(Int(count), at: now, durable: durable)
    // The control point cannot count.
    case (.count, .general(_, code: 0x02...0x05)), (.count, .general(_, code: 0x09)): return counted(nil, at: now, durable: durable)
    case (.count, _): return finish(.kept)
    case (.delete, .general(_, code: 0x01)): return [.deleted] + finish(.done)
    case (.delete, _): return finish(.kept)
    }
  }

  private mutating func settle(at now: MonotonicInstant, durable: UInt64) -> [Answer] {
    if records == 0 || fetch.deletion == .never { return finish(.done) }
    if isUnstored || refused * 2 > records { return finish(.kept) }
    state = .settling(until: now.later(by: Self.settleTimeout))
    return self.durable(durable, at: now)
  }

  /// Counting comes after the wait for the disk, right before deleting: what was added meanwhile is noticed.
  private mutating func askCount(at now: MonotonicInstant) -> [Answer] { ask(.count, at: now) }

  /// `count`: of all records on the device; nil when it cannot say.
  private mutating func counted(_ count: Int?, at now: MonotonicInstant, durable: UInt64) -> [Answer] {
    if isUnstored || refused * 2 > records { return finish(.kept) }
    if let count, count != records { return fetches < Self.fetchesMax ? report(at: now) : finish(.kept) }
    if highestJournal > durable {
      // A record came out of its socket while the count was under way: it waits for the disk like the others.
      state = .settling(until: now.later(by: Self.settleTimeout))
      return []
    }
    // What the person measures between the count and the deletion of all is lost: some milliseconds, which no request of the
    // control point can close. "Up to" has no such gap.
    // The numbers wrap at 65 535: "up to" then says nothing, and only all or none can be deleted.
    let upTo = fetch.deletion == .upToSequence && isMonotonous ? lastSequence : nil
    // Without a count only numbers without a gap show that bluetoothd's socket never overflowed.
    if count == nil, upTo == nil || !isGapless { return finish(.kept) }
    return ask(.delete(upTo: upTo), at: now)
  }
}
