// A broker with one persistent session: what devices publish waits here until the hub has acknowledged it. It numbers packets, sends
// again what was not acknowledged, and can forget. It knows what the hub promised: a message that it drops because of an acknowledgement
// is the hub's from then on.

import MQTTLink
import VitalSigns

/// What a device meant by a message; the world's own knowledge, which the hub has to find out from the bytes.
struct SimulatedMessage {
  enum Meaning: Equatable {
    case press
    case fall(holds: Bool)
    /// `measured`: the true time.
    case values(measured: WallTime)
    case life
    /// Bytes that were damaged on their way.
    case rubbish
  }

  /// The place of this message among all of the world's.
  var number: UInt64
  /// The device's place among the world's.
  var device: Int
  var topic: String
  var payload: [UInt8]
  var meaning: Meaning
  /// When the device sent it, on the world's time.
  var sent: Int64
}

/// The broker's memory. A value.
struct SimulatedBroker {
  /// Messages on their way to the hub without an acknowledgement.
  static let window = 100
  /// Messages that wait. A real broker drops beyond that, which nobody can blame the hub for.
  static let queueMax = 20_000

  private struct InFlight {
    var packet: UInt16
    var message: SimulatedMessage
    var wasSent: Bool
  }

  private(set) var hasSession = false
  private var queue: [SimulatedMessage] = []
  private var inFlight: [InFlight] = []
  private var sent = 0
  private var nextPacket: UInt16 = 1

  /// Takes a message of a device. False: nobody has subscribed yet, or there is no room, and it is gone.
  mutating func publish(_ message: SimulatedMessage) -> Bool {
    guard hasSession, queue.count < Self.queueMax else { return false }
    queue.append(message)
    return true
  }

  /// The hub connects. Answers whether its session is still here; there is one from now on.
  mutating func connect() -> Bool {
    defer { hasSession = true }
    sent = 0
    return hasSession
  }

  /// The next packet for the connected hub; nil: nothing, or the window is full.
  mutating func next() -> (frame: MQTTFrame, message: SimulatedMessage)? {
    if sent == inFlight.count {
      guard inFlight.count < Self.window, !queue.isEmpty else { return nil }
      inFlight.append(InFlight(packet: freePacket(), message: queue.removeFirst(), wasSent: false))
    }
    let item = inFlight[sent]
    inFlight[sent].wasSent = true
    sent += 1
    let frame = MQTTFrame(
      topic: item.message.topic, payload: item.message.payload, retained: false, messageID: item.packet, qos: 1,
      delivery: item.wasSent ? .repeated : .first)
    return (frame, item.message)
  }

  private mutating func freePacket() -> UInt16 {
    while inFlight.contains(where: { $0.packet == nextPacket }) { advancePacket() }
    defer { advancePacket() }
    return nextPacket
  }

  private mutating func advancePacket() { nextPacket = nextPacket == .max ? 1 : nextPacket + 1 }

  /// The hub has acknowledged the packet: the message is the hub's.
  mutating func acknowledged(_ packet: UInt16) -> SimulatedMessage? {
    guard let place = inFlight.firstIndex(where: { $0.packet == packet }) else { return nil }
    if place < sent { sent -= 1 }
    return inFlight.remove(at: place).message
  }

  /// The broker counts packets anew: what was not acknowledged comes under other numbers.
  mutating func renumber() {
    for place in inFlight.indices {
      inFlight[place].packet = nextPacket
      advancePacket()
    }
  }

  /// The broker loses its memory. Gives what is gone with it.
  mutating func forget() -> [SimulatedMessage] {
    defer { self = Self() }
    return inFlight.map(\.message) + queue
  }
}
