// What the board says: order, sentences, and that missing is never shown as normal.

import Foundation
import Testing
import VitalSigns

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

  @Test func mostUrgentFirstThenLongestWaiting() {
    let ago = { (seconds: Int64) in WallTime(rawValue: 1_790_000_000_000 - seconds * 1_000) }
    let alerts = [
      Fixture.alert(1, .lowBattery, .low, at: ago(9_000)), Fixture.alert(2, .sos, .high, at: ago(10)),
      Fixture.alert(3, .doseMissed, .medium, at: ago(500)), Fixture.alert(4, .fall, .high, at: ago(60)),
      Fixture.alert(5, .fall, .high, at: ago(60)),
    ]
    let order = [4, 5, 2, 3, 1].map { AlertID(high: 7, low: $0).description }
    #expect(view(alerts).cards.map(\.id) == order)
    #expect(view(alerts.reversed()).cards.map(\.id) == order)
    #expect(view(alerts).cards.map(\.priorityMark) == ["***", "***", "***", "**", "*"])
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

  @Test func aFloodIsCutAndSaysSo() {
    let alerts = (0..<150).map { Fixture.alert(UInt64($0), at: WallTime(rawValue: Int64($0))) }
    let view = view(alerts)
    #expect(view.cards.count == BoardView.cardsMax && view.isCut)
    #expect(view.hiddenText == "50 varsler til får ikke plass på tavlen.")
    #expect(view.countOpen == 150)
  }

  @Test func everyRuleHasASentence() {
    for rule in AlertRule.allCases {
      let sentence = Fixture.alert(1, rule).sentence(catalogue)
      #expect(!sentence.isEmpty && !sentence.contains("{"), "\(rule.key)")
    }
  }

  @Test func sentencesCarryTheirNumbers() {
    var fever = Fixture.alert(1, .planRed)
    (fever.value, fever.limit, fever.subject) = (385, 380, UInt32(PlanSignal.temperature.rawValue))
    #expect(fever.sentence(catalogue) == "Temperatur i rødt felt: 38,5 °C (grense 38,0 °C)")
    var silent = Fixture.alert(1, .signalLoss)
    silent.value = 720
    #expect(silent.sentence(catalogue) == "Ingen kontakt med utstyret på 12 min")
    var high = Fixture.alert(1, .news2High)
    high.value = 8
    #expect(high.sentence(catalogue) == "NEWS2 er 8 (høy)")
    high.news2 = BoardNEWS2(low: 8, high: 11, band: .high, missing: [.temperature], at: now)
    #expect(high.sentence(catalogue) == "NEWS2 er minst 8 (høy)")
    var strange = Fixture.alert(1, .planRed)
    strange.subject = 999
    #expect(!strange.sentence(catalogue).isEmpty)
  }

  @Test func anIncompleteScoreIsAnIntervalWithWhatIsMissing() {
    let score = BoardNEWS2(
      low: 4, high: 10, band: .lowMedium, missing: [.respiration, .temperature],
      points: [NEWS2Points(parameter: .pulse, points: 1), NEWS2Points(parameter: .oxygenSaturation, points: 3)], changeSinceLast: -2,
      at: now)
    let badge = ScoreBadge(score, catalogue: catalogue, zone: zone)
    #expect(badge.total == "4–10" && badge.isIncomplete)
    #expect(badge.missingText == "mangler: pust, temperatur")
    #expect(badge.bandText == "3 i én måling")
    #expect(badge.trendArrow == "▼" && badge.trendText == "synker −2 siden sist")
    #expect(badge.items.map(\.points) == [3, 1])
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
