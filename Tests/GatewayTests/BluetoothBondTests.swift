// A device that has lost its pairing: it is said once, known until its return is told, and many are counted with the safety alarms named.

import BluetoothLink
import DeviceProfile
import Foundation
import Journal
import ProfileCatalogue
import RealtimeCore
import Synchronization
import Testing
import VitalSigns

@testable import CoreAPI
@testable import DeviceIntake
@testable import HubCore

extension BluetoothFrameIntakeTests {
  @Test func aLostBondIsSaidOnceAndSoIsItsReturn() {
    for isLost in [true, true, false, false, true] { frames.bond(isLost: isLost, address: Self.oximeter) }
    let phases = entries().compactMap { if case .event(let event) = $0.payload, event.kind == .bondLost { event.phase } else { nil } }
    #expect(phases == [.raised, .cleared, .raised])
    frames.bond(isLost: true, address: Self.stranger)
    #expect(entries().isEmpty)
  }

  /// What status, `/readyz`, doctor and the board say of it, also of a loss that an earlier run told.
  @Test func aLostBondIsKnownUntilItsReturnIsTold() {
    let oximeter = DeviceID(rawValue: 1)
    let before = WallTime(rawValue: 1_700_000_000_000)
    frames.remember(lostBondOf: oximeter, since: before)
    frames.bond(isLost: true, address: Self.oximeter)
    #expect(frames.lostBonds == [oximeter: before], "since it was told first")
    frames.bond(isLost: false, address: Self.oximeter)
    #expect(frames.lostBonds.isEmpty)
    // Room for everything but the alert: the screens say it all the same, and do not take it back before the alert.
    frames.bond(isLost: true, address: Self.oximeter)
    while intake.submit(.event(DeviceEvent(kind: .heartbeat)), device: oximeter) != nil {}
    frames.bond(isLost: false, address: Self.oximeter)
    #expect(frames.lostBonds.keys.sorted() == [oximeter])
    frames.bond(isLost: true, address: Self.meter)
    #expect(frames.lostBonds.keys.sorted() == [oximeter, DeviceID(rawValue: 2)])
  }

  @Test func manyLostBondsAreCountedAndSafetyAlarmsNamedFirst() {
    func bonds(_ numbers: ClosedRange<UInt32>, alarms: Set<UInt32> = []) -> [LostBond] {
      numbers.map { LostBond(device: DeviceID(rawValue: $0), isSafetyAlarm: alarms.contains($0), since: .unknown) }
    }
    let few = LostBond.told(bonds(1...8, alarms: [5]))
    #expect(few.named.map(\.device.rawValue) == [5, 1, 2, 3, 4, 6, 7, 8] && few.counted.isEmpty)
    let many = LostBond.told(bonds(1...20, alarms: [20]))
    #expect(many.named.map(\.device.rawValue) == [20, 1, 2, 3, 4, 5, 6] && many.counted.count == 13)
  }
}
