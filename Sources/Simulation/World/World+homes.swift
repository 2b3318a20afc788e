// The homes of a world: how they are registered, what their devices send, what becomes of a message on its way to the broker, and what
// nurses do about alerts.

import CoreAPI
import DeviceProfile
import HubCore
import HubRegistry
import Journal
import JournalValues
import Synchronization
import VitalSigns

extension World {
  /// Pause until a device tries again that found no broker. Seconds.
  private static let publishAgain: Int64 = 5

  // MARK: Registering

  /// A home moves in. Its people and devices are entries of the intake, as the local API makes them; they count when they are durable.
  func register(_ home: Int) {
    while registered <= home {
      for (index, kind) in SimulatedDevice.Kind.allCases.enumerated() {
        let id = UInt32(registered * SimulatedDevice.Kind.allCases.count + index + 1)
        devices.append(
          SimulatedDevice(
            kind: kind, home: registered, id: DeviceID(rawValue: id), patient: PatientID(rawValue: UInt32(registered + 1)),
            random: SeededRandom(seed: settings.seed &* 1_000_003 &+ UInt64(id))))
        agenda.add(.device(devices.count - 1), at: now + (5 + Int64(index)) * Self.second)
      }
      registered += 1
    }
    if let hub { registerMissing(hub) }
  }

  // MARK: Speaking

  func speak(_ index: Int) {
    let interval = devices[index].kind.interval * Self.second
    // Not all at once, and not in step.
    agenda.add(.device(index), at: now + interval - interval / 10 + devices[index].random.next(in: 0...(interval / 5)))
    guard now >= devices[index].silentUntil else { return }
    let isTwice = chance(.sameInstant, &devices[index].random)
    for _ in 0..<(isTwice ? 2 : 1) { say(index) }
  }

  /// One message of a device, and what becomes of it on its way.
  private func say(_ index: Int) {
    if chance(.deviceClock, &devices[index].random) { devices[index].clockError = devices[index].random.next(in: -40_000_000...40_000_000) }
    var (payload, meaning) = devices[index].speak(at: trueWall)
    if devices[index].clockError != 0, case .values = meaning { meaning = .life }
    var bytes = Array(payload.utf8)
    if chance(.corrupt, &devices[index].random), !bytes.isEmpty {
      bytes[Int(devices[index].random.next(upTo: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: devices[index].random.next())
      meaning = .rubbish
    }
    if chance(.truncated, &devices[index].random) {
      bytes.removeLast(Int(devices[index].random.next(upTo: UInt64(bytes.count))))
      meaning = .rubbish
    }
    nextMessage += 1
    let message = SimulatedMessage(
      number: nextMessage, device: index, topic: devices[index].topic, payload: bytes, meaning: meaning, sent: now)
    if chance(.reordered, &devices[index].random) {
      agenda.add(.arrives(message), at: now + devices[index].random.next(in: 1...90) * Self.second)
    } else {
      publish(message)
    }
    if chance(.duplicate, &devices[index].random) {
      nextMessage += 1
      var again = message
      again.number = nextMessage
      agenda.add(.arrives(again), at: now + devices[index].random.next(in: 0...5) * Self.second)
    }
  }

  private func chance(_ kind: FaultKind, _ random: inout SeededRandom) -> Bool {
    // Drawn whether or not it is wanted: a fault that is switched off leaves the others as they are.
    let drawn = random.next(upTo: 1_000)
    return now < faultsEnd && !settings.without.contains(kind) && drawn < kind.messagesPerThousand(settings.profile)
  }

  func publish(_ message: SimulatedMessage) {
    guard now >= brokerDownUntil else { return agenda.add(.arrives(message), at: now + Self.publishAgain * Self.second) }
    counts.published += 1
    if broker.publish(message) { hubWake = now }
  }

  // MARK: Nurses

  func nurseHears(_ transition: AlertTransition) {
    guard !transition.rule.isTechnical, transition.state.isOpen, now >= nursesSleepUntil else { return }
    switch transition.kind {
    case .raised, .escalated, .retriggered, .upgraded: break
    default: return
    }
    let first = now + nurseChance.next(in: 10...200) * Self.second
    agenda.add(.nurse(transition.id, .acknowledge), at: first)
    agenda.add(.nurse(transition.id, .resolve), at: first + nurseChance.next(in: 60...600) * Self.second)
    if nurseChance.next(upTo: 4) == 0, !settings.without.contains(.nurseTwice), settings.profile != .calm {
      agenda.add(.nurse(transition.id, .acknowledge), at: first + nurseChance.next(in: 0...2) * Self.second)
      agenda.add(.nurse(transition.id, .resolve), at: first + nurseChance.next(in: 60...600) * Self.second)
    }
  }

  func act(on alert: AlertID, _ action: AlertAction) {
    guard let hub, let actor = hub.parts.actors.number(of: "nurse", role: "staff") else { return }
    let note = AlertNote(comment: "seen to")
    // As the local API does: an alert that the journal does not have yet cannot be acted on.
    guard let row = (try? hub.parts.reader.alert(alert)) ?? nil, row.isOpen else { return }
    let companion = Companion(attachment: Attachment(actor: actor, reason: "simulated", .note(note)), mark: nil)
    let command = AlertCommand(
      alert: alert, action: action, actor: actor, standing: AlertStanding(row.transition, row: row.outcome))
    let taken = hub.parts.intake.submit(
      .command(command), device: row.device, patient: row.patient, companion: companion)
    trace.note(.nurse, alert.low, taken ?? 0)
    hubWake = now
  }
}
