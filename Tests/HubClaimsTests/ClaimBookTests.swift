// Every state before every thing that can be heard; and hubs that talk to each other through a broker that forgets, lies and falls.

import Testing
import VitalSigns

@testable import HubClaims

@Suite("What follows from claims") struct ClaimBookTests {
  private static let second: Int64 = 1_000_000_000
  private static let now = MonotonicInstant(rawValue: 1_000_000 * second)
  private static func at(_ seconds: Int64) -> MonotonicInstant { now.adding(nanoseconds: seconds * second) }

  private static func claim(_ generation: Int, _ run: String, isLive: Bool = true, began: Int64 = 1_800_000_000_000) -> Claim {
    Claim(generation: generation, run: run, isLive: isLive, began: WallTime(rawValue: began))
  }

  enum State: String, CaseIterable { case new, alone, twinned, outlived, replaced }

  /// Generation 5, run `me`.
  private static func book(_ state: State) -> ClaimBook {
    var book = ClaimBook(generation: 5, run: "me")
    book.connected(at: at(-10))
    if state == .new { return book }
    _ = book.heard(.claim(claim(5, "me"), isRetained: false), of: 5, at: at(-10))
    switch state {
    case .new, .alone: break
    case .twinned: _ = book.heard(.claim(claim(5, "t"), isRetained: false), of: 5, at: at(-1))
    case .outlived: _ = book.heard(.claim(claim(4, "o"), isRetained: false), of: 4, at: at(-1))
    case .replaced: _ = book.heard(.claim(claim(7, "n"), isRetained: false), of: 7, at: at(-1))
    }
    return book
  }

  private static func words(_ actions: [ClaimBook.Action]) -> String {
    actions.map { action in
      switch action {
      case .announce: "announce"
      case .clear(let generation): "clear \(generation)"
      case .standDown(let claim): "stand down for \(claim.generation)"
      }
    }.joined(separator: ", ")
  }

  private static let heard: [(String, ClaimBook.Heard, Int)] = [
    ("own", .claim(claim(5, "me"), isRetained: false), 5),
    ("own, kept", .claim(claim(5, "me"), isRetained: true), 5),
    ("own, ended", .claim(claim(5, "me", isLive: false), isRetained: false), 5),
    ("twin", .claim(claim(5, "t"), isRetained: false), 5),
    ("twin, kept", .claim(claim(5, "t"), isRetained: true), 5),
    ("twin, ended", .claim(claim(5, "t", isLive: false), isRetained: false), 5),
    ("another twin", .claim(claim(5, "u"), isRetained: false), 5),
    ("original", .claim(claim(4, "o"), isRetained: false), 4),
    ("original, kept", .claim(claim(4, "o"), isRetained: true), 4),
    ("original, ended", .claim(claim(4, "o", isLive: false), isRetained: true), 4),
    ("newer", .claim(claim(7, "n"), isRetained: false), 7),
    ("newer, kept", .claim(claim(7, "n"), isRetained: true), 7),
    ("newer, ended", .claim(claim(7, "n", isLive: false), isRetained: true), 7),
    ("newer, ten years old", .claim(claim(7, "n", isLive: false, began: 1_500_000_000_000), isRetained: true), 7),
    ("newest", .claim(claim(8, "n"), isRetained: false), 8),
    ("nothing", .nothing, 5),
    ("nothing below", .nothing, 4),
    ("nothing above", .nothing, 7),
    ("garbage", .unreadable(.form), 5),
    ("garbage below", .unreadable(.tooLong), 4),
    ("forged above", .unreadable(.signature), 7),
    ("on another topic", .claim(claim(7, "n"), isRetained: false), 6),
    ("newer on the own topic", .claim(claim(7, "n"), isRetained: false), 5),
  ]

  /// What is done, in the order of `State`: new, alone, twinned, outlived, replaced. An announcement less than five seconds after the last
  /// is owed.
  private static let table: [String: [String]] = [
    "own": ["", "", "", "", ""],
    "own, kept": ["", "", "", "", ""],
    "own, ended": ["", "announce", "owes", "owes", ""],
    "twin": ["", "announce", "", "owes", ""],
    "twin, kept": ["", "", "", "", ""],
    "twin, ended": ["", "announce", "owes", "owes", ""],
    "another twin": ["", "announce", "owes", "owes", ""],
    "original": ["", "announce", "owes", "", ""],
    "original, kept": ["clear 4", "clear 4", "clear 4", "clear 4", ""],
    "original, ended": ["clear 4", "clear 4", "clear 4", "clear 4", ""],
    "newer": ["stand down for 7", "stand down for 7", "stand down for 7", "stand down for 7", ""],
    "newer, kept": ["stand down for 7", "stand down for 7", "stand down for 7", "stand down for 7", ""],
    "newer, ended": ["stand down for 7", "stand down for 7", "stand down for 7", "stand down for 7", ""],
    "newer, ten years old": ["stand down for 7", "stand down for 7", "stand down for 7", "stand down for 7", ""],
    "newest": ["stand down for 8", "stand down for 8", "stand down for 8", "stand down for 8", "stand down for 8"],
    "nothing": ["", "announce", "owes", "owes", ""],
    "nothing below": ["", "", "", "", ""],
    "nothing above": ["", "", "", "", ""],
    "garbage": ["", "announce", "owes", "owes", ""],
    "garbage below": ["", "", "", "", ""],
    "forged above": ["", "", "", "", ""],
    "on another topic": ["", "", "", "", ""],
    "newer on the own topic": ["", "", "", "", ""],
  ]

  @Test("Every state, everything that can be heard")
  func table() throws {
    for (name, what, topic) in Self.heard {
      let row = try #require(Self.table[name])
      for (state, expected) in zip(State.allCases, row) {
        var book = Self.book(state)
        let actions = Self.words(book.heard(what, of: topic, at: Self.now))
        let owed = Self.words(book.tick(at: Self.at(5)))
        let told = actions.isEmpty && owed == "announce" ? "owes" : actions
        #expect(told == expected, "\(state.rawValue), \(name)")
        #expect(
          book.replacedBy.map(\.generation)
            == (name == "newest" ? 8 : name.hasPrefix("newer") && topic == 7 || state == .replaced ? 7 : nil))
      }
    }
    #expect(Self.table.count == Self.heard.count)
  }

  @Test("Who is there, by what was heard")
  func standing() {
    var book = Self.book(.new)
    #expect(!book.hasHeardAll)
    book = Self.book(.alone)
    #expect(book.hasHeardAll && book.twin == nil && book.original(at: Self.at(3_600)) == nil && book.refusal == nil)
    book = Self.book(.twinned)
    #expect(book.twin?.run == "t" && book.twin?.since == Self.at(-1))
    _ = book.heard(.claim(Self.claim(5, "t", isLive: false), isRetained: false), of: 5, at: Self.now)
    #expect(book.twin == nil, "it said that it ended")
    book = Self.book(.outlived)
    #expect(book.original(at: Self.at(13)) == nil, "it has time to stand down")
    #expect(book.original(at: Self.at(14))?.run == "o")
    _ = book.heard(.claim(Self.claim(4, "o", isLive: false), isRetained: false), of: 4, at: Self.now)
    #expect(book.original(at: Self.at(3_600)) == nil, "it stood down")
    _ = book.heard(.unreadable(.signature), of: 9, at: Self.now)
    #expect(book.refusal == .signature && book.replacedBy == nil)
    book.lost()
    #expect(!book.hasHeardAll)
  }

  @Test("Silence moves nothing, in a year")
  func silent() {
    var book = Self.book(.alone)
    for hour in 0..<8_760 { #expect(book.tick(at: Self.at(Int64(hour) * 3_600)).isEmpty) }
  }

  @Test("One that lives is asked each minute, and forgotten when it is silent")
  func asked() {
    var book = Self.book(.twinned)
    #expect(book.tick(at: Self.at(58)).isEmpty)
    #expect(book.tick(at: Self.at(59)) == [.announce])
    #expect(book.tick(at: Self.at(60)).isEmpty)
    #expect(book.tick(at: Self.at(119)) == [.announce])
    #expect(book.tick(at: Self.at(198)) == [.announce] && book.twin != nil)
    #expect(book.tick(at: Self.at(199)).isEmpty && book.twin == nil)
    book = Self.book(.outlived)
    #expect(book.tick(at: Self.at(59)) == [.clear(generation: 4)])
    _ = book.heard(.claim(Self.claim(4, "o"), isRetained: false), of: 4, at: Self.at(60))
    #expect(book.original(at: Self.at(61))?.since == Self.at(-1), "the same one, all the time")
    #expect(book.tick(at: Self.at(259)) == [.clear(generation: 4)])
    #expect(book.tick(at: Self.at(260)).isEmpty && book.original(at: Self.at(260)) == nil)
  }

  @Test("However many speak, and however often, as much is kept and no flood is answered")
  func full() {
    var book = Self.book(.alone)
    var announcements = 0
    for number in 0..<10_000 {
      let instant = Self.now.adding(nanoseconds: Int64(number) * 10_000_000)
      let actions = book.heard(.claim(Self.claim(5, "\(number)"), isRetained: false), of: 5, at: instant) + book.tick(at: instant)
      announcements += actions.count { $0 == .announce }
    }
    #expect((1...6).contains(announcements), "those that find a place are answered, and each minute one word for all")
    #expect(book.twin != nil)
    for generation in 6..<5_000 {
      #expect(book.heard(.claim(Self.claim(generation, "x"), isRetained: true), of: generation, at: Self.now).count == 1)
    }
    #expect(book.heard(.claim(Self.claim(100, "x"), isRetained: true), of: 100, at: Self.now).isEmpty, "said already")
    #expect(book.replacedBy?.generation == 4_999)
  }
}
