// What others see of the loop, made at the end of each turn.

import BlueZ
import Synchronization
import VitalSigns

extension BluetoothLoop {
  func publish() {
    var snapshot = BluetoothSnapshot()
    if let facts = tree.adapter(named: link.configuration.adapter) {
      snapshot.adapter = BluetoothSnapshot.Adapter(
        name: facts.name, address: facts.address, isPowered: facts.isPowered, isDiscovering: facts.isDiscovering)
    }
    snapshot.problem = bus == nil ? .noService : service.isSilent ? .noAnswer : adapter.problem
    snapshot.connections = entries.values.count { $0.isUp } + tree.connectedOthers
    snapshot.strangers = tree.strangerCount
    snapshot.scanRestarts = adapter.scanRestarts
    snapshot.powerCycles = adapter.powerCycles
    snapshot.matchRules = bus?.matchRules ?? 0
    snapshot.malformed = malformed
    snapshot.radio = radio?.health
    snapshot.radioAbsence = radioAbsence
    snapshot.devices = entries.values.filter { $0.isRegistered }.map(status)
    snapshot.pairing = pairingStatus
    let made = snapshot
    link.shared.withLock { $0.snapshot = made }
  }

  private func status(of entry: DeviceEntry) -> BluetoothDeviceStatus {
    BluetoothDeviceStatus(
      address: entry.device.address, state: entry.session?.publicState ?? .listening, isConnected: entry.isUp,
      isBonded: tree.device(address: entry.device.address)?.isPaired ?? false, problem: entry.session?.problem, rssi: entry.rssiNow(now),
      battery: entry.battery, firmware: entry.firmware, connections: entry.session?.connections ?? 0, lastHeard: entry.lastHeard)
  }
}
