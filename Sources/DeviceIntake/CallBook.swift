// What a link must remember so that a call for help is told when it is made, and not with every message for as long as it lasts; and that a
// device which nobody understands is told without a flood. Vocabulary: held call, an SOS that a device says as a state (`sos: true` of an
// IAS zone), which zigbee2mqtt repeats in each of its messages until the zone is at rest.
//
// Not here: a fall that lasts, which the core follows, because it knows whether somebody has taken the alert.

import DeviceProfile
import VitalSigns

/// The calls of one link's devices. Owned by the link's thread. Bound: two instants for each device with which somebody calls for
/// help.
struct CallBook {
  /// After this time a held call that still lasts is told as a new one. With a shorter time every message of a stuck button would
  /// be another alarm. Seconds.
  static let heldSeconds: UInt32 = 300
  /// Messages that follow each other within this time repeat one call. After a longer silence a message may be a second press of a
  /// button that never says "at rest". It is told, under the id of the first call while that is open (`DeviceEvent.perhapsTold`).
  /// Seconds.
  static let quietSeconds: UInt32 = 60
  /// A device is told to be not understood at most this often. The core makes one alert of it in any case. Seconds.
  static let oddSeconds: UInt32 = 10

  private var held: [DeviceID: (told: MonotonicInstant, last: MonotonicInstant, patient: PatientID)] = [:]
  private var odd: [DeviceID: MonotonicInstant] = [:]

  /// The readings without a held call that was told a moment ago. A press (a moment) is never left out. Nor is a call that was told
  /// for another person, when the device has a new one. Where one message says both call and rest, the call counts.
  mutating func news(
    of readings: [Reading], device: DeviceID, patient: PatientID = .none, at now: MonotonicInstant
  ) -> [Reading] {
    let isHeld = readings.contains(where: \.isHeldCall)
    return readings.compactMap { reading in
      guard case .event(let event, at: _) = reading, event.kind == .sos else { return reading }
      switch event.phase {
      case .moment: return reading
      case .cleared:
        if isHeld { return nil }
        held[device] = nil
        return reading
      case .raised:
        guard let known = held[device], known.patient == patient, now < known.told.adding(seconds: Self.heldSeconds) else {
          held[device] = (now, now, patient)
          return reading
        }
        let isRepeat = now < known.last.adding(seconds: Self.quietSeconds)
        held[device] = (isRepeat ? known.told : now, now, patient)
        return isRepeat ? nil : reading.perhapsTold
      }
    }
  }

  /// The event which tells that the device is not understood, or nil when that was told a moment ago.
  ///
  /// - Parameter isAgain: the frame is offered again, because there was no room for all of it.
  mutating func notUnderstood(_ device: DeviceID, isAgain: Bool = false, at now: MonotonicInstant) -> Reading? {
    if !isAgain, let told = odd[device], now < told.adding(seconds: Self.oddSeconds) { return nil }
    odd[device] = now
    return .event(DeviceEvent(kind: .notUnderstood), at: .none)
  }
}
