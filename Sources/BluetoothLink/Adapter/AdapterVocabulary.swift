// What the adapter's state machine hears and asks for: power, discovery, and the watch over a scan that hears nothing.

import BlueZ
import DeviceProfile
import VitalSigns

/// How much the hub wants to hear.
enum DiscoveryNeed: Sendable, Hashable {
  /// Nobody is waited for.
  case none
  /// Devices are to be found when they show up; scanning goes on and off.
  case cycle
  /// Advertisement-only devices, or an installer who waits: scanning goes on all the time.
  case continuous
}

/// An event on its way to the adapter's machine: the loop keeps it until the events before it are carried out. Each is a method of
/// `AdapterSession`, which says what it means.
enum AdapterInput: Sendable, Hashable {
  case service(isPresent: Bool)
  case facts(AdapterFacts?)
  case replied(AdapterOperation, BluezFailure?)
  case heard
  case need(DiscoveryNeed, uuids: [String])
  case connecting(Bool)
  case resetWanted(beside: AdapterSession.Links)
  case stop
  case deadline
}

enum AdapterOperation: Sendable, Hashable {
  case loadObjects
  case registerAgent
  case setPowered(Bool)
  case setFilter(uuids: [String])
  case startDiscovery
  case stopDiscovery
}

/// Why nothing is heard.
public enum AdapterProblem: String, Sendable, Hashable, CaseIterable {
  /// bluetoothd does not run.
  case noService
  /// bluetoothd runs and answers nothing, or refuses what the hub must have of it at the start.
  case noAnswer
  /// bluetoothd runs and has no adapter, or not the configured one.
  case noAdapter
  /// It cannot be switched on: blocked by rfkill, or broken.
  case cannotPowerOn
  /// Discovery is refused again and again.
  case cannotScan
  /// Scanning, and nothing is heard from anybody, through all restarts.
  case scanStalled
}
