// The one way in: links, the local API and the gateway itself push entries here. Stamps both clocks, leaves companions,
// wakes the core. Never waits: a full intake is the producer's to handle (a link stops reading, the API answers 503).

import Journal
import RealtimeCore
import VitalSigns

/// The producers' side of the core. Any thread.
final class Intake: Sendable {
  private let ring: IntakeRing
  private let coreWake: Wake
  let companions: Companions
  let clock: HubClock

  init(ring: IntakeRing, coreWake: Wake, companions: Companions, clock: HubClock) {
    self.ring = ring
    self.coreWake = coreWake
    self.companions = companions
    self.clock = clock
  }

  var depth: Int { ring.depth }
  var capacity: Int { ring.capacity }

  /// The two clocks at one moment; all readings of one frame carry the same.
  struct Stamp: Sendable {
    var instant: MonotonicInstant
    var wall: WallTime
  }

  func stamp() -> Stamp { Stamp(instant: clock.now(), wall: clock.wall()) }

  /// Pushes one entry and wakes the core.
  ///
  /// - Returns: its sequence, which is durable once the watermark reaches it; nil when the intake is full: nothing was taken.
  func submit(
    _ payload: IntakePayload, device: DeviceID = .none, patient: PatientID = .none, measuredAt: WallTime = .unknown,
    companion: Companion? = nil, stamp: Stamp? = nil
  ) -> UInt64? {
    let number = companion.map(companions.leave) ?? 0
    let stamp = stamp ?? self.stamp()
    let entry = IntakeEntry(
      instant: stamp.instant, wall: stamp.wall, measuredAt: measuredAt, device: device, patient: patient, attachment: number,
      payload: payload)
    guard let sequence = ring.push(entry) else {
      companions.forget(number)
      return nil
    }
    coreWake.ring()
    return sequence
  }
}
