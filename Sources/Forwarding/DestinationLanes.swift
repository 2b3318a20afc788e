// The lanes of one destination together: an answer in one lane wakes the other, and nothing else ties them. Two
// destinations share nothing at all, so a dead one cannot delay another.

public import VitalSigns

/// One destination: its alarm lane and its routine lane. A value; one owner, any thread.
public struct DestinationLanes: Sendable {
  public private(set) var alarms: DeliveryLane
  public private(set) var routine: DeliveryLane

  /// - Parameter seed: spreads the back-off; different for each destination and each start.
  public init(alarms: RetryPolicy = .alarms, routine: RetryPolicy = .routine, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    self.alarms = DeliveryLane(.alarms, policy: alarms, seed: random.next())
    self.routine = DeliveryLane(.routine, policy: routine, seed: random.next())
  }

  /// An action and the lane whose shell performs it. `.drainSiblings` is carried out here and never returned.
  public struct LaneAction: Sendable, Hashable {
    public var lane: DeliveryLane.Kind
    public var action: DeliveryLane.Action
  }

  /// Applies one event to one lane.
  public mutating func event(_ event: DeliveryLane.Event, on kind: DeliveryLane.Kind, at now: MonotonicInstant) -> [LaneAction] {
    var result: [LaneAction] = []
    let actions = kind == .alarms ? alarms.event(event, at: now) : routine.event(event, at: now)
    for action in actions {
      if action == .drainSiblings {
        // One level only: `connectivityRestored` never gives `drainSiblings`.
        let woken =
          kind == .alarms
          ? routine.event(.connectivityRestored, at: now) : alarms.event(.connectivityRestored, at: now)
        result += woken.map { LaneAction(lane: kind == .alarms ? .routine : .alarms, action: $0) }
      } else {
        result.append(LaneAction(lane: kind, action: action))
      }
    }
    return result
  }

  /// The network came back, a person asked for a retry of everything, or the process starts.
  public mutating func connectivityRestored(at now: MonotonicInstant) -> [LaneAction] {
    event(.connectivityRestored, on: .alarms, at: now) + event(.connectivityRestored, on: .routine, at: now)
  }
}
