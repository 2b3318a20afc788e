// What a link must remember so that a call for help is told when it is made, and not with every message for as long as it lasts; and that a
// device which nobody understands is told without a flood. Vocabulary: held call, an SOS that a device says as a state (`sos: true` of an
// IAS zone), which zigbee2mqtt repeats in each of its messages until the zone is at rest.
//
// Not here: a fall that lasts, which the core follows, because it knows whether somebody has taken the alert.

import DeviceProfile
import VitalSigns

/// Owned by one link's thread. Bound: two instants for each device that somebody calls for help with.
struct CallBook {
  /// A held call is a new one after this, while it lasts. Shorter, and every message of a stuck button is another alarm.
  static let heldSeconds: UInt32 = 300
  /// Messages that follow each other within this repeat one call. After a longer silence it may be a second press of a button that
  /// never says "at rest": it is told, under the id of the first one while that is open (`DeviceEvent.perhapsTold`).
  static let quietSeconds: UInt32 = 60
  /// A device is told to be not understood at most this often; the core makes one alert of it anyway.
  static let oddSeconds: UInt32 = 10

  private var held: [DeviceID: (told: MonotonicInstant, last: MonotonicInstant, patient: PatientID)] = [:]
  private var odd: [DeviceID: MonotonicInstant] = [:]

  /// The readings without a held call that was told a moment ago. A press (a moment) is never left out, nor what the device's present
  /// person has not called for. Where one message says both, that somebody calls counts.
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
