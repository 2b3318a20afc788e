// Who hears of alerts and gets records: a response centre that is always well, relatives who are told later, and a record system. The two
// others can be away, slow, refuse, or lose their answers. Each remembers all that it was ever given, which is what the checkers look at.

import Forwarding
import VitalSigns

/// A destination as the world sees it.
final class SimulatedDestination {
  /// How it answers, and when.
  struct Answer {
    var report: DeliveryReport
    /// Nanoseconds from the request.
    var after: Int64
  }

  /// The longest that one which is well takes for a request. Nanoseconds.
  static let answersWithin: Int64 = 80_000_000

  let name: String
  /// No fault meets it: what is late there was held up by others.
  let isAlwaysWell: Bool
  /// On the world's time; each fault lasts until then.
  var awayUntil: Int64 = 0
  var slowUntil: Int64 = 0
  var losesAnswersUntil: Int64 = 0
  var refusesUntil: Int64 = 0
  /// When a fault met it last. A record that was tried alone in vain yields its turn, so what was under way then may come after others of
  /// the same person; an alert's own changes keep their order whatever happens.
  private(set) var failedAt: Int64?
  private(set) var received: [DeliveryKey: Int] = [:]
  /// Names under which something came: those of `received`, but for a mutant.
  private var names: Set<DeliveryKey> = []
  /// What came for the first time, in this order, since the last look; with the name that it came under.
  private(set) var firsts: [(name: DeliveryKey, item: DeliveryItem)] = []
  private(set) var refused: Set<DeliveryKey> = []
  /// What each name says, of values; and a name under which another value came. Whoever knows the name drops the second.
  private var values: [DeliveryKey: (observation: Observation, entry: UInt64)] = [:]
  private(set) var clash: DeliveryKey?

  init(name: String, isAlwaysWell: Bool) {
    self.name = name
    self.isAlwaysWell = isAlwaysWell
  }

  func takeFirsts() -> [(name: DeliveryKey, item: DeliveryItem)] {
    defer { firsts.removeAll(keepingCapacity: true) }
    return firsts
  }

  /// A disk that lied has lost them: their numbers, and with those their names, are given again.
  func losesValues(after durable: UInt64) { values = values.filter { $0.value.entry <= durable } }

  func fails(at now: Int64) { failedAt = now }

  /// One request. Nil: nobody ever answers.
  ///
  /// - Parameter name: under which an item is known again.
  func take(_ items: [DeliveryItem], named name: (DeliveryItem) -> DeliveryKey, at now: Int64, _ random: inout SeededRandom) -> Answer? {
    if now < max(awayUntil, slowUntil, losesAnswersUntil, refusesUntil) { fails(at: now) }
    if now < awayUntil {
      // Refused connections, or packets that go nowhere.
      return random.next() & 1 == 0 ? Answer(report: DeliveryReport(.failed(.unreachable, retryAfter: nil)), after: 20_000_000) : nil
    }
    let after = now < slowUntil ? random.next(in: 3...20) * World.second : random.next(in: 5...Self.answersWithin / 1_000_000) * 1_000_000
    if now < refusesUntil {
      for item in items { refused.insert(item.key) }
      let refusal = Refusal(status: 422, diagnostics: "simulated")
      return Answer(report: DeliveryReport(.each(items.map { _ in .refused(refusal) })), after: after)
    }
    for item in items {
      if names.insert(name(item)).inserted { firsts.append((name(item), item)) }
      received[item.key, default: 0] += 1
      if case .observation(let record) = item.record {
        if let known = values[item.key], known.observation != record.observation { clash = item.key }
        values[item.key] = (record.observation, record.sequence)
      }
    }
    if now < losesAnswersUntil {
      return random.next() & 1 == 0 ? Answer(report: DeliveryReport(.failed(.connectionLost, retryAfter: nil)), after: after) : nil
    }
    return Answer(report: DeliveryReport(.each(items.map { _ in .delivered(remoteID: nil) })), after: after)
  }
}
