// Decides when something that the hub leans on is gone: a link to devices, Bluetooth, another role. Sampled at each pulse;
// no clock, no I/O. Vocabulary: a *trouble* begins when a subject is first seen unwell and is over when it has been well for
// a while without a break, so that what falls and rises again and again is one trouble and one alert.
//
// Not here: what is told by those who see it themselves (the store, destinations, the journal), and words for people.

import VitalSigns

/// What is watched over, and what the core has been told of it. A value with one owner.
struct HubWatch: Sendable {
  /// Time unwell, summed over a trouble, until the core is told. A broker's restart takes five seconds; a person must hear of a
  /// deaf hub within the minute. Nanoseconds.
  static let tellAfter: Int64 = 30_000_000_000
  /// Time unwell until lists show a subject: a reconnect is nobody's business. Nanoseconds.
  static let showAfter: Int64 = 3_000_000_000
  /// Time well without a break that ends a trouble. Nanoseconds.
  static let settle: Int64 = 60_000_000_000
  /// So many falls within one trouble are told, however short each is: another hub with the same client id gives one a second.
  static let fallsMax = 5
  /// The core is told again after this time of what lasts. So an alert that somebody resolved while the cause was still there
  /// speaks again. Nanoseconds.
  static let repeatAfter: Int64 = 600_000_000_000
  /// When more time than this lies between two looks, the machine slept, and the time does not count. Nanoseconds.
  static let lookGapMax: Int64 = 5_000_000_000

  /// One thing that can be gone. `number` as in `HubCondition.subject`.
  struct Subject: Sendable, Hashable {
    package var rule: AlertRule
    package var number: UInt32
  }

  struct Sample: Sendable, Hashable {
    var subject: Subject
    /// The subject's name; nil for what the hub has one of.
    var name: String?
    var isWell: Bool
    /// What the part itself says is wrong.
    var detail: String?
    /// What the part itself says to do.
    var next: String? = nil
  }

  /// A trouble as people are told of it.
  struct Shown: Sendable, Hashable {
    var subject: Subject
    var name: String?
    /// Since when the subject has been unwell; of a subject that is well again, since when the trouble lasts.
    var since: WallTime
    var detail: String?
    var next: String?
    /// The subject is well at this moment, but not yet for long enough.
    var isSettling: Bool
  }

  fileprivate struct Trouble: Sendable {
    var sinceWall: WallTime
    /// When it fell last.
    var fellWall: WallTime
    /// It began in an earlier run: its times are not of this run's clock.
    var isEarlier = false
    var unwellFor: Int64 = 0
    var falls = 1
    /// Since when the subject has been well; nil while it is unwell.
    var wellSince: MonotonicInstant?

    var isTold: Bool { unwellFor >= HubWatch.tellAfter || falls >= HubWatch.fallsMax }
  }

  fileprivate struct Watched: Sendable {
    var sample: Sample
    var trouble: Trouble?
    /// When the core was last told that the condition holds. Nil: the core was told that it does not, or nothing.
    var toldAt: MonotonicInstant?
    /// Whether the subject is still in the samples. It is not when it left the configuration: then what was told of it ends.
    var isThere = true
  }

  /// Sorted by rule and number, so that no outcome depends on an order that changes.
  private var watched: [Watched] = []
  private var lastLook: MonotonicInstant?
  /// Wall clock minus timeline at the last look, milliseconds.
  private var line: Int64?

  /// `told`: what the core holds open from an earlier run. It stays told until it has been well for `settle`.
  init(told: [(subject: Subject, since: WallTime)] = [], at now: MonotonicInstant) {
    for open in told where !watched.contains(where: { $0.sample.subject == open.subject }) {
      var entry = Watched(sample: Sample(subject: open.subject, name: nil, isWell: true, detail: nil), trouble: nil, toldAt: now)
      entry.trouble = Trouble(
        sinceWall: open.since, fellWall: open.since, isEarlier: true, unwellFor: Self.tellAfter, wellSince: now)
      watched.append(entry)
    }
    sort()
  }

  /// Takes a look at everything.
  mutating func look(_ samples: [Sample], at now: MonotonicInstant, wall: WallTime) {
    let passed = lastLook.map { min(max(0, now.rawValue &- $0.rawValue), Self.lookGapMax) } ?? 0
    lastLook = now
    followClock(wall.milliseconds(aheadOf: now))
    for index in watched.indices { watched[index].isThere = false }
    for sample in samples {
      let index: Int
      if let known = watched.firstIndex(where: { $0.sample.subject == sample.subject }) {
        index = known
      } else {
        watched.append(Watched(sample: sample))
        index = watched.count - 1
      }
      watched[index].isThere = true
      watched[index].take(sample, passed: passed, at: now, wall: wall)
    }
    for index in watched.indices where !watched[index].isThere { watched[index].trouble = nil }
    watched.removeAll { !$0.isThere && $0.toldAt == nil }
    sort()
  }

  /// Since when something is wrong is said by the clock as it is: one that is set does not make a minute of it years.
  private mutating func followClock(_ now: Int64) {
    let step = line.map { now &- $0 } ?? 0
    line = now
    guard step.magnitude > 1_000 else { return }
    for index in watched.indices {
      guard var trouble = watched[index].trouble, !trouble.isEarlier else { continue }
      trouble.sinceWall = trouble.sinceWall.adding(milliseconds: step)
      trouble.fellWall = trouble.fellWall.adding(milliseconds: step)
      watched[index].trouble = trouble
    }
  }

  /// What the core should be told now. Offer each to it, and confirm with `confirm` what it took.
  func due(at now: MonotonicInstant) -> [HubCondition] {
    watched.compactMap { entry in
      let subject = entry.sample.subject
      let holds = entry.trouble?.isTold ?? false
      if holds, let told = entry.toldAt, now.rawValue &- told.rawValue < Self.repeatAfter { return nil }
      if !holds, entry.toldAt == nil { return nil }
      return HubCondition(rule: subject.rule, holds: holds, subject: subject.number)
    }
  }

  /// The core took the condition.
  mutating func confirm(_ condition: HubCondition, at now: MonotonicInstant) {
    let subject = Subject(rule: condition.rule, number: condition.subject)
    guard let index = watched.firstIndex(where: { $0.sample.subject == subject }) else { return }
    watched[index].toldAt = condition.holds ? now : nil
  }

  /// What is wrong, for people.
  var shown: [Shown] {
    watched.compactMap { entry in
      guard let trouble = entry.trouble else { return nil }
      let isSettling = trouble.wellSince != nil
      guard trouble.isTold || (!isSettling && trouble.unwellFor >= Self.showAfter) else { return nil }
      return Shown(
        subject: entry.sample.subject, name: entry.sample.name, since: isSettling ? trouble.sinceWall : trouble.fellWall,
        detail: entry.sample.detail, next: entry.sample.next,
        isSettling: isSettling)
    }
  }

  private mutating func sort() {
    watched.sort {
      ($0.sample.subject.rule.rawValue, $0.sample.subject.number) < ($1.sample.subject.rule.rawValue, $1.sample.subject.number)
    }
  }
}

fileprivate extension HubWatch.Watched {
  mutating func take(_ new: HubWatch.Sample, passed: Int64, at now: MonotonicInstant, wall: WallTime) {
    // What was said last stays while the subject settles: people ask about it.
    let detail = new.detail ?? (trouble == nil ? nil : sample.detail)
    let known = sample.next
    sample = new
    sample.detail = detail
    sample.next = new.next ?? (trouble == nil ? nil : known)
    guard var trouble else {
      if !new.isWell { self.trouble = HubWatch.Trouble(sinceWall: wall, fellWall: wall) }
      return
    }
    switch (new.isWell, trouble.wellSince) {
    case (false, nil): trouble.unwellFor &+= passed
    case (false, .some):
      trouble.wellSince = nil
      trouble.fellWall = wall
      trouble.falls &+= 1
    case (true, nil): trouble.wellSince = now
    case (true, .some(let since)):
      if now.rawValue &- since.rawValue >= HubWatch.settle {
        self.trouble = nil
        (sample.detail, sample.next) = (nil, nil)
        return
      }
    }
    self.trouble = trouble
  }
}
