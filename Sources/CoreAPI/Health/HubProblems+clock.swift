// The hub's own clock among its problems: what is doubtful about it, in words for operations, and what `status` shows of it.

import HubCore
import HubRuntime
import JournalValues
import LocalAPI
import Synchronization
import VitalSigns

extension HubProblems {
  /// Looks at the clock, once a pulse.
  func clock(_ wall: WallTime, at now: MonotonicInstant) -> HubWatch.Sample {
    let standing = parts.clock.standing
    standing.look(wall: wall, at: now, nextSequence: parts.pipeline.core.vitals.lastSequence.load(ordering: .relaxed) + 1)
    let (state, step, machine, _) = standing.now
    var sample = HubWatch.Sample(subject: HubWatch.Subject(rule: .clockDoubtful, number: 0), name: nil, isWell: true, detail: nil)
    guard case .doubtful(let doubt) = state else { return sample }
    sample.isWell = doubt.mayPassByItself(at: now)
    (sample.detail, sample.next) = (Self.words(doubt, step, machine), Self.next(doubt))
    return sample
  }

  static func words(_ doubt: ClockDoubt, _ step: Int64, _ machine: MachineClock) -> String {
    let seconds = step / 1_000
    switch doubt.reason {
    case .set: return "it was set \(seconds < 0 ? "back" : "forward") by \(abs(seconds)) s while the hub ran"
    case .notSet where machine.batteryClockOff != nil:
      return "the machine's battery clock does not agree with it, and nothing has set it since the machine started"
    case .notSet: return "the machine has no battery clock, and nothing has set it since the machine started"
    case .behind: return "it stands before a time that the hub has seen already: is the clock's battery empty?"
    case .ahead: return "it is \(seconds / 86_400) days further on than when the hub was on last"
    }
  }

  private static func next(_ doubt: ClockDoubt) -> String {
    let look = "timedatectl shows the clock and whether it is kept right"
    return switch doubt.reason {
    case .set: "\(look); one that stays so for an hour is believed"
    case .notSet, .behind: "\(look); it is believed once the network or a person has set it, and what was recorded meanwhile gets its time"
    case .ahead: "\(look); only a time from the network is believed here (docs/clocks.md); nothing old is removed meanwhile"
    }
  }

  /// For `status`: one line.
  package var clockLine: String {
    let (state, step, machine, lastStep) = parts.clock.standing.now
    let keeper =
      switch machine.keeper {
      case .batteryClock: "battery clock"
      case .host: "no battery clock seen; the host's time"
      case .nobody: machine.batteryClockOff == nil ? "no battery clock" : "battery clock of another time"
      }
    let belief =
      switch state {
      case .believed where machine.isSynchronised: "kept right by the network"
      case .believed where machine.wasSynchronised: "set by the network"
      case .believed: "not kept right by anything"
      case .doubtful(let doubt):
        "DOUBTFUL: \(Self.words(doubt, step, machine)); routine records \(doubt.isHeld ? "wait" : "go out, marked")"
      }
    let set = lastStep.map { "; last set by \($0.milliseconds / 1_000) s at \($0.at)" } ?? ""
    return "\(belief), \(keeper)\(set)"
  }
}

extension ClockDoubt {
  /// A machine without a battery clock waits for the network at each start: nobody needs to be called for that at once.
  func mayPassByItself(at now: MonotonicInstant) -> Bool {
    reason == .notSet && now < firstInstant.adding(seconds: ClockStanding.startPatienceSeconds)
  }
}
