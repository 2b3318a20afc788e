// Does another client use our client id? The broker then closes whoever is connected each time that the other connects, and
// gives the session's messages to the one who is there: two hubs with one client id take each other's alarms. MQTT 5 has a
// word for it (DISCONNECT 0x8E), which mosquitto 2.0 does not say when a session is resumed; else it shows by its pattern.
//
// What follows from it: an acknowledgement takes a message from the other hub for good. So a hub that hears of devices
// which it does not know acknowledges nothing while its client id is contested, and gives the connection away.
//
// A cable or a proxy that breaks three times looks the same. Then nobody comes for what was given away, and the same message is there
// again each time: that ends the contest, or the hub would shut itself out for ten minutes over a neighbour's thermometer.

import VitalSigns

/// Sans-I/O. One per link, over all its connections.
struct Contest: Sendable {
  /// The broker's side has to close this often within `windowNanoseconds`, and be reachable all the while. A broker that is
  /// restarted refuses at least one attempt between; three restarts in five minutes that do not are taken for a contest.
  static let closingsMin = 3
  static let windowNanoseconds: Int64 = 300_000_000_000
  /// A contest is over when it has not shown for this long. The longest pause between two attempts is 60 s, when a person must mend something.
  static let lastsNanoseconds: Int64 = 600_000_000_000
  /// What nobody here knows is not acknowledged this soon after CONNACK: the rightful hub takes its session back at once.
  static let graceNanoseconds: Int64 = 2_000_000_000
  /// Pause before the next attempt while contested: short, since messages wait for whoever knows their devices.
  static let pauseMillisecondsMax: Int64 = 4_000
  /// A message is left to the other client this often, some 20 s. A client that lives comes for it within one pause of its own; with
  /// fewer, one that is just being started would lose it.
  static let leavingsMax = 8

  private var closings: [MonotonicInstant] = []
  private var until: MonotonicInstant?
  /// What was left to the other client last, and how often in a row.
  private var left: (topic: String, payload: [UInt8], messageID: UInt16)?
  private var leavings = 0

  /// An accepted connection was closed by the broker's side. `saysSo`: with the word for it.
  mutating func closed(saysSo: Bool, at now: MonotonicInstant) {
    closings.removeAll { now.rawValue - $0.rawValue > Self.windowNanoseconds }
    closings.append(now)
    if closings.count > 64 { closings.removeFirst() }
    if saysSo || closings.count >= Self.closingsMin || until.map({ now < $0 }) == true {
      until = now.adding(nanoseconds: Self.lastsNanoseconds)
    }
  }

  /// Whether this message of a device that nobody here knows is to be left, unacknowledged, to the other client. One that was left
  /// ``leavingsMax`` times and that the broker sends again each time is wanted by nobody: there is no other client.
  mutating func leaves(_ frame: MQTTFrame, at now: MonotonicInstant) -> Bool {
    guard isContested(at: now) else { return false }
    let isSame = left.map { $0 == (frame.topic, frame.payload, frame.messageID) } ?? false
    leavings = isSame && frame.delivery == .repeated ? leavings + 1 : 1
    left = (frame.topic, frame.payload, frame.messageID)
    guard leavings > Self.leavingsMax else { return true }
    self = Contest()
    return false
  }

  /// The broker was not there at all: what was closed before was its own end.
  mutating func brokerWasAway() {
    if until == nil { closings = [] }
  }

  func isContested(at now: MonotonicInstant) -> Bool { until.map { now < $0 } ?? false }

  func closings(at now: MonotonicInstant) -> Int { closings.count { now.rawValue - $0.rawValue <= Self.windowNanoseconds } }
}
