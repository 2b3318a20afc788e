// What follows from claims that are heard at one broker: which other hubs of this identity there are, and what this one does. Sans-I/O.
//
// - A higher generation was restored from a copy of this hub: this one has been replaced and stands down, however long ago that was said,
//   and whether or not the other lives. The generation tells, no clock does.
// - A lower one is the original. It stands down when it hears of this hub. One that answers all the same is told of.
// - The same generation and another run is a copied disk, or this hub's own run before. A retained claim proves nothing: a broker that lost
//   its power never said the last will of a hub that lost its power too. So this hub speaks, and a hub that lives answers. Both go on, and
//   say so: of two equals neither knows which is right, and told twice is better than never.
// - What cannot be read, or was not signed with this journal's key, moves nothing.

package import VitalSigns

package struct ClaimBook: Sendable {
  /// What came on the topic of a generation.
  package enum Heard: Sendable, Hashable {
    case claim(Claim, isRetained: Bool)
    /// The topic was cleared.
    case nothing
    case unreadable(Claim.Refusal)
  }

  package enum Action: Sendable, Hashable {
    /// Say again that this run lives.
    case announce
    /// Take away what stands on the topic of a lower generation: whoever lives there says it again.
    case clear(generation: Int)
    /// Stop taking and telling anything, for good.
    case standDown(by: Claim)
  }

  /// Another run that lives, by its own word.
  package struct Other: Sendable, Hashable {
    package var run: String
    package var generation: Int
    package var since: MonotonicInstant
    package fileprivate(set) var heardAt: MonotonicInstant
  }

  /// Between two announcements, so that two hubs never talk each other into a flood. Nanoseconds.
  package static let pauseNanoseconds: Int64 = 5_000_000_000
  /// How often another hub that lives is asked whether it still does.
  package static let proofNanoseconds: Int64 = 60_000_000_000
  /// One that has not answered for so long is gone.
  package static let forgetNanoseconds: Int64 = 200_000_000_000
  /// The original has so long to stand down before it is told of.
  package static let patienceNanoseconds: Int64 = 15_000_000_000

  /// Other hubs that are remembered of each kind. One more takes the place of the one that was silent longest, and is not answered at once:
  /// it hears of this hub within `proofNanoseconds`.
  package static let othersMax = 4

  private let generation: Int
  private let run: String
  /// What this hub says came back on this connection: everything that the broker had kept has been heard before it.
  package private(set) var hasHeardAll = false
  package private(set) var replacedBy: Claim?
  /// Runs of this generation, and of lower ones, that live; `othersMax` of each.
  private var twins: [Other] = []
  private var originals: [Other] = []
  /// What stands on a topic of this hub and cannot be believed, the newest.
  package private(set) var refusal: Claim.Refusal?
  private var announcedAt: MonotonicInstant?
  private var owesAnnouncement = false
  private var askedAt: MonotonicInstant?

  package init(generation: Int, run: String) { (self.generation, self.run) = (generation, run) }

  /// Another run of this generation that lives; of several the one that is known longest.
  package var twin: Other? { twins.first }

  /// The original, when it goes on though it had time to stand down.
  package func original(at now: MonotonicInstant) -> Other? {
    originals.first { now >= $0.since.adding(nanoseconds: Self.patienceNanoseconds) }
  }

  /// The connection stands, and the link says with it that this run lives.
  package mutating func connected(at now: MonotonicInstant) {
    announcedAt = now
    owesAnnouncement = false
  }

  package mutating func lost() { hasHeardAll = false }

  package mutating func heard(_ heard: Heard, of generation: Int, at now: MonotonicInstant) -> [Action] {
    // Who was replaced has nothing to say to anybody, and hears only of whom it was replaced by.
    if replacedBy != nil, generation <= self.generation { return [] }
    switch heard {
    case .unreadable(let why):
      refusal = why
      return generation == self.generation ? announce(at: now) : []
    case .nothing: return generation == self.generation ? announce(at: now) : []
    case .claim(let claim, _) where claim.generation != generation:
      // A claim that somebody put on another topic: what it is signed for holds, where it stands does not.
      refusal = .form
      return []
    case .claim(let claim, let isRetained):
      if generation > self.generation { return replaced(by: claim) }
      if generation < self.generation { return older(claim, isRetained, at: now) }
      return claim.run == run ? own(claim, at: now) : sameGeneration(claim, isRetained, at: now)
    }
  }

  /// Once a second or so.
  package mutating func tick(at now: MonotonicInstant) -> [Action] {
    if replacedBy != nil { return [] }
    twins.removeAll { now >= $0.heardAt.adding(nanoseconds: Self.forgetNanoseconds) }
    originals.removeAll { now >= $0.heardAt.adding(nanoseconds: Self.forgetNanoseconds) }
    var actions: [Action] = []
    if !twins.isEmpty || !originals.isEmpty, askedAt.map({ now >= $0.adding(nanoseconds: Self.proofNanoseconds) }) ?? true {
      askedAt = now
      owesAnnouncement = owesAnnouncement || !twins.isEmpty
      actions += Set(originals.map(\.generation)).sorted().map { .clear(generation: $0) }
    }
    if owesAnnouncement { actions += announce(at: now) }
    return actions
  }

  // MARK: Whose it is

  private mutating func replaced(by claim: Claim) -> [Action] {
    if let known = replacedBy, known.generation >= claim.generation { return [] }
    replacedBy = claim
    return [.standDown(by: claim)]
  }

  private mutating func own(_ claim: Claim, at now: MonotonicInstant) -> [Action] {
    // The last will of an earlier connection of this run comes when the broker has noticed that connection's end.
    if !claim.isLive { return announce(at: now) }
    hasHeardAll = true
    return []
  }

  private mutating func sameGeneration(_ claim: Claim, _ isRetained: Bool, at now: MonotonicInstant) -> [Action] {
    if !claim.isLive {
      twins.removeAll { $0.run == claim.run }
      return announce(at: now)
    }
    if isRetained { return [] }
    return Self.note(&twins, claim, at: now) ? answer(at: now) : []
  }

  private mutating func older(_ claim: Claim, _ isRetained: Bool, at now: MonotonicInstant) -> [Action] {
    if !claim.isLive {
      originals.removeAll { $0.run == claim.run }
      return [.clear(generation: claim.generation)]
    }
    if isRetained { return [.clear(generation: claim.generation)] }
    // It has not heard of this hub, or it does not stand down.
    return Self.note(&originals, claim, at: now) ? answer(at: now) : []
  }

  /// Notes another run that lives. True: it is to be answered.
  private static func note(_ others: inout [Other], _ claim: Claim, at now: MonotonicInstant) -> Bool {
    if let known = others.firstIndex(where: { $0.run == claim.run }) {
      others[known].heardAt = now
      return false
    }
    let isFull = others.count >= othersMax
    if isFull, let oldest = others.indices.min(by: { others[$0].heardAt < others[$1].heardAt }) { others.remove(at: oldest) }
    others.append(Other(run: claim.run, generation: claim.generation, since: now, heardAt: now))
    return !isFull
  }

  private mutating func answer(at now: MonotonicInstant) -> [Action] {
    askedAt = now
    return announce(at: now)
  }

  /// While a connection is new, what the link says with it is on its way, and comes after all that the broker had kept.
  private mutating func announce(at now: MonotonicInstant) -> [Action] {
    guard hasHeardAll else { return [] }
    if let announcedAt, now < announcedAt.adding(nanoseconds: Self.pauseNanoseconds) {
      owesAnnouncement = true
      return []
    }
    owesAnnouncement = false
    announcedAt = now
    return [.announce]
  }
}
