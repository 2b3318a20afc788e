// What all links do with a decoded reading: it goes into the intake, with the device's own words about time beside it. And the
// limit that keeps a flood of rubbish from becoming a flood of writes.

import DeviceProfile
package import HubCore
package import HubRuntime
import Journal
package import JournalValues
package import VitalSigns

extension Intake {
  /// Submits one reading of a device. `mark`: by which its frame is known again. `way`: how the reading came, by which its own time
  /// is judged. `moreFollows`: true on all readings of a frame but the last.
  ///
  /// - Returns: the reading's sequence, or nil when the intake is full.
  package func submit(
    _ reading: Reading, device: DeviceID, civil: CivilClock, clocks: inout DeviceClocks, by way: Arrival, mark: DeliveryMark?,
    stamp: Stamp, keeper: Keeper, moreFollows: Bool = false
  ) -> UInt64? {
    let time = reading.time
    let verdict = clocks.judge(
      reading, of: device, by: way, at: stamp.wall, stamp.instant, civil: civil, knowsDate: clock.standing.knowsDate)
    var companion: Companion?
    if time != .none || mark != nil {
      companion = Companion(attachment: time == .none ? nil : Attachment(.deviceTime(time)), mark: mark)
    }
    let sequence = submit(
      verdict.payload, device: device, measuredAt: verdict.measuredAt, companion: companion, stamp: stamp, keeper: keeper,
      moreFollows: moreFollows)
    if sequence != nil, verdict.isNews {
      // The event comes after the value, which matters more. If there is no room, the next value says it.
      let event = IntakePayload.event(DeviceEvent(kind: .clockWrong, phase: .raised))
      if submit(event, device: device, stamp: stamp, keeper: .nobody) != nil { clocks.told(device) }
    }
    return sequence
  }
}

extension Reading {
  /// Whether somebody asks for help with this reading. Such a reading is never shed.
  package var isAlarm: Bool { if case .event(let event, at: _) = self { event.kind == .sos || event.kind == .fall } else { false } }

  /// Whether this is the hub's own word that the device said something without a known meaning.
  package var isNotUnderstood: Bool { if case .event(let event, at: _) = self { event.kind == .notUnderstood } else { false } }

  /// Whether this is a call for help that a device says as a state, in each message while it lasts.
  var isHeldCall: Bool {
    guard case .event(let event, at: _) = self, event.kind == .sos, case .raised = event.phase else { return false }
    return true
  }

  /// The same call for help, with the doubt whether it was told already.
  package var perhapsTold: Reading {
    guard case .event(var event, let time) = self else { return self }
    event.detail |= DeviceEvent.perhapsTold
    return .event(event, at: time)
  }

  package var time: DeviceTime {
    switch self {
    case .observation(_, at: let time), .event(_, at: let time), .location(_, at: let time): time
    }
  }
}

/// The frames of one second that are kept with their bytes. All frames are counted. Owned by one link's thread.
struct QuarantineBudget {
  static let perSecondMax = 50
  private var second = Int64(0)
  private var left = 0

  /// Whether one more frame may be kept now.
  mutating func takes(at wall: WallTime) -> Bool {
    let now = wall.rawValue / 1_000
    if second != now { (second, left) = (now, Self.perSecondMax) }
    if left <= 0 { return false }
    left -= 1
    return true
  }
}
