// Messages that speak for many devices: a bridge that says that it is gone, or is back.

import DeviceProfile
import Foundation
import HubCore
import HubRegistry
import HubRuntime
import Journal
import Logging
import MQTTLink
import Synchronization
import VitalSigns

extension MQTTFrameIntake {
  /// Takes a bridge's own state, which holds for every device behind the bridge. Nil when the topic is no bridge's.
  ///
  /// That the bridge is gone is told of each device. That the bridge is there proves nothing about a device; it only takes back
  /// what was told before.
  func speaksForMany(_ frame: MQTTFrame, _ mark: RedeliveryBook.Mark, _ stamp: Intake.Stamp) -> FrameVerdict? {
    let devices = registry.devices(onSharedTopic: frame.topic)
    if devices.isEmpty { return nil }
    let way = backlog.arrival(at: stamp.instant)
    var last: UInt64 = 0
    var isGone: Bool?
    let first = heldShared.flatMap { $0.mark == mark ? $0.next : nil } ?? 0
    for (place, (device, profile, index)) in devices.enumerated().dropFirst(first) {
      do {
        try profile.decode(frame.payload.span, frameIndex: index, retained: frame.retained, into: &result)
      } catch {
        count(error.reason.key)
        if error.reason != .empty { quarantine(frame, reason: error.reason.key) }
        return ignore(frame, mark)
      }
      if let odd = result.dropped.first(where: { $0.reason.isNotUnderstood }) {
        count(odd.reason.key)
        quarantine(frame, reason: odd.reason.key)
        return ignore(frame, mark)
      }
      for reading in result.readings {
        guard case .event(let event, at: _) = reading, event.kind == .offline || event.kind == .online else { continue }
        isGone = event.kind == .offline
        if event.kind == .online, frame.retained || !bridgesGone.contains(frame.topic) || devicesGone.contains(device.id) { continue }
        guard
          let sequence = intake.submit(
            reading, device: device.id, civil: civil, clocks: &clocks, by: way, mark: nil, stamp: stamp,
            keeper: frame.qos > 0 ? .producer : .nobody)
        else {
          heldShared = (mark, place)
          return .busy
        }
        last = sequence
      }
    }
    heldShared = nil
    if isGone == true { bridgesGone.insert(frame.topic) }
    if isGone == false, !frame.retained { bridgesGone.remove(frame.topic) }
    if last == 0 { return ignore(frame, mark) }
    if frame.qos > 0 { redeliveries.took(mark, RedeliveryBook.Known(sequence: last, taken: nil)) }
    return .accepted(lastSequence: last)
  }
}
