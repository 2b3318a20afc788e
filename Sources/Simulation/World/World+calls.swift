// A call for help that is cut off: a button is pressed while the disk stands still; the call is told, and at that moment the hub dies, or the power
// goes. Every other time the broker has lost the press, too: then nobody brings it again, and the next press, soon after, is another call. Else it
// comes again, and is the same call.

import VitalSigns

/// What waits for the next call of one button. A value.
struct CallCutOff {
  var device: Int
  var random: SeededRandom
}

extension World {
  /// A press with a number of its own.
  func press(_ index: Int) -> SimulatedMessage {
    nextMessage += 1
    let payload = Array(#"{"action": "press", "press": \#(nextMessage)}"#.utf8)
    return SimulatedMessage(
      number: nextMessage, device: index, topic: devices[index].topic, payload: payload, meaning: .press, sent: now)
  }

  /// - Parameter until: when the disk answers again all the same.
  func pressToCutOff(_ fault: PlannedFault, until: Int64) {
    let buttons = devices.indices.filter { devices[$0].kind == .button }
    guard cutOff == nil, !buttons.isEmpty, let hub, hub.link.isConnected else { return }
    let index = buttons[Int(fault.draw % UInt64(buttons.count))]
    cutOff = CallCutOff(device: index, random: SeededRandom(seed: fault.draw))
    diskStandsUntil = max(diskStandsUntil, until)
    hub.standsStill(true)
    publish(press(index))
  }

  /// The call was told, and is in no file.
  func cutOffCall(_ transition: AlertTransition, _ outcome: Outcome) {
    guard transition.rule == .sos, var cut = cutOff, outcome.device == devices[cut.device].id else { return }
    cutOff = nil
    diskStandsUntil = now
    isPowerCut = cut.random.next(upTo: 2) == 0
    let isLost = cut.random.next(upTo: 2) == 0
    if isLost { ledger.forget(broker.forget()) }
    agenda.add(.arrives(press(cut.device)), at: now + cut.random.next(in: 1...150) * Self.second)
    disk.die()
  }
}
