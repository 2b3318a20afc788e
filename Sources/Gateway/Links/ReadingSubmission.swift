// What all links do with a decoded reading: into the intake, with the device's own words about time beside it. And the
// limit that keeps a flood of rubbish from becoming a flood of writes.

import DeviceProfile
import Journal
import VitalSigns

extension Intake {
  /// Submits one reading of a device. `mark`: by what the frame is known again, on its last reading; `moreFollows`: on all others.
  ///
  /// - Returns: its sequence, or nil when the intake is full.
  func submit(
    _ reading: Reading, device: DeviceID, civil: CivilClock, mark: DeliveryMark?, stamp: Stamp, keeper: Keeper,
    moreFollows: Bool = false
  ) -> UInt64? {
    let payload: IntakePayload
    let time: DeviceTime
    switch reading {
    case .observation(let observation, at: let at): (payload, time) = (.observation(observation), at)
    case .event(let event, at: let at): (payload, time) = (.event(event), at)
    case .location(let fix, at: let at): (payload, time) = (.location(fix), at)
    }
    var companion: Companion?
    if time != .none || mark != nil {
      companion = Companion(attachment: time == .none ? nil : Attachment(.deviceTime(time)), mark: mark)
    }
    return submit(
      payload, device: device, measuredAt: civil.resolve(time), companion: companion, stamp: stamp, keeper: keeper,
      moreFollows: moreFollows)
  }
}

extension Reading {
  /// Somebody asks for help: never shed.
  var isAlarm: Bool { if case .event(let event, at: _) = self { event.kind == .sos || event.kind == .fall } else { false } }

  var time: DeviceTime {
    switch self {
    case .observation(_, at: let time), .event(_, at: let time), .location(_, at: let time): time
    }
  }
}

/// Frames of one second that are kept with their bytes; all are counted. Owned by one link's thread.
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
