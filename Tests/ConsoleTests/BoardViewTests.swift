// What the board says: order, sentences, and that missing is never shown as normal.

import Foundation
import HubRuntime
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console

@Suite struct BoardViewTests {
  let catalogue: Catalogue
  let now = WallTime(rawValue: 1_790_000_000_000)
  let zone: TimeZone

  init() throws {
    catalogue = try ConsoleResources(folder: nil, language: .nb).catalogue
    zone = try #require(TimeZone(identifier: "Europe/Oslo"))
  }

  func view(_ alerts: [BoardAlert], closed: [BoardAlert] = [], isBlind: Bool = false) -> BoardView {
    BoardView(
      BoardSnapshot(open: alerts, closed: closed, takenAt: now, core: .live), isBlind: isBlind, catalogue: catalogue, zone: zone)
  }

  /// What has just happened is what nobody has seen: the newest of the most urgent that nobody has taken stands first.
  @Test func mostUrgentFirstThenUntakenThenNewest() {
    let ago = { (seconds: Int64) in WallTime(rawValue: 1_790_000_000_000 - seconds * 1_000) }
    let alerts = [
      Fixture.alert(1, .dispenserEmpty, .low, at: ago(9_000)), Fixture.alert(2, .sos, .high, at: ago(10)),
      Fixture.alert(3, .doseMissed, .medium, at: ago(500)), Fixture.alert(4, .fall, .high, person: 2, at: ago(60)),
      Fixture.alert(5, .fall, .high, person: 3, at: ago(60)), Fixture.alert(6, .sos, .high, state: .acknowledged, person: 4, at: ago(1)),
    ]
    let order = [2, 4, 5, 6, 3, 1].map { AlertID(high: 7, low: $0).description }
    #expect(view(alerts).cards.map(\.id) == order)
    #expect(view(alerts.reversed()).cards.map(\.id) == order)
    #expect(view(alerts).cards.map(\.priorityMark) == ["***", "***", "***", "***", "**", "*"])
  }

  @Test func suspectedAndClosedAreNotOpen() {
    let view = view([Fixture.alert(1, state: .suspected), Fixture.alert(2, state: .resolved), Fixture.alert(3, state: .cleared)])
    #expect(!view.hasCards && view.isEmpty && view.countOpen == 0)
  }

  /// An empty board that cannot see is not a quiet night.
  @Test func emptyAndBlindAreTwoThings() {
    #expect(view([]).isEmpty)
    #expect(!view([], isBlind: true).isEmpty)
    #expect(view([], isBlind: true).isBlind)
  }

  /// One stuck button takes no other person's place: its presses are one card that says how many they are.
  @Test func aFloodOfOnePersonIsOneCard() throws {
    let start: Int64 = 1_768_872_000_000
    var alerts = (0..<1_140).map { Fixture.alert(UInt64($0), at: WallTime(rawValue: start + Int64($0))) }
    alerts.append(Fixture.alert(5_000, name: "Trenger Hjelp", person: 2, at: WallTime(rawValue: start - 1)))
    let flooded = view(alerts)
    #expect(flooded.cards.map(\.who) == ["Kari Testesen", "Trenger Hjelp"])
    let card = try #require(flooded.cards.first)
    #expect(card.id == AlertID(high: 7, low: 1_139).description)
    #expect(card.hasMore && card.moreText == "og 1139 til, den første kl. 20.01. 02:20")
    #expect(flooded.countOpen == 1_141 && flooded.tally[0].tallyCount == 1_141)
    // One of them taken: the others still stand as not taken.
    alerts[1_139].state = .acknowledged
    #expect(view(alerts).cards.map(\.isTaken) == [false, false, true])
  }

  /// However many there are, every person with an open alert is on the board by name.
  @Test func beyondTheCardsEveryPersonHasALine() {
    let alerts = (0..<300).map {
      Fixture.alert(UInt64($0), name: "Person \($0)", person: UInt32($0 % 150 + 1), at: WallTime(rawValue: Int64($0)))
    }
    let full = view(alerts + [Fixture.alert(900, .fall, name: "Sist", person: 1, at: WallTime(rawValue: 1))])
    #expect(full.cards.count == BoardView.cardsMax && full.hasRest)
    let shown = Set(full.cards.map(\.who) + full.rest.map(\.restWho))
    #expect(shown.count >= 150)
    #expect(full.countOpen == 301)
  }

  @Test func whatConcernsNobodyStandsApart() {
    var hub = Fixture.alert(1, .linkDown, .high)
    hub.person = nil
    let alarm = Fixture.alert(2, .signalLoss, .high)
    let view = view([hub, alarm, Fixture.alert(3, .lowBattery, .low)])
    #expect(view.cards.map(\.id) == [AlertID(high: 7, low: 2).description], "a silent safety alarm concerns its person")
    #expect(view.apart.map(\.id) == [1, 3].map { AlertID(high: 7, low: $0).description })
    #expect(!view.isEmpty)
  }

  @Test func aCardSaysWhomItReached() {
    var alert = Fixture.alert(1)
    let ago = { (seconds: Int64) in self.now.adding(milliseconds: -seconds * 1_000) }
    let card = { AlertCard(alert, now: self.now, catalogue: catalogue, zone: zone) }
    #expect(card().stateText == "Ny – ingen har kvittert" && !card().isUndelivered)
    alert.receipts = [BoardReceipt(receiver: "responssenteret", state: .waiting(attempts: 0), at: ago(1))]
    #expect(!card().isUndelivered, "a delivery takes its moment")
    alert.receipts = [BoardReceipt(receiver: "responssenteret", state: .waiting(attempts: 1), at: ago(1))]
    #expect(card().isUndelivered && card().undeliveredText == "Ikke levert til responssenteret – ring")
    alert.receipts = [BoardReceipt(receiver: "responssenteret", state: .waiting(attempts: 0), at: ago(11))]
    #expect(card().isUndelivered)
    alert.receipts = [
      BoardReceipt(receiver: "responssenteret", state: .delivered, at: WallTime(rawValue: 1_768_872_000_000)),
      BoardReceipt(receiver: "nattpatruljen", state: .refused, at: ago(5)),
    ]
    alert.level = 1
    #expect(card().stateText == "Sendt til responssenteret kl. 02:20 – ingen har kvittert")
    #expect(card().undeliveredText == "Ikke levert til nattpatruljen – ring" && card().levelText == "Varslet på nytt: responssenteret")
    #expect(card().escalatesLabel == "Neste nivå varsles")
    alert.receipts[1].receiver = "responssenteret"
    #expect(card().undeliveredText == "Siste varsel ikke levert til responssenteret – ring")
    alert.state = .acknowledged
    #expect(!card().isUndelivered && card().escalatesLabel == "Varsles på nytt")
  }

  @Test func everyRuleHasASentence() {
    for rule in AlertRule.allCases {
      let sentence = Fixture.alert(1, rule).sentence(catalogue, in: zone)
      #expect(!sentence.isEmpty && !sentence.contains("{"), "\(rule.key)")
    }
  }

  @Test func sentencesCarryTheirNumbers() {
    var fever = Fixture.alert(1, .planRed)
    (fever.value, fever.limit, fever.subject) = (385, 380, UInt32(PlanSignal.temperature.rawValue))
    #expect(fever.sentence(catalogue, in: zone) == "Temperatur 38,5 °C – rød sone (over 37,9 °C)")
    var low = Fixture.alert(1, .planYellow)
    (low.value, low.limit) = (84, 84)
    #expect(low.sentence(catalogue, in: zone) == "Oksygenmetning 84 % – gul sone (under 85 %)")
    low.value = 92
    #expect(
      low.sentence(catalogue, in: zone) == "Oksygenmetning 92 % – varslet for gul sone (grense 85 %)", "back inside is not in the zone")
    var pulse = Fixture.alert(1, .planRed)
    (pulse.value, pulse.limit, pulse.subject) = (120, 120, UInt32(PlanSignal.pulse.rawValue))
    #expect(pulse.sentence(catalogue, in: zone) == "Puls 120 /min – rød sone (over 119 /min)")
    pulse.value = 90
    #expect(pulse.sentence(catalogue, in: zone) == "Puls 90 /min – varslet for rød sone (grense 119 /min)")
    var weight = Fixture.alert(1, .planRed)
    (weight.value, weight.limit, weight.subject) = (820, 800, UInt32(PlanSignal.weight.rawValue))
    #expect(weight.sentence(catalogue, in: zone) == "Vekt 82,0 kg – varslet for rød sone (grense 80,0 kg)")
    (pulse.value, pulse.limit) = (.min, .min)
    #expect(!pulse.sentence(catalogue, in: zone).isEmpty)
    var strange = Fixture.alert(1, .planRed)
    strange.subject = 999
    #expect(!strange.sentence(catalogue, in: zone).isEmpty)
  }

  /// A number of seconds of silence would stand still while the silence goes on.
  @Test func silenceSaysSinceWhen() {
    var silent = Fixture.alert(1, .signalLoss, at: WallTime(rawValue: 1_768_872_000_000))  // 02:20 in Oslo.
    (silent.value, silent.limit) = (720, 300)
    #expect(silent.sentence(catalogue, in: zone) == "Ingen kontakt med utstyret siden kl. 02:08 (skulle meldt seg innen 5 min)")
    silent.limit = 0
    #expect(silent.sentence(catalogue, in: zone) == "Ingen kontakt med utstyret siden kl. 02:08")
    silent.value = 9_000
    #expect(silent.sentence(catalogue, in: zone) == "Ingen kontakt med utstyret siden kl. 19.01. 23:50")
  }

  @Test func dosesNameTheirHour() {
    var dose = Fixture.alert(1, .doseMissed)
    (dose.value, dose.limit, dose.subject) = (480, 1_800, 2)
    #expect(dose.sentence(catalogue, in: zone) == "Dose kl. 08:00 ikke tatt (frist 08:30)")
    (dose.value, dose.limit) = (1_430, 1_200)
    #expect(dose.sentence(catalogue, in: zone) == "Dose kl. 23:50 ikke tatt (frist 00:10)")
    (dose.value, dose.limit, dose.subject) = (0, 0, 9)
    #expect(dose.sentence(catalogue, in: zone) == "Medisindose ikke tatt (dose 9)")
    dose.value = 99_999
    #expect(dose.sentence(catalogue, in: zone) == "Medisindose ikke tatt (dose 9)")
  }

  @Test func placesAndParametersAreNamed() {
    var away = Fixture.alert(1, .geofenceExit)
    (away.value, away.limit) = (880, 300)
    #expect(away.sentence(catalogue, in: zone) == "Er 580 m utenfor det avtalte området")
    away.value = 2_650
    #expect(away.sentence(catalogue, in: zone) == "Er 2,3 km utenfor det avtalte området")
    var three = Fixture.alert(1, .news2SingleThree)
    three.subject = UInt32(NEWS2Parameter.respiration.rawValue)
    #expect(three.sentence(catalogue, in: zone) == "3 poeng på én parameter: respirasjonsfrekvens")
    three.subject = UInt32(NEWS2Parameter.consciousness.rawValue)
    #expect(three.sentence(catalogue, in: zone) == "3 poeng på én parameter: bevissthet")
    three.subject = 77
    #expect(three.sentence(catalogue, in: zone) == "3 poeng på én parameter")
  }

  /// One number on a card: the present one, and what was told in brackets.
  @Test func theHeadlineIsThePresentScore() {
    var high = Fixture.alert(1, .news2High, at: WallTime(rawValue: 1_768_872_000_000))
    (high.value, high.upper) = (7, 7)
    let now = { (low: Int, top: Int, band: NEWS2Band) in
      high.news2 = BoardNEWS2(low: low, high: top, band: band, at: self.now)
      return AlertCard(high, now: self.now, catalogue: catalogue, zone: zone).what
    }
    #expect(now(7, 7, .high) == "NEWS2 er 7 – høy")
    #expect(now(17, 17, .high) == "NEWS2 er 17 – høy (var 7 kl. 02:20)")
    #expect(now(14, 17, .high) == "NEWS2 er minst 14 – høy (var 7 kl. 02:20)")
    #expect(now(3, 3, .low) == "NEWS2 er 3 – lav (var 7 kl. 02:20)")
    #expect(now(0, 20, .none) == "NEWS2 er ufullstendig: kan være 0–20 (var 7 kl. 02:20)")
    #expect(now(7, 18, .high) == "NEWS2 er minst 7 – høy")
    (high.value, high.upper) = (7, 11)
    #expect(now(7, 11, .high) == "NEWS2 er minst 7 – høy")
    #expect(now(9, 9, .high) == "NEWS2 er 9 – høy (var minst 7 kl. 02:20)")
    // Beside a second reason too, and when the sum is the second.
    let limit = AlertReason(rule: .planRed, value: 83, limit: 84, upper: 83, subject: UInt32(PlanSignal.oxygenSaturation.rawValue))
    (high.value, high.upper, high.also) = (7, 7, limit)
    #expect(now(17, 17, .high) == "NEWS2 er 17 – høy (var 7 kl. 02:20), og oksygenmetning 83 % – rød sone (under 85 %)")
    (high.rule, high.value, high.limit, high.upper, high.subject) = (.planRed, 83, 84, 83, limit.subject)
    high.also = AlertReason(rule: .news2Medium, value: 5, limit: 5, upper: 5, subject: 0)
    #expect(now(17, 17, .high) == "Oksygenmetning 83 % – rød sone (under 85 %), og NEWS2 er 17 – høy (var 5 kl. 02:20)")
  }

  @Test func anIncompleteScoreIsAnIntervalWithWhatIsMissing() {
    let score = BoardNEWS2(
      low: 4, high: 10, band: .lowMedium, missing: [.respiration, .temperature],
      points: [NEWS2Points(parameter: .pulse, points: 1), NEWS2Points(parameter: .oxygenSaturation, points: 3)], changeSinceLast: -2,
      at: now)
    let badge = ScoreBadge(score, catalogue: catalogue, zone: zone)
    #expect(badge.total == "4–10" && badge.isIncomplete)
    #expect(badge.missingText == "mangler: respirasjon, temperatur")
    #expect(badge.bandKey == "incomplete" && badge.bandText == "ufullstendig – kan være 4–10")
    #expect(badge.trendArrow == "▼" && badge.trendText == "synker −2 siden sist")
    #expect(badge.items.map(\.points) == [3, 1])
  }

  /// After an oximeter went silent: nothing is known, and that is neither "no points" nor an improvement.
  @Test func lostDataIsNoImprovement() {
    let lost = ScoreBadge(
      BoardNEWS2(low: 0, high: 20, band: .none, missing: NEWS2Parameter.allCases, at: now), catalogue: catalogue, zone: zone)
    #expect(lost.bandKey == "incomplete" && lost.bandText == "ufullstendig – kan være 0–20" && !lost.hasTrend)
    #expect(lost.missingText.hasPrefix("kan ikke sammenlignes – mangler respirasjon, oksygenmetning"))
    for (low, high, band, isKnown) in [
      (0, 0, NEWS2Band.none, true), (0, 1, .none, false), (1, 3, .low, true), (1, 4, .low, false), (3, 4, .lowMedium, true),
      (3, 5, .lowMedium, false), (5, 6, .medium, true), (5, 7, .medium, false), (7, 20, .high, true),
    ] { #expect(BoardNEWS2(low: low, high: high, band: band, at: now).isBandKnown == isKnown, "\(low)–\(high)") }
  }

  @Test func theCoresScoreIsTakenOverWhole() {
    var score = NEWS2Score()
    score.low = 5
    score.high = 8
    score.band = .medium
    score.missing = 0b100_0001
    score.points[1] = 3
    score.points[4] = 2
    score.changeOver24Hours = 4
    let board = BoardNEWS2(score, at: now)
    #expect(board.missing == [.respiration, .temperature])
    #expect(board.points == [NEWS2Points(parameter: .oxygenSaturation, points: 3), NEWS2Points(parameter: .pulse, points: 2)])
    #expect(board.changeSinceLast == nil && board.changeOver24Hours == 4)
  }

  @Test func buttonsFollowTheState() {
    let cards = [AlertState.raised, .notified, .acknowledged, .responding].map {
      AlertCard(Fixture.alert(1, state: $0), now: now, catalogue: catalogue, zone: zone)
    }
    #expect(cards.map(\.canAcknowledge) == [true, true, false, false])
    #expect(cards.map(\.canRespond) == [true, true, true, false])
  }
}
