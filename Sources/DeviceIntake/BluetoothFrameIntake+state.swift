// What a device's connection says of the device itself: it is heard, its bond is lost or made anew, its battery.

package import BluetoothLink
import DeviceProfile
import Foundation
import HubCore
import HubRegistry
import HubRuntime
import Journal
import Logging
import Synchronization
package import VitalSigns

extension BluetoothFrameIntake {
  package func heard(address: String) {
    guard let (device, _) = registry.device(onBluetooth: address) else { return }
    let stamp = intake.stamp()
    registry.seen(device.id, at: stamp.wall)
    alive(device.id, stamp)
  }

  package func bond(isLost: Bool, address: String) {
    guard let (device, _) = registry.device(onBluetooth: address), bondIsLost[device.id] != isLost else { return }
    // The hub's screens say so also while the intake has no room for the alert.
    if isLost { remember(lostBondOf: device.id, since: intake.clock.wall()) }
    let event = IntakePayload.event(DeviceEvent(kind: .bondLost, phase: isLost ? .raised : .cleared))
    // If there was no room, the next attempt to connect says it again.
    guard intake.submit(event, device: device.id) != nil else { return }
    bondIsLost[device.id] = isLost
    // The screens go on saying so until the alert ends: screens and alert say the same.
    if !isLost { bondsLost.withLock { $0[device.id] = nil } }
  }

  /// The devices that must be paired again, and since when. Any thread.
  package var lostBonds: [DeviceID: WallTime] { bondsLost.withLock { $0 } }

  /// A bond that was lost, in this run or before it. Any thread.
  package func remember(lostBondOf device: DeviceID, since: WallTime) {
    bondsLost.withLock { bonds in if bonds[device] == nil { bonds[device] = since } }
  }

  package func detail(_ detail: BluetoothDetail, address: String) {
    // A level beyond 100 % means "not measured" (255 or the like).
    guard case .battery(let level) = detail, (0...100).contains(level), let (device, _) = registry.device(onBluetooth: address) else {
      return
    }
    let stamp = intake.stamp()
    if let known = batteries[device.id], known.level == level,
      stamp.instant < known.told.adding(seconds: Self.batteryIntervalSeconds)
    {
      return
    }
    let observation = Observation(code: .batteryLevel, value: Quantity(mantissa: Int64(level)), unit: .percent)
    let sequence = intake.submit(.observation(observation), device: device.id, stamp: stamp, keeper: .nobody)
    if sequence != nil { batteries[device.id] = (level, stamp.instant) }
  }
}
