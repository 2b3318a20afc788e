// People, devices, assignments, plans and alerts as a reader sees them.

import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct RegistryTests {
  @Test func registryFollowsItsEntries() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    let reader = try folder.reader()
    var intake = Intake()
    try writer.commit(intake.registration())
    #expect(try reader.patients().map(\.name) == ["Kari Test", "Ola Test"])
    #expect(try reader.patients().map(\.controller) == [Street.controller, Street.otherController])
    let device = try #require(try reader.device(Street.oximeter))
    #expect(device.label == "Oksymeter" && device.liveness == DeviceLiveness(expectedIntervalSeconds: 300, isContinuous: true))
    #expect(try reader.assignments().map(\.patient) == [Street.kari])

    try writer.commit(group([intake.entry(.registry(.deviceAssigned), patient: Street.ola)]))
    #expect(try reader.assignments().map(\.patient) == [Street.ola])
    #expect(try reader.assignments(includingEnded: true).map { $0.ended != nil } == [true, false])
    try writer.commit(group([intake.entry(.registry(.patientEnded), patient: Street.ola, device: .none)]))
    #expect(try reader.assignments().isEmpty)
    #expect(try reader.patients().map(\.id) == [Street.kari])
    #expect(try reader.patient(Street.ola)?.ended != nil)
    try writer.commit(group([intake.entry(.registry(.deviceRemoved), patient: .none)]))
    #expect(try reader.devices().isEmpty)
    #expect(try reader.devices(includingRemoved: true).count == 1)
    let recovery = try writer.recover()
    #expect(recovery.highestPatient == 2 && recovery.highestDevice == 1)
  }

  @Test func refusedChangeIsRecordedAndNotApplied() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    let entry = intake.entry(.registry(.patientAdded), device: .none)
    var batch = group([entry])
    batch.append(outcome(entry, .remark(.noRoom)))
    try writer.commit(batch)
    let reader = try folder.reader()
    #expect(try reader.patients().isEmpty)
    #expect(try reader.counts().registryChanges == 1)
    #expect(try reader.accessLog().first?.record.detail == "patientAdded refused: noRoom")
  }

  @Test func planKeepsItsHistory() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    for red in [Int32(85), 83] {
      var batch = JournalGroup()
      batch.append(
        intake.entry(.registry(.planItem(.limits(.oxygenSaturation, PlanLimits(redLow: red)))), device: .none),
        attachment: Attachment(actor: Street.nurse, reason: "grense \(red)"))
      try writer.commit(batch)
    }
    try writer.commit(group([intake.entry(.registry(.planItem(.spo2Scale(.scale2))), device: .none)]))
    let reader = try folder.reader()
    let current = try reader.plan(of: Street.kari)
    #expect(current.map(\.key) == ["limits.spo2", "spo2Scale"])
    #expect(current.first?.item == .limits(.oxygenSaturation, PlanLimits(redLow: 83)))
    #expect(current.first?.author == Street.nurse && current.first?.reason == "grense 83")
    #expect(try reader.plan(of: Street.kari, includingEnded: true).count == 3)
  }

  @Test func controllerOfEachRecord() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    try writer.commit(group([intake.spo2(95), intake.spo2(96, patient: Street.ola), intake.spo2(97, patient: .none)]))
    let reader = try folder.reader()
    #expect(try reader.observations(of: Street.ola).map(\.controller) == [Street.otherController])
    #expect(try reader.observations(of: .none).map(\.controller) == [Street.controller])
  }

  @Test func latestObservationsPassOverWhatDoesNotCount() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    var batch = group([intake.spo2(93), intake.spo2(94)])
    batch.append(
      intake.entry(.observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: 50), unit: .percent, quality: .late))))
    batch.append(
      intake.entry(.observation(Observation(code: .bodyTemperature, value: Quantity(mantissa: 366, exponent: -1), unit: .degreeCelsius))))
    try writer.commit(batch)
    let latest = try folder.reader().latestObservations(of: Street.kari)
    #expect(latest.map(\.observation.value.mantissa) == [366, 94] || latest.map(\.observation.value.mantissa) == [94, 366])
    #expect(try folder.reader().latestObservations(of: Street.ola).isEmpty)
    // Across groups too.
    try writer.commit(group([intake.spo2(95), intake.spo2(99, patient: Street.ola), intake.spo2(96)]))
    #expect(try folder.reader().observations(of: Street.kari, code: .oxygenSaturation).map(\.sequence) == [7, 5, 3, 2, 1])
    #expect(try folder.reader().observations(of: Street.kari, limit: 3).map(\.sequence) == [7, 5, 4])
    #expect(try folder.reader().observations(of: Street.ola).map(\.sequence) == [6])
    #expect(try folder.reader().observations(of: Street.kari, code: .oxygenSaturation, before: 3).map(\.sequence) == [2, 1])
  }
}

@Suite struct AlertReadingTests {
  @Test func alertFromRaiseToResolution() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    let reader = try folder.reader()
    var intake = Intake()
    var batch = JournalGroup()
    batch.append(intake.entry(.registry(.planItem(.limits(.oxygenSaturation, PlanLimits(redLow: 85)))), device: .none))
    let cause = intake.spo2(84)
    batch.append(cause)
    batch.append(outcome(cause, .alert(transition(1, .suspected, .suspected, rule: .planRed, firstCause: cause.sequence))))
    try writer.commit(batch)
    let id = AlertID(high: 0xABCD_EF01_2345_6789, low: 1)
    #expect(try reader.alert(id)?.raisedWall == nil)
    batch = JournalGroup()
    batch.append(outcome(cause, .alert(transition(1, .raised, .raised, rule: .planRed, firstCause: cause.sequence)), after: 5))
    let resolve = intake.entry(
      .command(AlertCommand(alert: id, action: .resolve, actor: Street.nurse, usefulness: .actionable)), device: .none)
    batch.append(
      resolve,
      attachment: Attachment(actor: Street.nurse, reason: "vakt", .note(AlertNote(comment: "ringt", cause: "kulde", action: "ny måling"))))
    batch.append(outcome(resolve, .alert(transition(1, .resolved, .resolved, rule: .planRed, firstCause: cause.sequence))))
    try writer.commit(batch)
    #expect(try reader.openAlerts().isEmpty)
    let explanation = try #require(try reader.explainAlert(id))
    #expect(explanation.history.map(\.transition.kind) == [.suspected, .raised, .resolved])
    #expect(explanation.history.last?.note == AlertNote(comment: "ringt", cause: "kulde", action: "ny måling"))
    #expect(explanation.firstCause == cause && explanation.plan?.item == .limits(.oxygenSaturation, PlanLimits(redLow: 85)))
    #expect(explanation.alert.usefulness == .actionable && explanation.alert.raisedWall == cause.wall)
    #expect(explanation.commands.map(\.command.action) == [.resolve])
    #expect(try reader.alerts(AlertFilter(patient: Street.kari, rule: .planRed)).count == 1)
    #expect(try reader.alerts(AlertFilter(openOnly: true)).isEmpty)
    #expect(try reader.alerts(AlertFilter(since: WallTime(rawValue: .max))).isEmpty)
    #expect(try reader.explainAlert(.none) == nil)
    let command = try #require(try reader.accessLog(of: Street.kari, limit: 1).first?.record)
    #expect(command.action == "command" && command.actor == Street.nurse && command.purpose == "vakt")
  }

  @Test func scoreNamesItsSources() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    var batch = JournalGroup()
    let oxygen = intake.entry(.registry(.planItem(.oxygen(.oxygen))), device: .none)
    batch.append(oxygen)
    let cause = intake.spo2(84)
    batch.append(cause)
    var value = score(7, sources: cause.sequence)
    value.sources[2] = oxygen.sequence
    batch.append(outcome(cause, .scored(value)))
    batch.append(outcome(cause, .alert(transition(1, .raised, .raised, rule: .news2High, firstCause: cause.sequence))))
    try writer.commit(batch)
    let reader = try folder.reader()
    let explanation = try #require(try reader.explainScore(patient: Street.kari))
    #expect(explanation.sources[1]?.observation.value.mantissa == 84 && explanation.prescriptions[2] == oxygen)
    #expect(try reader.explainScore(sequence: cause.sequence)?.score.score.low == 7)
    #expect(try reader.explainScore(sequence: 1) == nil && reader.explainScore(patient: Street.ola) == nil)
    #expect(try reader.explainAlert(AlertID(high: 0xABCD_EF01_2345_6789, low: 1))?.score?.score.score.low == 7)
    #expect(try reader.currentScores().map(\.patient) == [Street.kari])
    #expect(try reader.scores(of: Street.kari).count == 1)
    // An alert that a deadline raised later, with no score of its own cause: the last score before it.
    let later = intake.sos()
    batch = group([later])
    batch.append(outcome(later, .alert(transition(2, .raised, .raised, rule: .news2Medium, firstCause: later.sequence))))
    let newer = intake.spo2(99)
    batch.append(newer)
    batch.append(outcome(newer, .scored(score(1))))
    try writer.commit(batch)
    #expect(try reader.explainAlert(AlertID(high: 0xABCD_EF01_2345_6789, low: 2))?.score?.score.score.low == 7)
    #expect(try reader.scores(of: Street.kari).map(\.score.low) == [1, 7])
  }
}
