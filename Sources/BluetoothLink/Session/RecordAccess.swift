// Fetching and deleting a device's stored records through the record access control point (2A52, Bluetooth SIG GLS 1.0
// and RACP): subscribe, report all, wait for the disk, count, delete. The transitions stand in
// `RecordAccess+stateMachine.swift`.
//
// The promise: a device is told to delete only what is in a committed transaction here. Everything doubtful (a count that
// differs, an answer cut short, more refused than taken, a slow disk) ends without a deletion: the records come again at
// the next session, and the gateway knows them.

import BlueZ
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
    /// The records are here, and the profile wants nothing deleted; or there were none.
    case done
    /// The device confirmed that it deleted what it had sent.
    case deleted
    /// The records are here; the device could not be made to delete them, or should not be.
    case kept
    /// The control point refused, or spoke something else.
    case failed
    /// An operation was refused by bluetoothd or the device.
    case refused(BluezFailure)
    /// An operation has no reply: the link must end.
    case hung(SessionOperation)
  }

  /// What is asked of the device.
  enum Asking: Sendable, Hashable {
    case perform(SessionOperation)
    /// A fetch begins by this operation: these characteristics bring stored records from now on.
    case fetch(from: [BluetoothUUID], SessionOperation)
  }

  /// What an event leads to: at most one operation, and nothing after the end.
  enum Answer: Sendable, Hashable {
    case nothing
    case ask(Asking)
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

  /// One subscription under way, and those that come after it.
  struct Subscribing: Sendable, Hashable {
    var characteristic: BluetoothUUID
    var mode: BluetoothSessionPlan.Notifications
    var rest: ArraySlice<BluetoothUUID>
    var until: MonotonicInstant
  }

  /// One procedure: written, and answered by an indication. The two may come in either order.
  struct Exchange: Sendable, Hashable {
    enum Awaits: Sendable, Hashable {
      /// Neither bluetoothd's reply to the write nor the control point's answer is here.
      case both
      /// The answer overtook the reply.
      case reply(Response)
      /// It is written.
      case answer
    }

    var request: Request
    var awaits = Awaits.both
    var until: MonotonicInstant

    /// The control point has answered before bluetoothd replied to the write.
    var isAnswered: Bool { if case .reply = awaits { true } else { false } }
  }

  /// What one report brought so far. Each fetch begins with a new one.
  struct Fetch: Sendable, Hashable {
    /// 1 for the first fetch of a session.
    var number: Int
    var records = 0
    var refused = 0
    /// A frame without an outcome: nobody stored it.
    var isUnstored = false
    /// The highest journal sequence among the frames: they are durable when the watermark is there.
    var highestJournal: UInt64 = 0
    /// The device's sequence number of the last record; nil before the first.
    var lastSequence: UInt16?
    /// The device's sequence numbers rise without wrapping, and every record has one.
    var isMonotonous = true
    var isGapless = true

    /// The device must keep what it sent: something is not stored, or more was refused than taken.
    var mustBeKept: Bool { isUnstored || refused * 2 > records }
  }

  enum State: Sendable, Hashable {
    case subscribing(Subscribing)
    case exchanging(Exchange, Fetch)
    /// The report is answered; records may still come out of their socket.
    case draining(Fetch, until: MonotonicInstant)
    case settling(Fetch, until: MonotonicInstant)
    case finished
  }

  let fetch: BluetoothSessionStep.RecordFetch
  let control: BluetoothUUID
  let service: BluetoothUUID?
  let mode: BluetoothSessionPlan.Notifications
  /// What is to be subscribed, in order: whoever asks for records before listening loses the first.
  let wanted: [BluetoothUUID]
  var state = State.finished

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
    case .exchanging(let exchange, _):
      switch exchange.request {
      case .count, .delete: true
      case .report, .abort: false
      }
    case .subscribing, .draining, .finished: false
    }
  }

  /// The operation whose reply is awaited.
  var awaited: SessionOperation? {
    switch state {
    case .subscribing(let subscribing): .subscribe(subscribing.characteristic, service: service, subscribing.mode)
    case .exchanging(let exchange, _): exchange.awaits == .answer ? nil : write(exchange.request)
    case .draining, .settling, .finished: nil
    }
  }

  var deadline: MonotonicInstant {
    switch state {
    case .subscribing(let subscribing): subscribing.until
    case .draining(_, let until), .settling(_, let until): until
    case .exchanging(let exchange, _): exchange.until
    case .finished: .never
    }
  }

  func write(_ request: Request) -> SessionOperation {
    .write(control, service: service, bytes: request.bytes, awaitsResponse: true)
  }
}
