// Decides when something that the hub leans on is gone: a link to devices, Bluetooth, another role. Sampled at each pulse;
// no clock, no I/O. Vocabulary: a *trouble* begins when a subject is first seen unwell and is over when it has been well for
// a while without a break, so that what falls and rises again and again is one trouble and one alert.
//
// Not here: what is told by those who see it themselves (the store, destinations, the journal), and words for people.

import VitalSigns

/// What is watched over, and what the core has been told of it. One owner.
struct HubWatch: Sendable {
  /// Seconds unwell, summed over a trouble, until the core is told. A broker's restart takes five; a person must hear of a deaf
  /// hub within the minute.
  static let tellAfter: Int64 = 30_000_000_000
  /// Seconds unwell until lists show it: a reconnect is nobody's business.
  static let showAfter: Int64 = 3_000_000_000
  /// Seconds well without a break that end a trouble.
  static let settle: Int64 = 60_000_000_000
  /// Falls within one trouble that are told however short each is: another hub with the same client id gives one a second.
  static let fallsMax = 5
  /// The core is told again of what lasts: an alert that somebody resolved while the cause was still there speaks again.
  static let repeatAfter: Int64 = 600_000_000_000
  /// More time than this between two looks was slept, not measured.
  static let lookGapMax: Int64 = 5_000_000_000

  /// One thing that can be gone. `number` as in `HubCondition.subject`.
  struct Subject: Sendable, Hashable {
    package var rule: AlertRule
    package var number: UInt32
  }

  struct Sample: Sendable, Hashable {
    var subject: Subject
    /// Nil for what the hub has one of.
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
    /// Since it fell; when it is well again, since the trouble began.
    var since: WallTime
    var detail: String?
    var next: String?
    /// Well at this moment, but not yet for long enough.
    var isSettling: Bool
  }

  fileprivate struct Trouble: Sendable {
    var sinceWall: WallTime
    /// When it fell last.
    var fellWall: WallTime
    var unwellFor: Int64 = 0
    var falls = 1
    /// Nil while unwell.
    var wellSince: MonotonicInstant?

    var isTold: Bool { unwellFor >= HubWatch.tellAfter || falls >= HubWatch.fallsMax }
  }

  fileprivate struct Watched: Sendable {
    var sample: Sample
    var trouble: Trouble?
    /// When the core was last told that it holds; nil: it was told that it does not, or nothing.
    var toldAt: MonotonicInstant?
    /// False: it is in no sample any more (it left the configuration): what was told of it ends.
    var isThere = true
  }

  /// By rule and number: no outcome depends on an order that changes.
  private var watched: [Watched] = []
  private var lastLook: MonotonicInstant?

  /// `told`: what the core holds open from an earlier run. It stays told until it has been well for `settle`.
  init(told: [(subject: Subject, since: WallTime)] = [], at now: MonotonicInstant) {
    for open in told where !watched.contains(where: { $0.sample.subject == open.subject }) {
      var entry = Watched(sample: Sample(subject: open.subject, name: nil, isWell: true, detail: nil), trouble: nil, toldAt: now)
      entry.trouble = Trouble(sinceWall: open.since, fellWall: open.since, unwellFor: Self.tellAfter, wellSince: now)
      watched.append(entry)
    }
    sort()
  }

  /// Takes a look at everything.
  mutating func look(_ samples: [Sample], at now: MonotonicInstant, wall: WallTime) {
    let passed = lastLook.map { min(max(0, now.rawValue &- $0.rawValue), Self.lookGapMax) } ?? 0
    lastLook = now
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

  /// The core took it.
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
    // What was said last stays while it settles: it is what people ask about.
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
